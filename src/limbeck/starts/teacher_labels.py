"""Another start under the labels of a teacher."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from limbeck.computations.teachers import Teacher
from limbeck.core.contracts import Batch, Problem
from limbeck.core.expect import positive
from limbeck.core.key import Key
from limbeck.starts.batches import check_weights
from limbeck.starts.relabelling import AbstractRelabelling


@dataclass(frozen=True)
class TeacherLabels(AbstractRelabelling):
    """The items of another start under the soft labels of a teacher (Qin, Deng & Alvarez-Melis, NeurIPS 2024).

    targets = softmax(teacher(item) / temperature), one label for each item; classes stay as they were. The teacher is
    a network of limbeck's own, trained on the real training data, kept, and the same for every key.
    """

    teacher: Teacher = field(default_factory=Teacher)
    """The network that labels, and how long it was trained."""
    temperature: float = 1.0
    """Above 1 labels are more even, below 1 they are surer."""
    taught = True

    def __post_init__(self) -> None:
        positive(self, "temperature")

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """What the other start picks by, and the training of the teacher."""
        return (*super().needs(problem), self.teacher.training())

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` items of every class; InputError where targets are not a weight for each class."""
        picked = self.start.pick(problem, per_class, key)
        check_weights("teacher-labels", picked, len(problem.task.classes))
        outputs = self.teacher.reader(problem)(picked.inputs)
        return picked._replace(targets=(outputs / self.temperature).softmax(1).to(picked.targets))
