"""How two measurements of the same things go together."""

from __future__ import annotations

import math

from jaxtyping import Bool, Float
from torch import Tensor


def correlations(
    one: Float[Tensor, "row thing"],
    other: Float[Tensor, "row thing"],
    within: Bool[Tensor, "row thing"] | None = None,
) -> Float[Tensor, " row"]:
    """Pearson's correlation of each row of two matrices, over the things that `within` names for the row.

    r = sum (a - mean a) (b - mean b) / sqrt(sum (a - mean a)^2 sum (b - mean b)^2); NaN where either does not vary.

    >>> import torch
    >>> a, b = torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([[1.0, 3.0, 5.0]])
    >>> correlations(a, b).tolist(), correlations(a, -b).tolist()
    ([1.0], [-1.0])
    """
    weight = (one == one if within is None else within).to(one.dtype)
    count = weight.sum(1, keepdim=True)
    a = weight * (one - (weight * one).sum(1, keepdim=True) / count)
    b = weight * (other - (weight * other).sum(1, keepdim=True) / count)
    return (a * b).sum(1) / (a.square().sum(1) * b.square().sum(1)).sqrt()


def rank_correlation(one: Tensor, other: Tensor) -> float:
    """Spearman's correlation of the ranks of two measurements; NaN where either is constant or not finite.

    >>> import torch
    >>> round(rank_correlation(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 10.0, 1000.0])), 6)
    1.0
    """
    from scipy import stats

    pair = [each.flatten() for each in (one, other)]
    if any(len(each.unique()) < 2 or not bool(each.isfinite().all()) for each in pair):
        return math.nan
    return float(stats.spearmanr(*(each.numpy() for each in pair)).statistic)
