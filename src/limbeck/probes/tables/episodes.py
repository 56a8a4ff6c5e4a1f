"""What a finding of episodes has in its tables."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.findings import Row

OURS, CONTROL, FRESH = "the set", "as many random real examples", "nothing yet"
"""What policies are trained on."""


@dataclass(frozen=True)
class PolicyRow(Row, table="policies", caption="returns of the episodes of each policy, actions drawn from it"):
    """A policy."""

    trained_on: str
    seed: int
    mean_return: float
    least: float
    most: float
    share_cut_off: float
    """Of the episodes, those that lasted until they were cut off."""


@dataclass(frozen=True)
class MomentRow(Row, table="one episode", caption="the first episode of seed 0: what it sees, and what it does"):
    """One of the numbers that a policy sees, at a step of an episode."""

    trained_on: str
    step: int
    action: int
    number: str
    value: float
