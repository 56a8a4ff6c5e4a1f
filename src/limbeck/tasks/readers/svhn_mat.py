"""The cropped digits of SVHN as MATLAB files: X (height, width, channel, image) and y, where 10 means the digit 0."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from limbeck.core.errors import InputError
from limbeck.tasks.readers.labels import integer_labels
from limbeck.tasks.readers.source import Part, Source, Stacked, rows_of

_CLASSES = tuple("0123456789")


def find(folder: Path) -> Source | None:
    """train_32x32.mat and test_32x32.mat in `folder`, or None where one is missing."""
    files = {split: folder / f"{split}_32x32.mat" for split in ("train", "test")}
    if not all(path.is_file() for path in files.values()):
        return None
    return Source(tuple(files.values()), lambda: tuple(_part(split, path) for split, path in files.items()))


def _part(split: str, path: Path) -> Part:
    from scipy.io import loadmat

    again = "expected X (32, 32, 3, image) of bytes and y, one digit per image; download it again"
    try:
        content = loadmat(path, variable_names=("X", "y"))
    except Exception as error:  # a parser given hostile bytes may fail in any way
        raise InputError(f"{path}: damaged, or not a MATLAB 5 file ({type(error).__name__}), {again}") from error
    if "X" not in content or "y" not in content:
        raise InputError(f"{path}: X or y is missing, {again}")
    images, digits = content["X"], content["y"].reshape(-1)
    if images.ndim != 4 or images.shape[2] != 3 or images.dtype != np.uint8 or images.shape[3] != len(digits):
        raise InputError(
            f"{path}: X of shape {images.shape} and type {images.dtype} with {len(digits)} labels, {again}"
        )
    digits = np.where(digits == 10, 0, digits)
    place = rows_of(path)
    labels = integer_labels(digits, place, len(_CLASSES))
    return Part(split, Stacked(np.moveaxis(images, 3, 0)), labels, _CLASSES, place)
