"""Another start under labels that say nothing."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from limbeck.core.contracts import Batch, Problem
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.starts.batches import check_weights, first_in_turn
from limbeck.starts.relabelling import AbstractRelabelling


@dataclass(frozen=True)
class UniformLabels(AbstractRelabelling):
    """The items of another start under equal weights for all classes (Bohdal et al. 2020).

    They are the very items that the other start gives by the same key. Classes stay as they were.
    """

    items: int = 0
    """How many there are in all, which may be fewer than there are classes: of the first classes, in turn; 0: as many
    of every class as are asked for."""

    def __post_init__(self) -> None:
        at_least(self, 0, "items")

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` items of every class; InputError where targets are not a weight for each class."""
        count = len(problem.task.classes)
        picked = self.start.pick(problem, -(-self.items // count) if self.items else per_class, key)
        check_weights("uniform-labels", picked, count)
        if self.items:
            picked = first_in_turn(problem.task, picked, self.items)
        return picked._replace(targets=torch.full_like(picked.targets, 1 / count))
