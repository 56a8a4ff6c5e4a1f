"""What a finding of learning-time has in its tables."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.findings import Row


@dataclass(frozen=True)
class TrajectoryRow(
    Row,
    table="trajectory",
    caption="one learner of real data; recognition of the set's items, -+ 1.96 standard errors, and smoothed",
):
    """A reading of a training on all real data."""

    step: int
    recognition: float
    low: float
    high: float
    smoothed: float
    test_accuracy: float


@dataclass(frozen=True)
class LearnedRow(
    Row,
    table="items",
    caption="the first reading from which on each item is always recognised; none where it is not at the end",
):
    """When an item is learned for good."""

    item: int
    class_: str
    step: int | None
