"""What has the mean gradient of its class."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.starts.seen import Seen
from limbeck.starts.selection import AbstractSelection


@dataclass(frozen=True)
class MatchingPursuit(AbstractSelection):
    """Real images whose weighted gradients come nearest to the mean of their class (Killamsetty et al., ICML 2021).

    Gradients are those of the last layer. They are found by orthogonal matching pursuit.
    """

    ridge: float = 0.01
    """How much large weights cost: lambda as a share of the mean squared norm of the gradients."""

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 0, "ridge")

    def select(self, seen: Seen, count: int, key: Key) -> Int[Tensor, " item"]:
        """`count` examples, in the order they are chosen."""
        gradients = seen.gradients
        return pursue(gradients.products(gradients), count, self.ridge)[0]


def pursue(
    products: Float[Tensor, "example example"], count: int, ridge: float
) -> tuple[Int[Tensor, " item"], Float[Tensor, " item"]]:
    """`count` vectors that come near to the mean of all when weighted, and their weights.

    Each is the one with the largest product with what the others leave: r = mean - sum of w_j g_j, where w is least for
    |r|^2 + lambda |w|^2. `products` are those of all vectors g with all, and lambda is `ridge` times their mean squared
    norm. Of equals it is the first.
    """
    towards = products.mean(1)
    price = ridge * products.diagonal().mean()
    left = torch.ones(len(products), dtype=torch.bool)
    chosen: list[int] = []
    weights = products.new_zeros(0)
    for _ in range(count):
        rest = towards - products[:, chosen] @ weights
        best = int(rest.where(left, -torch.inf).argmax())
        chosen.append(best)
        left[best] = False
        among = products[chosen][:, chosen] + price * torch.eye(len(chosen), dtype=products.dtype)
        # Of equal vectors the shortest weights, where nothing else tells them apart.
        weights = torch.linalg.lstsq(among, towards[chosen, None], driver="gelsd").solution[:, 0]
    return torch.tensor(chosen), weights
