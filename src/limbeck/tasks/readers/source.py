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


SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Reading:
    """What whoever brings data knows of them; every field says what is done where nothing is said."""

    layout: str = ""
    """The levels of folders, such as "class-split"; by default found out."""
    label_column: str = ""
    """The column of a table that has the labels; by default found by its name."""
    background: str = ""
    """The colour that transparent pixels are laid on; by default white."""
    max_pixels: int | None = None
    """The pixels above which an image is refused as hostile; by default Pillow's own limit."""


AS_IT_LOOKS = Reading()
"""Nothing is said of the data."""


class Header(NamedTuple):
    """What is known of an image before it is decoded."""

    height: int
    width: int
    channel: int
    form: str
    """How it is stored: a format name such as "JPEG", or "array"."""
    frames: int = 1
    """How many pictures it holds; the first is read."""
    alpha: bool = False
    """Whether pixels may be transparent."""


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
    alpha: bool = False
    """Whether pixels were transparent, before they were laid on a background."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the array."""
        return self.array.dtype

    def __len__(self) -> int:
        return len(self.array)

    def header(self, index: int) -> Header:
        """The size that all images share."""
        height, width, channel = self.array.shape[1:]
        return Header(height, width, channel, "array", alpha=self.alpha)

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
    notes: tuple[str, ...] = ()
    """What is to be said of where the files lie, such as what lies beside them: of now, whatever was read before."""


def rows_of(table: Path | str) -> Callable[[int], str]:
    """The place of a row of one file, or of one array in it."""
    return lambda index: f"{table} row {index}"
