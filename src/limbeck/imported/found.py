"""What is wanted of a file or folder of others, and what was found in it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from limbeck.tasks.readers.source import Array


def digest_of(files: Sequence[Path]) -> str:
    """The digest of the contents of files, in their order."""
    hasher = hashlib.sha256()
    for file in files:
        with open(file, "rb") as opened:
            hasher.update(hashlib.file_digest(opened, "sha256").digest())
    return hasher.hexdigest()


@dataclass(frozen=True)
class Wanted:
    """How to read what may be read in several ways."""

    classes: tuple[str, ...]
    """The names of the classes of the data."""
    which: int | None = None
    """Which of several sets in one file."""
    keys: tuple[str, ...] = ()
    """The names of images and labels in a dict or an archive; found by usual names where not said."""
    folders: str = ""
    """Whether folders are called by "names" of classes or by "numbers"."""


@dataclass(frozen=True, eq=False)
class Found:
    """What a file or folder holds, as it stands there."""

    images: Tensor
    """(item, channel, height, width), or channels last, or (item, height, width); integers in 0..255 or floats."""
    labels: Array
    """(item,), (item, 1) or (item, class): numbers, or names of classes."""
    files: tuple[Path, ...]
    """Every file that was read."""
    rates: tuple[float, ...] = ()
    """The learned learning rates, where they lie beside them: one, or one for each step."""
    order: Tensor | None = None
    """(step, item) the items that each step sees, where that is part of the set."""
    which: int | None = None
    """Which of several sets in one file."""
    names: tuple[str, str] = ("images", "labels")
    """What images and labels are called there."""
    notes: tuple[str, ...] = ()
    """What a reader must know of it."""

    def noting(self, note: str) -> Found:
        """The same with another note."""
        return replace(self, notes=(*self.notes, note))
