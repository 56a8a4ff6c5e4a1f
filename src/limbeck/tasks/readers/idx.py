"""The IDX files of MNIST and Fashion-MNIST, plain or gzipped."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from limbeck.core.errors import InputError
from limbeck.tasks.readers.labels import integer_labels
from limbeck.tasks.readers.source import Array, Part, Source, Stacked, rows_of

_STEMS = {"train": "train", "test": "t10k"}


def find(folder: Path, classes: tuple[str, ...]) -> Source | None:
    """The four files in `folder`, or None where one is missing."""
    files = {
        (split, kind): _first(folder, stem, kind)
        for split, stem in _STEMS.items()
        for kind in ("images-idx3", "labels-idx1")
    }
    present = {name: path for name, path in files.items() if path is not None}
    if len(present) < len(files):
        return None

    def read() -> tuple[Part, ...]:
        return tuple(
            _part(split, present[split, "images-idx3"], present[split, "labels-idx1"], classes) for split in _STEMS
        )

    return Source(tuple(present.values()), read)


def _first(folder: Path, stem: str, kind: str) -> Path | None:
    names = (f"{stem}-{form}-ubyte{end}" for end in ("", ".gz") for form in (kind, kind.replace("-idx", ".idx")))
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _part(split: str, images_file: Path, labels_file: Path, classes: tuple[str, ...]) -> Part:
    images, labels = _parse(images_file, 3), _parse(labels_file, 1)
    if len(images) != len(labels):
        raise InputError(
            f"{labels_file}: {len(labels)} labels for the {len(images)} images of {images_file.name}, "
            "expected as many; download both again"
        )
    place = rows_of(images_file)
    return Part(split, Stacked(images[..., None]), integer_labels(labels, place, len(classes)), classes, place)


def _parse(path: Path, rank: int) -> Array:
    """The unsigned bytes of an IDX file of the given number of axes."""
    again = "expected a whole IDX file of unsigned bytes; download it again"
    start = 4 + 4 * rank
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as opened:
            head = opened.read(start)
            if len(head) < start or head[:4] != bytes([0, 0, 8, rank]):
                raise InputError(f"{path}: begins with {head[:4].hex() or 'nothing'}, {again}")
            shape = struct.unpack(f">{rank}I", head[4:])
            # One byte more than is due shows a file that is too long without unpacking all of it.
            content = opened.read(math.prod(shape) + 1)
    except (OSError, EOFError, zlib.error, OverflowError, MemoryError) as error:
        raise InputError(f"{path}: unreadable ({str(error) or type(error).__name__}), {again}") from error
    if len(content) != math.prod(shape):
        raise InputError(f"{path}: not the {math.prod(shape)} bytes of data that shape {shape} needs, {again}")
    return np.frombuffer(content, np.uint8).reshape(shape)
