"""Random real examples that a teacher names rightly, under its labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.computations.features import CHUNK
from limbeck.computations.teachers import Teacher
from limbeck.core.contracts import AbstractStart, AbstractTask, Batch, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.starts.batches import check_weights, loaded, rows_by_class, weight_bytes


@dataclass(frozen=True)
class RightlyNamed(AbstractStart):
    """Random real examples that a teacher names rightly, under the soft labels it gives them (Guo et al., ICLR 2024).

    targets = softmax(outputs of the teacher), so that the largest weight of each is that of its class.
    """

    teacher: Teacher = field(default_factory=Teacher)
    """The network that names and labels."""
    taught = True

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """The training of the teacher."""
        return (self.teacher.training(),)

    def bytes_per_item(self, task: AbstractTask) -> int:
        """What a real example takes, and a number for each class."""
        return task.bytes_per_example + weight_bytes(task)

    def numbers_per_item(self, task: AbstractTask) -> int:
        """Those of a real image, and one for each class."""
        return task.numbers_per_example + len(task.classes)

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` examples of every class, the first of a shuffle of its examples that are named rightly.

        Raises InputError where there are fewer of a class, and where targets are not a weight for each class.
        """
        task, rows, outputs = problem.task, [], []
        for index, every in enumerate(rows_by_class(problem, per_class)):
            check_weights("rightly-named", task.load("train", every[:1]), len(task.classes))
            found = self._right(problem, every[key.fold(index).permutation(len(every))], index, per_class)
            rows.append(found[0])
            outputs.append(found[1])
        batch = loaded(problem, torch.cat(rows))
        return batch._replace(targets=torch.cat(outputs).softmax(1).to(batch.targets))

    def _right(
        self, problem: Problem, order: Int[Tensor, " row"], index: int, count: int
    ) -> tuple[Int[Tensor, " item"], Float[Tensor, "item output"]]:
        """The first `count` rows in an order whose largest output is that of a class, and their outputs."""
        logits, rows, outputs = self.teacher.reader(problem), order[:0], torch.empty(0, len(problem.task.classes))
        for some in order.split(CHUNK):
            said = logits(problem.task.load("train", some).inputs)
            right = said.argmax(1) == index
            rows, outputs = torch.cat([rows, some[right]]), torch.cat([outputs.to(said), said[right]])
            if len(rows) >= count:
                return rows[:count], outputs[:count]
        raise InputError(
            f"start rightly-named: found {len(rows)} of {len(order)} examples of class {problem.task.classes[index]!r} "
            f"that its teacher names rightly, expected {count}; train it longer (--start.teacher.epochs) or take fewer"
        )
