"""Another start under labels that say nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.starts.batches import first_in_turn
from limbeck.starts.real import Real


@dataclass(frozen=True)
class UniformLabels(AbstractStart):
    """The items of another start under equal weights for all classes (Bohdal et al. 2020).

    They are the very items that the other start gives by the same key. Classes stay as they were.
    """

    start: AbstractStart = field(default_factory=Real)
    items: int = 0
    """How many there are in all, which may be fewer than there are classes: of the first classes, in turn; 0: as many
    of every class as are asked for."""

    def __post_init__(self) -> None:
        at_least(self, 0, "items")

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` items of every class; InputError where targets are not a weight for each class."""
        count = len(problem.task.classes)
        picked = self.start.pick(problem, -(-self.items // count) if self.items else per_class, key)
        targets = picked.targets
        if not isinstance(targets, Tensor) or targets.shape != (len(picked.classes), count):
            found = tuple(targets.shape) if isinstance(targets, Tensor) else "a tree"
            raise InputError(
                f"start uniform-labels: found targets {found}, expected a weight for each of {count} classes; "
                "choose --start real"
            )
        if self.items:
            picked = first_in_turn(problem.task, picked, self.items)
        return picked._replace(targets=torch.full_like(picked.targets, 1 / count))
