"""How well scores rank the positive examples before the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


class Curve(NamedTuple):
    """Precision over recall as the threshold falls: one point for each distinct score, from the largest on."""

    recall: Float[Tensor, " point"]
    """The share of the positive examples that score at least the threshold."""
    precision: Float[Tensor, " point"]
    """The share of positive ones among the examples that score at least the threshold."""


def precision_recall(scores: Float[Tensor, " example"], positive: Bool[Tensor, " example"]) -> Curve:
    """The precision-recall curve; examples of equal scores enter together. ValueError where nothing is positive.

    >>> precision_recall(torch.tensor([3.0, 2.0, 1.0]), torch.tensor([True, False, True])).precision.tolist()
    [1.0, 0.5, 0.6666666666666666]
    """
    if not bool(positive.any()):
        raise ValueError("a precision-recall curve of no positive examples")
    order, ends = ranked(scores)
    hits = positive[order].double().cumsum(0)[ends]
    return Curve(hits / positive.sum(), hits / (ends + 1))


def average_precision(scores: Float[Tensor, " example"], positive: Bool[Tensor, " example"]) -> float:
    """sum_n (R_n - R_{n-1}) P_n over the points of the precision-recall curve: the area under its steps.

    No straight lines are drawn between points, which would be too optimistic (Davis and Goadrich, ICML 2006). Scores
    that know nothing come to the prevalence of positive examples in expectation (a little more on few examples).

    >>> average_precision(torch.tensor([3.0, 2.0, 1.0]), torch.tensor([True, True, False]))
    1.0
    """
    recall, precision = precision_recall(scores, positive)
    return float((recall.diff(prepend=recall.new_zeros(1)) * precision).sum())


def prevalence(positive: Bool[Tensor, " example"]) -> float:
    """The share of positive examples: what every ranking must be held against."""
    return float(positive.double().mean())


def ranked(scores: Float[Tensor, " example"]) -> tuple[Int[Tensor, " example"], Int[Tensor, " point"]]:
    """The examples by falling score, and the last place of each group of equal scores.

    >>> [part.tolist() for part in ranked(torch.tensor([1.0, 3.0, 1.0]))]
    [[1, 0, 2], [0, 2]]
    """
    order = scores.argsort(descending=True, stable=True)
    fallen = scores[order]
    return order, torch.cat([(fallen[1:] != fallen[:-1]).nonzero()[:, 0], torch.tensor([len(fallen) - 1])])


def average_precisions(
    scores: Float[Tensor, "row example"], positive: Bool[Tensor, " example"]
) -> Float[Tensor, " row"]:
    """The average precision of each row of scores; equal scores of a row are in order of the examples.

    >>> average_precisions(torch.tensor([[2.0, 1.0], [1.0, 2.0]]), torch.tensor([True, False])).tolist()
    [1.0, 0.5]
    """
    hit = positive[scores.argsort(dim=1, descending=True, stable=True)].double()
    place = torch.arange(1, len(positive) + 1, dtype=torch.float64)
    return (hit * hit.cumsum(1) / place).sum(1) / positive.sum()


def separation(scores: Float[Tensor, "row example"], positive: Bool[Tensor, " example"]) -> Float[Tensor, " row"]:
    """How far scores set the positive examples above the others: the probit of the area under their ROC curve.

    That area is the share of pairs of a positive example and another of which the positive one scores more, equal ones
    counted half (Mann and Whitney, Annals of Mathematical Statistics 1947). It is d'/sqrt(2) where both are normal; 0
    where nothing is told apart, and its sign turns with that of the scores. An area of 0 or 1 counts as if half a pair
    were the other way round.

    >>> separation(torch.tensor([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]]), torch.tensor([False, False, True])).tolist()
    [0.6744897501960817, 0.0]
    """
    ordered = scores.sort(1).values
    # The middle rank of equal scores: those below, and half of those that are as large.
    below = torch.searchsorted(ordered, scores.contiguous())
    upto = torch.searchsorted(ordered, scores.contiguous(), right=True)
    ranks = (below + upto + 1).double() / 2
    many = int(positive.sum())
    pairs = many * (len(positive) - many)
    area = (ranks[:, positive].sum(1) - many * (many + 1) / 2) / pairs
    return torch.special.ndtri(area.clamp(0.5 / pairs, 1 - 0.5 / pairs))


def chance_spread(positives: int, count: int) -> float:
    """The standard deviation of the separation of random rankings, to first order.

    That of the area, sqrt((n + 1) / (12 k (n - k))), over the slope of the probit's inverse at a half.

    >>> round(chance_spread(50, 200), 4)
    0.1185
    """
    return (2 * math.pi * (count + 1) / (12 * positives * (count - positives))) ** 0.5


def false_discovery(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values of Benjamini and Hochberg (Journal of the Royal Statistical Society B 1995).

    q_(i) = min over j >= i of m p_(j) / j: to call what has q <= 0.05 a discovery keeps the expected share of false
    ones among discoveries below 0.05, for tests that are independent or positively dependent.

    >>> false_discovery([0.01, 0.04, 0.03])
    [0.03, 0.04, 0.04]
    """
    from scipy import stats

    return [float(value) for value in stats.false_discovery_control(p_values)] if p_values else []
