"""Herding."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.starts.batches import coreset


@dataclass(frozen=True)
class Herding(AbstractStart):
    """Real images whose running mean of features stays closest to the class mean (Welling, 2009)."""

    epochs: int = 1
    """How long the network of the features is trained on the real data; at least 150 steps."""
    images: int = 1000
    """How many images of a class are considered."""

    def __post_init__(self) -> None:
        at_least(self, 0, "epochs")
        at_least(self, 1, "images")

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` images of every class, in the order they were chosen; InputError where a class has fewer."""
        return coreset(problem, per_class, key, self.epochs, self.images, herd)


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
