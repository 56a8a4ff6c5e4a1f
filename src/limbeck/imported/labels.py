"""Targets of a published set, from labels in any of the ways in which they are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from limbeck.core.errors import InputError, unknown
from limbeck.imported.found import Found
from limbeck.tasks.readers.labels import CENTRED, LOGITS, SAID, WEIGHTS, Labels, read_labels
from limbeck.tasks.readers.source import Array

WRITTEN = {"weights": WEIGHTS, "logits": LOGITS, "centred": CENTRED}
"""What `--labels` may say of rows of numbers."""
SCALED = ("image", "label")
"""What arrays are called whose labels are centred and over the root of a tenth of the classes (Zhou et al. 2022)."""
_WILD = 2.0
"""A number that no label reaches that was learned from a one-hot row, centred or not: logits have larger ones."""
_SUM = 0.5


class Targets(NamedTuple):
    """What learners of a set are to say."""

    targets: Float[Tensor, "item output"]
    hard: bool
    """Whether each is a class and no more."""
    centred: bool
    """Whether 1/C had been taken from every number, as kernel methods do."""
    notes: tuple[str, ...]


def targets_of(path: Path, found: Found, count: int, classes: Sequence[str], written: str) -> Targets:
    """The targets of `count` images; `written` is a name of `WRITTEN`, or "" to find out how labels are written.

    Raises InputError for labels that are not of these images and classes, and where rows of numbers may be logits and
    weights that were learned.
    """
    if written and written not in WRITTEN:
        raise unknown("labels", written, WRITTEN)
    values = found.labels
    if values.ndim == 0 or len(values) != count:
        raise InputError(
            f"{path}: labels of shape {values.shape} for {count} images, expected one for each; check --entries"
        )
    _from_one(path, values, len(classes))
    form = WRITTEN.get(written, "")
    rows = values.ndim == 2 and values.shape[1] > 1
    if form and not rows:
        raise InputError(f"{path}: --labels {written}, found one label for each image and no weights; leave it out")
    if rows and found.names == SCALED and not form:
        values, form = values * math.sqrt(len(classes) / 10), CENTRED

    def place(index: int) -> str:
        return f"{path}: label of image {index}"

    names = classes if values.dtype.kind in "USO" else None
    read = read_labels(values, place, len(classes), names, form if rows else "")
    if read.written == LOGITS and not form:
        _told_apart(path, values)
    if read.weights is None:
        hard = nn.functional.one_hot(torch.from_numpy(read.classes), len(classes)).to(torch.float32)
        return Targets(hard, True, read.written == CENTRED, read.notes)
    return Targets(_weights(path, read), False, read.written == CENTRED, _notes(read))


def _weights(path: Path, read: Labels) -> Tensor:
    assert read.weights is not None
    sums = read.weights.sum(1)
    if float(np.abs(sums - 1).max()) > _SUM:
        raise InputError(
            f"{path}: labels read as {read.written} whose rows add up to {sums.min():.3g} to {sums.max():.3g}, "
            f"expected 1; say how they are written with --labels {', '.join(WRITTEN)}"
        )
    return torch.from_numpy(read.weights)


def _notes(read: Labels) -> tuple[str, ...]:
    if read.written == CENTRED:
        return ("the labels are learned weights less 1/C: 1/C was added to every number",)
    return (SAID[read.written],) if read.written in SAID else ()


def _from_one(path: Path, values: Array, count: int) -> None:
    """InputError for whole numbers that count the classes from 1."""
    if values.ndim == 1 and values.dtype.kind in "iu" and int(values.min()) == 1 and int(values.max()) == count:
        raise InputError(f"{path}: labels from 1 to {count}, expected 0 to {count - 1}; save them less 1")


def _told_apart(path: Path, values: Array) -> None:
    """InputError for rows that may be logits, or weights that were learned from centred or one-hot ones."""
    if float(np.abs(values).max()) > _WILD:
        return
    sums = values.sum(1)
    raise InputError(
        f"{path}: rows of labels from {values.min():.3g} to {values.max():.3g} that add up to {sums.min():.3g} to "
        f"{sums.max():.3g} may be logits, for softmax, or weights less 1/C, as of kernel methods; say --labels logits "
        "or --labels centred"
    )
