"""Gaussian noise."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.starts.batches import drawn, first_in_turn


@dataclass(frozen=True)
class Noise(AbstractStart):
    """Standard normal noise, as a network sees it."""

    norm: float = 0.0
    """The norm that each item is brought to, so that all lie on a sphere (Feng et al., ICLR 2024); 0: as drawn."""
    items: int = 0
    """How many there are in all, which may be fewer than there are classes: of the first classes, in turn; 0: as many
    of every class as are asked for."""
    targets: bool = False
    """Whether targets are noise, too, and not those of real examples (Wilhelm & Ventura 2025)."""

    def __post_init__(self) -> None:
        at_least(self, 0, "norm", "items")

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` items of every class, each number from N(0, 1) before items are scaled."""

        def made(shape: tuple[int, ...], at: Key) -> Tensor:
            noise = at.normal(*shape)
            if not self.norm:
                return noise
            norms = noise.flatten(1).norm(dim=1)
            return noise * (self.norm / norms).reshape(-1, *[1] * (noise.dim() - 1))

        batch = drawn(problem, per_class if not self.items else -(-self.items // len(problem.task.classes)), key, made)
        if self.items:
            batch = first_in_turn(problem.task, batch, self.items)
        if self.targets:
            batch = batch._replace(targets=key.fold("target noise").normal_like(batch.targets))
        return batch
