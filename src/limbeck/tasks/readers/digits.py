"""The 1,797 hand-written digits of 8 x 8 pixels that come with scikit-learn."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from limbeck.tasks.readers.source import Part, Source, Stacked


def find() -> Source:
    """The digits; their values 0..16 are divided by 16."""
    return Source((), _read)


def _read() -> tuple[Part, ...]:
    rows = _rows()
    images = (rows[:, :-1].reshape(-1, 8, 8, 1) / 16).astype(np.float32)
    labels = rows[:, -1].astype(np.int64)
    classes = tuple(map(str, range(10)))
    return (Part("train", Stacked(images), labels, classes, lambda row: f"digits row {row}"),)


def _rows() -> np.ndarray:
    """The 64 pixels and the label of every digit.

    From scikit-learn's file where that is found: to import scikit-learn takes a second, more than all else here.
    """
    spec = find_spec("sklearn")
    for folder in spec.submodule_search_locations or () if spec else ():
        for file in Path(folder).glob("datasets/data/digits.csv*"):
            return np.loadtxt(file, delimiter=",")
    from sklearn.datasets import load_digits

    return np.column_stack(load_digits(return_X_y=True))
