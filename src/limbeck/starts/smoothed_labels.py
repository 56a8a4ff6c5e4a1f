"""Another start under labels that are less sure."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.contracts import Batch, Problem
from limbeck.core.expect import expect
from limbeck.core.key import Key
from limbeck.starts.batches import check_weights
from limbeck.starts.relabelling import AbstractRelabelling


@dataclass(frozen=True)
class SmoothedLabels(AbstractRelabelling):
    """The items of another start under smoothed labels (Szegedy et al., CVPR 2016).

    targets = (1 - share) y + share / C, where y are the targets of the other start and C is how many classes there are.
    """

    share: float = 0.1
    """What goes to all classes alike; 0: labels stay as they are."""

    def __post_init__(self) -> None:
        expect(self, "share", 0 <= self.share <= 1, "a number from 0 to 1")

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` items of every class; InputError where targets are not a weight for each class."""
        count = len(problem.task.classes)
        picked = self.start.pick(problem, per_class, key)
        check_weights("smoothed-labels", picked, count)
        targets = picked.targets
        return picked._replace(targets=(1 - self.share) * targets + self.share / count)
