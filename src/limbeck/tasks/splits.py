"""Which rows train, validate and test: what the source says, and balanced shares carved where it says nothing."""

from __future__ import annotations

import numpy as np

from limbeck.core.key import Key
from limbeck.tasks.prepare import Facts
from limbeck.tasks.readers.source import Array

SPLITS = ("train", "validation", "test")
_SHARE = {"validation": 10, "test": 5}


def arrange(facts: Facts, fingerprint: str) -> tuple[dict[str, Array], tuple[str, ...]]:
    """The rows of each split in their original order, and notes on what was carved.

    Without a test split a fifth of each class of the training split becomes one; then, without a
    validation split, a tenth of each class of what is left. Both depend on the data alone.
    Every class has an image for each split, which `prepare.facts_of` has made sure of.
    """
    rows: dict[str, Array] = {}
    start = 0
    for split, length in facts.lengths.items():
        rows[split] = np.arange(start, start + length)
        start += length
    missing = [split for split in ("test", "validation") if split not in rows]
    notes = []
    for split in missing:
        rows["train"], rows[split] = _carve(facts, rows["train"], _SHARE[split], Key((split, fingerprint)))
        share = "a tenth" if split == "validation" else "a fifth"
        notes.append(f"the {split} split is {share} of each class of the training images, drawn by the data's digest")
    return {split: rows[split] for split in SPLITS}, tuple(notes)


def _carve(facts: Facts, rows: Array, share: int, key: Key) -> tuple[Array, Array]:
    """`rows` without, and with only, one in `share` of each class (at least one), each in order."""
    taken = np.zeros(len(rows), dtype=bool)
    for label in range(len(facts.classes)):
        drawn_from = np.flatnonzero(facts.labels[rows] == label)
        drawn = key.fold(label).permutation(len(drawn_from))[: max(1, round(len(drawn_from) / share))]
        taken[drawn_from[drawn.numpy()]] = True
    return rows[~taken], rows[taken]
