"""Herding."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.key import Key
from limbeck.starts.seen import Seen
from limbeck.starts.selection import AbstractNearnessSelection


@dataclass(frozen=True)
class Herding(AbstractNearnessSelection):
    """Real images whose running mean of features stays closest to the class mean (Welling, 2009)."""

    def select(self, seen: Seen, count: int, key: Key) -> Int[Tensor, " item"]:
        """`count` examples, in the order they are chosen."""
        return herd(self.space.of(seen), count, key)


def herd(features: Float[Tensor, "example feature"], count: int, key: Key) -> Int[Tensor, " item"]:
    """Item t + 1 is the unchosen x that minimises |mean - (x_1 + .. + x_t + x) / (t + 1)|; the first of equals."""
    mean = features.mean(0)
    total = torch.zeros_like(mean)
    left = torch.ones(len(features), dtype=torch.bool)
    chosen = []
    for size in range(1, count + 1):
        distance = (mean - (total + features) / size).square().sum(1)
        best = int(distance.where(left, torch.inf).argmin())
        chosen.append(best)
        left[best] = False
        total = total + features[best]
    return torch.tensor(chosen)
