"""The binary version of CIFAR-10 and CIFAR-100: records of label bytes and a red, a green and a blue plane."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from limbeck.core.errors import InputError
from limbeck.tasks.readers.labels import integer_labels
from limbeck.tasks.readers.source import Part, Source, Stacked

_SIDE = 32
_PIXELS = 3 * _SIDE * _SIDE


def find_cifar10(folder: Path, classes: tuple[str, ...]) -> Source | None:
    """data_batch_1..5.bin and test_batch.bin in `folder`, or None where one is missing."""
    train = [folder / f"data_batch_{index}.bin" for index in range(1, 6)]
    test = [folder / "test_batch.bin"]
    if not all(path.is_file() for path in train + test):
        return None
    return Source((*train, *test), lambda: (_part("train", train, 1, classes), _part("test", test, 1, classes)))


def find_cifar100(folder: Path) -> Source | None:
    """train.bin, test.bin and fine_label_names.txt in `folder`, or None where one is missing; fine labels."""
    train, test, names = folder / "train.bin", folder / "test.bin", folder / "fine_label_names.txt"
    if not all(path.is_file() for path in (train, test, names)):
        return None

    def read() -> tuple[Part, ...]:
        classes = tuple(names.read_text(encoding="utf-8", errors="replace").split())
        return _part("train", [train], 2, classes), _part("test", [test], 2, classes)

    return Source((train, test, names), read)


def _part(split: str, files: Sequence[Path], label_bytes: int, classes: tuple[str, ...]) -> Part:
    """One split; of several label bytes the last is the class."""
    length = label_bytes + _PIXELS
    blocks = []
    places: list[tuple[Path, int]] = []
    for path in files:
        try:
            content = np.frombuffer(path.read_bytes(), np.uint8)
        except OSError as error:
            raise InputError(f"{path}: unreadable ({error.strerror}); check the file") from error
        if len(content) == 0 or len(content) % length:
            raise InputError(
                f"{path}: {len(content)} bytes, expected a multiple of {length} (one record per image); "
                "download the binary version again"
            )
        blocks.append(content.reshape(-1, length))
        places += [(path, row) for row in range(len(blocks[-1]))]
    records = np.concatenate(blocks)

    def place(index: int) -> str:
        path, row = places[index]
        return f"{path} row {row}"

    labels = integer_labels(records[:, label_bytes - 1], place, len(classes))
    planes = records[:, label_bytes:].reshape(-1, 3, _SIDE, _SIDE)
    return Part(split, Stacked(np.moveaxis(planes, 1, -1)), labels, classes, place)
