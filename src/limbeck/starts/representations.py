"""Another start under what a network says of its items that learned without labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from limbeck.computations.twins import Twins
from limbeck.core.budget import FLOAT
from limbeck.core.contracts import AbstractTask, Batch, Problem
from limbeck.core.key import Key
from limbeck.starts.relabelling import AbstractRelabelling


@dataclass(frozen=True)
class Representations(AbstractRelabelling):
    """The items of another start under their representations (item, number), which no label says (Lee et al. 2024).

    targets = the features of a network that learned from the real images alone; classes stay as they were. The network
    is limbeck's own, trained once, kept, and the same for every key. Learners of such a set are judged by their
    features (protocol linear).
    """

    teacher: Twins = field(default_factory=Twins)
    """The network whose representations become targets."""
    represents = True

    def check(self, problem: Problem) -> None:
        """As the other start does; InputError for what is no image."""
        super().check(problem)
        self.teacher.reads(problem.task)

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """What the other start picks by, and the training of the network."""
        return (*super().needs(problem), self.teacher)

    def bytes_per_item(self, task: AbstractTask) -> int:
        """What an item of the other start takes, and its representation in 32 bits."""
        return self.start.bytes_per_item(task) + FLOAT * self.teacher.reads(task)

    def numbers_per_item(self, task: AbstractTask) -> int:
        """Those of an item of the other start, and of its representation."""
        return self.start.numbers_per_item(task) + self.teacher.reads(task)

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` items of every class; InputError for what is no image."""
        self.teacher.reads(problem.task)
        picked = self.start.pick(problem, per_class, key).to(problem.device)
        return picked._replace(targets=self.teacher.reader(problem)(picked.inputs))
