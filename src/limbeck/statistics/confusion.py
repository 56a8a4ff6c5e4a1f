"""Which classes a learner takes for which, and whether two learners err alike."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.statistics.correlation import correlations

FEWEST = 3
"""Classes from which on errors can be alike or not: with two there is one way to mistake each."""


def confusion(
    predictions: Int[Tensor, " example"], classes: Int[Tensor, " example"], count: int
) -> Float[Tensor, "class predicted"]:
    """The share of the examples of each class that a learner takes for each; a row of zeros for a class without any.

    >>> confusion(torch.tensor([0, 1, 1, 1]), torch.tensor([0, 0, 1, 1]), 2).tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    """
    pairs = classes.long() * count + predictions.long()
    counts = pairs.bincount(minlength=count * count).view(count, count).double()
    return counts / counts.sum(1, keepdim=True).clamp_min(1)


def errors_alike(one: Float[Tensor, "class predicted"], other: Float[Tensor, "class predicted"]) -> float:
    """Pearson's correlation of the entries off the diagonals of two confusion matrices.

    1 where one makes the same errors as the other, as often or in proportion; NaN where either makes none, or all
    alike.

    >>> one = torch.tensor([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0], [0.1, 0.0, 0.9]], dtype=torch.float64)
    >>> round(errors_alike(one, (one + torch.eye(3)) / 2), 6)
    1.0
    """
    off = ~torch.eye(len(one), dtype=torch.bool)
    return float(correlations(one[off][None], other[off][None])[0])
