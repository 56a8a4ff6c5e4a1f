"""K-centre."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.key import Key
from limbeck.starts.seen import Seen
from limbeck.starts.selection import AbstractNearnessSelection

Apart = Callable[[Float[Tensor, "example feature"], Float[Tensor, " feature"]], Float[Tensor, " example"]]
"""apart(points, other) -> how far each point is from another, at least 0."""


@dataclass(frozen=True)
class KCenter(AbstractNearnessSelection):
    """Real images that cover their class: each the farthest from those before it (Sener and Savarese, 2018)."""

    def select(self, seen: Seen, count: int, key: Key) -> Int[Tensor, " item"]:
        """`count` examples, in the order they are chosen."""
        return farthest_first(self.space.of(seen), count, key)


def squared_distance(
    points: Float[Tensor, "example feature"], other: Float[Tensor, " feature"]
) -> Float[Tensor, " example"]:
    """The squared Euclidean distance of each point from another."""
    return (points - other).square().sum(1)


def farthest_first(
    points: Float[Tensor, "example feature"], count: int, key: Key, apart: Apart = squared_distance
) -> Int[Tensor, " item"]:
    """The item nearest the mean, then each time the unchosen one farthest from its nearest chosen one."""
    chosen = [int(apart(points, points.mean(0)).argmin())]
    nearest = torch.full((len(points),), torch.inf, dtype=points.dtype)
    while len(chosen) < count:
        nearest = torch.minimum(nearest, apart(points, points[chosen[-1]]))
        nearest[chosen[-1]] = -1  # Below every distance: among equal images a chosen one is never taken again.
        chosen.append(int(nearest.argmax()))
    return torch.tensor(chosen)
