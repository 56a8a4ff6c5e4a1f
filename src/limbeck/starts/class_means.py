"""Means of real images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.starts.batches import rows_by_class
from limbeck.statistics.groups import group_means


@dataclass(frozen=True)
class ClassMeans(AbstractStart):
    """The mean image of each class; with several per class, means of disjoint random parts of it."""

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` means of every class, of parts that differ by at most one image.

        Raises InputError for a small class, and for inputs or targets that have no mean.
        """
        means = []
        for index, rows in enumerate(rows_by_class(problem, per_class)):
            shuffled = rows[key.fold(index).permutation(len(rows))]
            for part in shuffled.tensor_split(per_class):
                batch = problem.task.load("train", part)
                means.append(Batch(_mean(batch.inputs), _mean(batch.targets), batch.classes[:1]))
        return problem.task.join(means).to(problem.device)


def _mean(values: Tree) -> Tree:
    """The mean over all examples, as one example, summed in double precision."""
    if not all(map(torch.is_floating_point, tree.leaves(values))):
        raise InputError("start class-means: found inputs or targets of whole numbers, which have no mean; use real")

    def mean(leaf: Tensor) -> Tensor:
        whole: Tensor = group_means(leaf.double(), torch.zeros(len(leaf), dtype=torch.int64), 1)
        return whole.to(leaf.dtype)

    return tree.map(mean, values)
