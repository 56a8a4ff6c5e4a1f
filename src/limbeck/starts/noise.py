"""Gaussian noise."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core import tree
from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.key import Key
from limbeck.starts.batches import labelled


@dataclass(frozen=True)
class Noise(AbstractStart):
    """Standard normal noise, as a network sees it."""

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` items of every class, each number from N(0, 1)."""
        count = per_class * len(problem.task.classes)
        inputs = tree.build(
            problem.task.shape, count, lambda path, shape: (key.fold(path) if path else key).normal(*shape)
        )
        return labelled(problem, inputs, per_class)
