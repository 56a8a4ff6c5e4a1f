"""What is predicted differently."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.contracts import Problem
from limbeck.core.key import Key
from limbeck.starts.kcenter import farthest_first
from limbeck.starts.seen import Seen, check_classes
from limbeck.starts.selection import AbstractSelection


@dataclass(frozen=True)
class FarthestPredictions(AbstractSelection):
    """Real images whose predictions cover those of their class, each the farthest (Agarwal et al., ECCV 2020)."""

    def check(self, problem: Problem) -> None:
        """InputError where outputs are no predictions of classes."""
        check_classes(problem.task)

    def select(self, seen: Seen, count: int, key: Key) -> Int[Tensor, " item"]:
        """`count` examples, in the order they are chosen."""
        return farthest_first(seen.probabilities, count, key, divergence)


def divergence(
    probabilities: Float[Tensor, "example class"], other: Float[Tensor, " class"]
) -> Float[Tensor, " example"]:
    """KL(p || q) + KL(q || p) of each prediction p and another q, in nats."""
    tiny = torch.finfo(probabilities.dtype).tiny
    apart = probabilities.clamp(min=tiny).log() - other.clamp(min=tiny).log()
    return ((probabilities - other) * apart).sum(1)
