"""What starts have in common that give the items of another one other labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from limbeck.core.contracts import AbstractStart, AbstractTask, Problem
from limbeck.starts.batches import weight_bytes
from limbeck.starts.real import Real


@dataclass(frozen=True)
class AbstractRelabelling(AbstractStart):
    """The items of another start under a weight for each class."""

    start: AbstractStart = field(default_factory=Real)
    """The start whose items they are."""

    def check(self, problem: Problem) -> None:
        """As the other start does."""
        self.start.check(problem)

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """What the other start picks by."""
        return self.start.needs(problem)

    def bytes_per_item(self, task: AbstractTask) -> int:
        """What an item of the other start takes, and a number for each class."""
        return self.start.bytes_per_item(task) + weight_bytes(task)

    def numbers_per_item(self, task: AbstractTask) -> int:
        """Those of an item of the other start, and one for each class."""
        return self.start.numbers_per_item(task) + len(task.classes)
