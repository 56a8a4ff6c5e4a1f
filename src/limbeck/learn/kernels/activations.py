"""What is expected of activations of jointly normal numbers, in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

COINCIDING = 32
"""Within how many roundings of 1 the cosine of two inputs is that of one input with itself. The sums of 3,072 products
that make it round to about ten; in float64 it is an angle of 1e-7."""


class Products(NamedTuple):
    """What is expected of an activation a, where u and v are jointly normal of mean 0."""

    values: Tensor
    """E a(u) a(v)."""
    derivatives: Tensor
    """E a'(u) a'(v)."""


Expectation = Callable[[Tensor, Tensor, Tensor], Products]
"""expectation(E uu, E vv, E uv), of shapes that go together."""


def relu_products(left: Tensor, right: Tensor, between: Tensor) -> Products:
    """Those of max(0, u): the arc-cosine kernels of degree 1 and 0 (Cho & Saul, NeurIPS 2009).

    With cos t = E uv / sqrt(E uu E vv): sqrt(E uu E vv) (sin t + (pi - t) cos t) / (2 pi), and (pi - t) / (2 pi). The
    latter has a kink where two inputs coincide. Its derivative is taken to be 0 there: as on the diagonal, where both
    are one, and as it is by central differences.
    """
    least = torch.finfo(between.dtype).tiny ** 0.5
    scale = left.clamp_min(least).sqrt() * right.clamp_min(least).sqrt()
    cosine = between / scale
    # Of t and sin t alone the derivative is infinite at 0, and would make no numbers of zeros.
    apart = cosine.abs() < 1 - COINCIDING * torch.finfo(cosine.dtype).eps
    inner = torch.where(apart, cosine, 0)
    angle = torch.where(apart, inner.arccos(), torch.where(cosine > 0, 0.0, math.pi))
    sine = torch.where(apart, ((1 - inner) * (1 + inner)).sqrt(), 0)
    share = (math.pi - angle) / (2 * math.pi)
    return Products(scale * (sine / (2 * math.pi) + share * cosine), share)


def erf_products(left: Tensor, right: Tensor, between: Tensor) -> Products:
    """Those of erf(u) (Williams, NeurIPS 1996).

    With s^2 = (1 + 2 E uu) (1 + 2 E vv): 2 / pi arcsin(2 E uv / s), and 4 / (pi sqrt(s^2 - 4 (E uv)^2)).
    """
    squared = (1 + 2 * left) * (1 + 2 * right)
    values = (2 / math.pi) * (2 * between * squared.rsqrt()).arcsin()
    return Products(values, (4 / math.pi) * (squared - 4 * between.square()).rsqrt())


EXPECTATIONS: dict[str, Expectation] = {"relu": relu_products, "erf": erf_products}
