"""What a finding of continuation has in its table."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.findings import Row

SET, IMAGES, ON = "the set", "random real examples", "all real data"
"""What learners are trained further on."""


@dataclass(frozen=True)
class ContinuationRow(
    Row,
    table="continuation",
    caption="mean test accuracy after so many more steps, and its paired change over n learners; 95 % intervals, each "
    "by itself",
):
    """How test accuracy has changed at a step of further training."""

    on: str
    step: int
    test_accuracy: float
    change: float
    low: float
    high: float
    n: int
