"""What a reader of any result on these images must beware of, as the counts and the brightness of images tell it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from limbeck.tasks.images import Split

_IMBALANCED = 1.5
"""Largest class over smallest from which images are called unbalanced."""
_DARK = 0.25
"""The brightness that an image of eight bits reaches somewhere, unless its levels are not of 255."""
_SHOWN = 5
_AT_ONCE = 1000


def cautions(classes: Sequence[str], splits: Mapping[str, Split]) -> tuple[str, ...]:
    """Lines on classes that are unbalanced, or absent where others are measured, and on images of a few dark levels."""
    counts = {
        name: dict(zip(unique(classes), np.bincount(split.labels, minlength=len(classes)).tolist(), strict=True))
        for name, split in splits.items()
    }
    return (*unbalanced(counts), *dark(splits["train"]))


def unique(classes: Sequence[str]) -> list[str]:
    """Class names as keys: a name that several classes share gets its position with it.

    >>> unique(["crane", "bus", "crane"])
    ['crane (0)', 'bus', 'crane (2)']
    """
    shared = Counter(classes)
    return [name if shared[name] == 1 else f"{name} ({index})" for index, name in enumerate(classes)]


def unbalanced(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Lines on what the counts of each class in each split say."""
    train = counts["train"]
    largest, smallest = max(train, key=lambda name: train[name]), min(train, key=lambda name: train[name])
    lines = []
    if train[largest] >= _IMBALANCED * train[smallest]:
        lines.append(
            f"imbalance: {train[largest]} training examples of {largest!r} against {train[smallest]} of {smallest!r}"
        )
    for name, each in counts.items():
        absent = [label for label, count in each.items() if count == 0]
        if absent:
            more = f" and {len(absent) - _SHOWN} more" if len(absent) > _SHOWN else ""
            lines.append(f"the {name} split has no image of {', '.join(absent[:_SHOWN])}{more}")
    return lines


def dark(train: Split) -> list[str]:
    """A line on images of eight bits that use few levels of 256, and those the darkest."""
    if train.images.dtype != np.uint8:
        return []
    brightest = max(
        int(train.images[train.rows[start : start + _AT_ONCE]].max()) for start in range(0, len(train), _AT_ONCE)
    )
    if brightest > _DARK * 255:
        return []
    return [
        f"few levels: the brightest pixel of all training examples is {brightest} of 255, so all are nearly black; "
        f"where {brightest} is white, save x / {max(brightest, 1)} * 255"
    ]
