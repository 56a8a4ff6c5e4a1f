"""What a finding of learning-time has in its tables."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.findings import Row


@dataclass(frozen=True)
class TrajectoryRow(
    Row,
    table="trajectory",
    caption="learners of real data, one a seed: the share of the set's items that each recognises, as it is and "
    "smoothed; of as many random real examples, smoothed: the mean, the least and the most over the controls",
):
    """A reading of a training on all real data."""

    seed: int
    step: int
    recognition: float
    smoothed: float
    real: float
    low_real: float
    high_real: float
    test_accuracy: float


@dataclass(frozen=True)
class LearnedRow(
    Row,
    table="items",
    caption="the first reading from which on the learner of a seed recognises an item at every one; none where it does "
    "not at the end",
):
    """When an item is learned for good."""

    item: int
    class_: str
    seed: int
    step: int | None
