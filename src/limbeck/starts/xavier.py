"""The nearly grey start of back-propagation through time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.key import Key
from limbeck.starts.batches import drawn


@dataclass(frozen=True)
class Xavier(AbstractStart):
    """Nearly grey images: Xavier-uniform numbers on the matrix of items by pixels.

    With N items of D numbers each is drawn from U(-a, a), a = sqrt(6 / (N + D)), in normalised units
    (Glorot and Bengio, 2010; the start of Deng and Russakovsky, 2022).
    """

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` items of every class."""

        def uniform(shape: tuple[int, ...], at: Key) -> Tensor:
            return math.sqrt(6 / (shape[0] + math.prod(shape[1:]))) * (2 * at.uniform(*shape) - 1)

        return drawn(problem, per_class, key, uniform)
