"""Gaussian noise."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.starts.batches import drawn


@dataclass(frozen=True)
class Noise(AbstractStart):
    """Standard normal noise, as a network sees it."""

    norm: float = 0.0
    """The norm that each item is brought to, so that all lie on a sphere (Feng et al., ICLR 2024); 0: as drawn."""

    def __post_init__(self) -> None:
        at_least(self, 0, "norm")

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` items of every class, each number from N(0, 1) before items are scaled."""

        def made(shape: tuple[int, ...], at: Key) -> Tensor:
            noise = at.normal(*shape)
            if not self.norm:
                return noise
            norms = noise.flatten(1).norm(dim=1)
            return noise * (self.norm / norms).reshape(-1, *[1] * (noise.dim() - 1))

        return drawn(problem, per_class, key, made)
