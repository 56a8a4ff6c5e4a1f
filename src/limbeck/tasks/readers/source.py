"""The one value that every reader returns, and the files it came from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


SPLIT_NAMES = {"train": ("train",), "validation": ("validation", "valid", "val"), "test": ("test",)}
"""What the files or folders of each split are called."""


class Header(NamedTuple):
    """What is known of an image before it is decoded."""

    height: int
    width: int
    channel: int
    form: str
    """How it is stored: a format name such as "JPEG", or "array"."""


class AbstractImages(ABC):
    """Images that are decoded when asked for, so that a large set is never held twice."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """uint8 for values in 0..255, float32 for values in [0, 1]."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def header(self, index: int) -> Header:
        """What is known of image `index` without decoding it; InputError where it is not an image."""

    @abstractmethod
    def decode(self, index: int) -> Array:
        """Image `index`, (height, width, channel); InputError where it is damaged."""


@dataclass(frozen=True)
class Stacked(AbstractImages):
    """Images of one size in one array (example, height, width, channel)."""

    array: Array

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the array."""
        return self.array.dtype

    def __len__(self) -> int:
        return len(self.array)

    def header(self, index: int) -> Header:
        """The size that all images share."""
        height, width, channel = self.array.shape[1:]
        return Header(height, width, channel, "array")

    def decode(self, index: int) -> Array:
        """The image as it stands."""
        return np.asarray(self.array[index])


@dataclass(frozen=True)
class Part:
    """One split as a reader found it."""

    split: str
    images: AbstractImages
    labels: Array
    """(example,) int64, positions in `classes`."""
    classes: tuple[str, ...]
    place: Callable[[int], str]
    """How a person finds example `index`: a file, or a file and a row."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """Files that were found, and how to read them."""

    files: tuple[Path, ...]
    """Every file that `read` depends on; none where the data comes with an installed package."""
    read: Callable[[], tuple[Part, ...]]


def rows_of(table: Path | str) -> Callable[[int], str]:
    """The place of a row of one file, or of one array in it."""
    return lambda index: f"{table} row {index}"
