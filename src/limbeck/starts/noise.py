"""Gaussian noise."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.key import Key
from limbeck.starts.batches import drawn


@dataclass(frozen=True)
class Noise(AbstractStart):
    """Standard normal noise, as a network sees it."""

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` items of every class, each number from N(0, 1)."""
        return drawn(problem, per_class, key, lambda shape, at: at.normal(*shape))
