"""What a finding of reliance has in its tables."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.findings import Row

OURS, RANDOM, FULL = "the set", "as many random real examples", "all real data"
"""What learners are trained on."""
OWN, HARD = "its own", "hard"
"""The labels."""


@dataclass(frozen=True)
class RelianceRow(
    Row,
    table="labels and augmentation",
    caption="mean test accuracy and 95 % interval over seeds, by labels and with or without augmentation",
):
    """Learners that were trained one way."""

    trained_on: str
    labels: str
    augmented: int
    accuracy: float
    low: float
    high: float
