"""Another start under labels that are less sure."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.errors import InputError
from limbeck.core.expect import expect
from limbeck.core.key import Key
from limbeck.starts.real import Real


@dataclass(frozen=True)
class SmoothedLabels(AbstractStart):
    """The items of another start under smoothed labels (Szegedy et al., CVPR 2016).

    targets = (1 - share) y + share / C, where y are the targets of the other start and C is how many classes there are.
    """

    start: AbstractStart = field(default_factory=Real)
    share: float = 0.1
    """What goes to all classes alike; 0: labels stay as they are."""

    def __post_init__(self) -> None:
        expect(self, "share", 0 <= self.share <= 1, "a number from 0 to 1")

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` items of every class; InputError where targets are not a weight for each class."""
        count = len(problem.task.classes)
        picked = self.start.pick(problem, per_class, key)
        targets = picked.targets
        if not isinstance(targets, Tensor) or targets.shape != (len(picked.classes), count):
            found = tuple(targets.shape) if isinstance(targets, Tensor) else "a tree"
            raise InputError(
                f"start smoothed-labels: found targets {found}, expected a weight for each of {count} classes; "
                "choose --start real"
            )
        return picked._replace(targets=(1 - self.share) * targets + self.share / count)
