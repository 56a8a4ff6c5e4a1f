"""The nearly grey start of back-propagation through time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from limbeck.core import tree
from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.key import Key
from limbeck.starts.batches import drawn


@dataclass(frozen=True)
class Xavier(AbstractStart):
    """Nearly grey images: Xavier-uniform numbers on the matrix of items by pixels.

    With N items of D numbers each is drawn from U(-a, a), a = sqrt(6 / (N + D)), as a network sees it
    (Glorot and Bengio, 2010; the start of Deng and Russakovsky, 2022).
    """

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` items of every class."""
        bound = math.sqrt(6 / (per_class * len(problem.task.classes) + tree.numel(problem.task.shape)))
        return drawn(problem, per_class, key, lambda shape, at: bound * (2 * at.uniform(*shape) - 1))
