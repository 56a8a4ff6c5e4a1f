"""What a task's data looks like, as plain numbers, and what to be wary of."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from itertools import combinations
from typing import Any

import torch

from limbeck.codecs.images import fit_channels
from limbeck.tasks.cautions import dark, unbalanced, unique
from limbeck.tasks.images import ImageTask, Split

_CHUNK = 1000
_TINY = 10
"""Training examples below which a class is called tiny."""


def describe(task: ImageTask) -> dict[str, Any]:
    """Counts, pixel ranges and statistics, exact duplicates, the codec, notes and warnings, ready for JSON.

    Ranges, means and standard deviations are of pixels in [0, 1], per channel. A duplicate is an image
    whose pixels all equal those of an earlier one.
    """
    counts = {
        name: {label: len(rows) for label, rows in zip(unique(task.classes), task.groups(name), strict=True)}
        for name in task.splits
    }
    hashes = {name: _hashes(split) for name, split in task.splits.items()}
    pixels = {name: _pixels(split) for name, split in task.splits.items()}
    duplicates = _duplicates(task, hashes)
    conflicts = _conflicts(task, hashes)
    warnings = [*_warnings(counts, pixels, duplicates, conflicts), *dark(task.splits["train"])]
    return {
        "name": task.name,
        "fingerprint": task.fingerprint,
        "shape": list(task.shape),
        "classes": list(task.classes),
        "mirror": task.mirror,
        "metrics": [metric._asdict() for metric in task.metrics],
        "counts": counts,
        "pixels": pixels,
        "duplicates": duplicates,
        "conflicting_labels": conflicts,
        "codec": task.codec.header(),
        "notes": [note for note in task.notes if note not in warnings],
        "warnings": warnings,
    }


def _hashes(split: Split) -> list[bytes]:
    """A digest of the exact pixels of each image."""
    return [hashlib.blake2b(split.images[row].tobytes(), digest_size=16).digest() for row in split.rows]


def _pixels(split: Split) -> dict[str, Any]:
    """Per channel minimum, maximum, mean and standard deviation, and how many images are of one value."""
    low, high, constant = [], [], 0
    for rows in torch.arange(len(split)).split(_CHUNK):
        flat = split.pixels(rows).flatten(2)
        least, most = flat.amin(2), flat.amax(2)
        low.append(least.amin(0))
        high.append(most.amax(0))
        constant += int((least == most).all(1).sum())
    fitted = fit_channels(split.pixels(rows) for rows in torch.arange(len(split)).split(_CHUNK))
    return {
        "minimum": torch.stack(low).amin(0).tolist(),
        "maximum": torch.stack(high).amax(0).tolist(),
        "mean": list(fitted.mean),
        "std": list(fitted.std),
        "constant_images": constant,
    }


def _duplicates(task: ImageTask, hashes: dict[str, list[bytes]]) -> dict[str, int]:
    """By split, the images that repeat an earlier one; by two splits, the images of the second found in the first."""
    within = {name: len(each) - len(set(each)) for name, each in hashes.items()}
    across = {
        f"{first}/{second}": sum(digest in seen for digest in hashes[second])
        for first, second in combinations(hashes, 2)
        for seen in (set(hashes[first]),)
        # Where nothing was set apart, the training examples themselves validate.
        if task.splits[first].rows is not task.splits[second].rows
    }
    return within | across


def _conflicts(task: ImageTask, hashes: dict[str, list[bytes]]) -> int:
    """How many distinct images carry more than one class, over all splits."""
    labels: defaultdict[bytes, set[int]] = defaultdict(set)
    for name, each in hashes.items():
        for digest, label in zip(each, task.splits[name].labels, strict=True):
            labels[digest].add(int(label))
    return sum(len(classes) > 1 for classes in labels.values())


def _warnings(
    counts: dict[str, dict[str, int]], pixels: dict[str, Any], duplicates: dict[str, int], conflicts: int
) -> list[str]:
    warnings = unbalanced(counts)
    tiny = [name for name, count in counts["train"].items() if count < _TINY]
    if tiny:
        warnings.append(f"tiny classes: fewer than {_TINY} training examples of {', '.join(tiny)}")
    for pair, count in duplicates.items():
        if "/" in pair and count:
            first, second = pair.split("/")
            warnings.append(f"duplicates across splits: {count} {second} examples are also in {first}")
    if conflicts:
        warnings.append(f"conflicting labels: {conflicts} images occur with more than one class")
    for name, each in pixels.items():
        if each["constant_images"]:
            warnings.append(f"constant images: {each['constant_images']} in {name} are of a single value")
    return warnings
