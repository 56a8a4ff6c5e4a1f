"""K-centre."""

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
class KCenter(AbstractStart):
    """Real images that cover their class: each the farthest from those before it (Sener and Savarese, 2018)."""

    epochs: int = 1
    """How long the network of the features is trained on the real data; at least 150 steps."""
    images: int = 1000
    """How many images of a class are considered."""

    def __post_init__(self) -> None:
        at_least(self, 0, "epochs")
        at_least(self, 1, "images")

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` images of every class, in the order they were chosen; InputError where a class has fewer."""
        return coreset(problem, per_class, key, self.epochs, self.images, farthest_first)


def farthest_first(features: Float[Tensor, "example feature"], count: int, key: Key) -> Int[Tensor, " item"]:
    """The item nearest the mean, then each time the unchosen one farthest from its nearest chosen one."""
    chosen = [int((features - features.mean(0)).square().sum(1).argmin())]
    nearest = torch.full((len(features),), torch.inf)
    while len(chosen) < count:
        nearest = torch.minimum(nearest, (features - features[chosen[-1]]).square().sum(1))
        nearest[chosen[-1]] = -1  # Below every distance: among equal images a chosen one is never taken again.
        chosen.append(int(nearest.argmax()))
    return torch.tensor(chosen)
