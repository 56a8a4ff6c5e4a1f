"""Systems of equations that are known by the products of their matrix alone."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.later import without_gradients

Vector = Float[Tensor, " number"]


@without_gradients
def conjugate_gradients(product: Callable[[Vector], Vector], right: Vector, steps: int) -> Vector:
    """The u that is nearest to H u = right among sums of right, H right, ..., H^(steps - 1) right.

    Nearest is least in u'H u / 2 - right'u, for a symmetric positive definite H; product(u) is H u (Hestenes & Stiefel
    1952). There is no rate to choose, and each step is nearer than the last. Nothing is read from the device: where the
    solution is reached, u stays.

    >>> matrix = torch.tensor([[2.0, 1.0], [1.0, 3.0]])
    >>> conjugate_gradients(lambda u: matrix @ u, torch.tensor([3.0, 4.0]), 2).round(decimals=4)
    tensor([1., 1.])
    """
    found, rest, direction = torch.zeros_like(right), right, right
    square = rest @ rest
    for _ in range(steps):
        bent = product(direction)
        curve = direction @ bent
        length = torch.where(curve > 0, square / curve, 0.0)
        found, rest = found + length * direction, rest - length * bent
        before, square = square, rest @ rest
        direction = rest + torch.where(before > 0, square / before, 0.0) * direction
    return found
