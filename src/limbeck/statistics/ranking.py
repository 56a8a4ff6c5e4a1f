"""How well scores rank the positive examples before the others, and whether chance would do as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from limbeck.core.key import Key

AT_ONCE = 4_000_000
"""Numbers of permutations that are held at once."""


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


def strict(scores: Float[Tensor, " example"], key: Key) -> Float[Tensor, " example"]:
    """The places of scores from the lowest, 0, to the highest, equal ones in random order.

    Scores that know nothing are then a random ranking without ties, whatever ties they have.
    """
    shuffled = key.permutation(len(scores))
    places = torch.empty(len(scores), dtype=torch.float64)
    places[shuffled[scores[shuffled].argsort(stable=True)]] = torch.arange(len(scores), dtype=torch.float64)
    return places


def chance(
    ends: Int[Tensor, " point"], positives: Sequence[int], permutations: int, key: Key
) -> Float[Tensor, "count permutation"]:
    """The average precisions of `permutations` random rankings, for each number of positive examples.

    A random ranking of n examples with the groups of `ends` has an average precision that depends on the number
    of positive ones alone, so that one sample serves all scores without ties on as many examples. One set of
    rankings serves all counts: the rows of the result, each ascending, are samples of their own law, but dependent.
    """
    count = int(ends[-1]) + 1
    weights = 1 / (ends + 1).double()
    generator = key.generator()
    found: list[Tensor] = []
    for size in torch.arange(permutations).split(max(1, AT_ONCE // count)):
        ranks = torch.rand(len(size), count, generator=generator).argsort(1)
        rows = []
        for many in positives:
            hits = (ranks < many).cumsum(1, dtype=torch.int32)
            hits = (hits if len(ends) == count else hits[:, ends]).double()
            # sum over groups of (hits - hits before) hits / place, without a copy of what was before.
            rows.append((hits.square() @ weights - (hits[:, 1:] * hits[:, :-1]) @ weights[1:]) / many)
        found.append(torch.stack(rows) if rows else torch.zeros(0, len(size), dtype=torch.float64))
    return torch.cat(found, 1).sort(1).values


def exceedance(value: float, by_chance: Float[Tensor, " permutation"]) -> float:
    """The permutation p-value (1 + #{chance >= value}) / (1 + permutations), never zero; `by_chance` ascends.

    The value itself counts as one of the permutations, without which the test would reject too often (Phipson and
    Smyth, Statistical Applications in Genetics and Molecular Biology 2010). Sums of one ranking in another order
    round differently, so that what is within 1e-9 is equal.

    >>> exceedance(0.5, torch.tensor([0.1, 0.5, 0.9]))
    0.75
    """
    below = int(torch.searchsorted(by_chance, value - 1e-9))
    return (1 + len(by_chance) - below) / (1 + len(by_chance))


def permutation_p_value(
    scores: Float[Tensor, " example"], positive: Bool[Tensor, " example"], permutations: int, key: Key
) -> float:
    """How often a random ranking (with the ties that the scores have) has so large an average precision."""
    _, ends = ranked(scores)
    by_chance = chance(ends, [int(positive.sum())], permutations, key)[0]
    return exceedance(average_precision(scores, positive), by_chance)


def false_discovery(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values of Benjamini and Hochberg (Journal of the Royal Statistical Society B 1995).

    q_(i) = min over j >= i of m p_(j) / j: to call what has q <= 0.05 a discovery keeps the expected share of false
    ones among discoveries below 0.05, for tests that are independent or positively dependent.

    >>> false_discovery([0.01, 0.04, 0.03])
    [0.03, 0.04, 0.04]
    """
    from scipy import stats

    return [float(value) for value in stats.false_discovery_control(p_values)] if p_values else []
