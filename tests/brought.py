"""Folders of small images, and what a task reads of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from limbeck.core.errors import InputError
from limbeck.tasks import load
from limbeck.tasks.images import ImageTask

Named = dict[str, list[int]]
"""Class -> the shades of its images, of all splits together."""


def put(root: Path, *names: str, shade: int = 0) -> int:
    """An image at each place below `root`, every one of a shade of its own from `shade` on; the next free shade."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4), shade, np.uint8)).save(path)
        shade += 1
    return shade


def files(*folders: str, count: int = 3) -> list[str]:
    return [f"{folder}/{index}.png" for folder in folders for index in range(count)]


def read(root: Path, **options) -> ImageTask:
    return load(f"folder:{root}", cache=root.parent / "cache", **options)


def shades(task: ImageTask, splits: Iterable[str] = ("train", "validation", "test")) -> Named:
    found: Named = {name: [] for name in task.classes}
    for name in splits:
        split = task.splits[name]
        for row, label in zip(split.rows, split.labels, strict=True):
            found[task.classes[label]].append(int(split.images[row, 0, 0, 0]))
    return {name: sorted(each) for name, each in found.items()}


TWICE = {"cat": [0, 1, 2], "dog": [3, 4, 5]}
TESTED = {"cat": [6, 7, 8], "dog": [9, 10, 11]}


def refused(root: Path, *fragments: str, **options) -> str:
    with pytest.raises(InputError) as caught:
        read(root, **options)
    for fragment in fragments:
        assert fragment in str(caught.value), str(caught.value)
    return str(caught.value)
