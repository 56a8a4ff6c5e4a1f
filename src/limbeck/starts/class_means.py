"""Means of real images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.key import Key
from limbeck.starts.batches import labelled, rows_by_class


@dataclass(frozen=True)
class ClassMeans(AbstractStart):
    """The mean image of each class; with several per class, means of disjoint random parts of it."""

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` means of every class, of parts that differ by at most one image; InputError for a small class."""
        means: list[Tensor] = []
        for index, rows in enumerate(rows_by_class(problem, per_class)):
            shuffled = rows[key.fold(index).permutation(len(rows))]
            for part in shuffled.tensor_split(per_class):
                inputs = problem.task.load("train", part).inputs
                means.append(inputs.double().mean(0).to(inputs.dtype))
        return labelled(problem, torch.stack(means), per_class)
