"""The 1,797 hand-written digits of 8 x 8 pixels that come with scikit-learn."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from limbeck.tasks.readers.source import Part, Source, Stacked


def find() -> Source:
    """The digits; their values 0..16 are divided by 16."""
    # Kept like other data, by the file that they are in: to import scikit-learn takes longer than all else here.
    found = find_spec("sklearn")
    folders = found.submodule_search_locations if found else None
    return Source(tuple(file for each in folders or () for file in Path(each).glob("datasets/data/digits.csv*")), _read)


def _read() -> tuple[Part, ...]:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (bunch.images / 16).astype(np.float32)[..., None]
    classes = tuple(str(name) for name in bunch.target_names)
    return (Part("train", Stacked(images), bunch.target.astype(np.int64), classes, lambda row: f"digits row {row}"),)
