"""How far learners predict alike: the share of examples on which two of them name the same class."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.statistics import normality


def agreement(first: Int[Tensor, " example"], second: Int[Tensor, " example"]) -> float:
    """The share of examples on which two learners predict the same class, right or wrong.

    Yang et al. (ICML 2024), figure 4: there on the 10,000 test examples of CIFAR-10. It is symmetric, and 1 of a
    learner with itself.

    >>> agreement(torch.tensor([0, 1, 2, 2]), torch.tensor([0, 1, 1, 0]))
    0.5
    """
    return float((first == second).double().mean())


def agreements(
    first: Int[Tensor, "learner example"], second: Int[Tensor, "other example"]
) -> Float[Tensor, "learner other"]:
    """The agreement of each learner of one pool with each of another, from the classes that they predict."""
    return torch.stack([(second == predicted).double().mean(1) for predicted in first])


def bounds(first: float, second: float) -> tuple[float, float]:
    """The least and the most that two learners of accuracies a and b can agree: max(0, a + b - 1) and 1 - |a - b|.

    Both are right, and so agree, on at least a + b - 1 of all examples; on at least |a - b| one is right and the other
    wrong, and so they disagree. With three classes or more both bounds are reached; with two the wrong ones agree as
    well, and the least is |a + b - 1|.

    >>> [round(bound, 3) for bound in bounds(0.7, 0.6)]
    [0.3, 0.9]
    """
    return max(0.0, first + second - 1), 1 - abs(first - second)


def chance(first: float, second: float, classes: int) -> float:
    """The agreement of two learners of accuracies a and b that err independently: a b + (1 - a)(1 - b) / (classes - 1).

    Their errors fall on every wrong class alike. Real learners agree more, for some examples are harder than others
    and some classes easier to mistake: it is a floor to see an agreement from, no test.

    >>> chance(0.1, 0.1, 10)
    0.1
    """
    return first * second + (1 - first) * (1 - second) / max(classes - 1, 1)


class Standing(NamedTuple):
    """Where one agreement lies among those of a learner with its peers."""

    mean: float
    """Of its agreements with its peers."""
    deviation: float
    """Their standard deviation (n - 1)."""
    probability: float
    """Of an agreement no larger, of one more peer: by Student's predictive distribution."""
    distance: float
    """Of its agreements with its peers from the normal distribution of that mean and deviation, as Kolmogorov and
    Smirnov take it."""
    p_value: float
    """The probability of such a distance, if they are normal: by Lilliefors."""


def standings(
    among: Float[Tensor, "learner learner"], beside: Float[Tensor, " learner"]
) -> tuple[tuple[Standing, ...], Float[Tensor, "learner peer"]]:
    """Whether a learner from elsewhere agrees with each learner of a pool as its peers do; and the peers' agreements.

    For each learner m of a pool: its k agreements with the others have a mean and a deviation s, and were the learner
    from elsewhere one more of them, t = (a - mean) / (s sqrt(1 + 1/k)) would have Student's distribution with k - 1
    degrees of freedom (Geisser, Predictive Inference 1993). A normal distribution fitted to a few peers would take the
    deviation for known, and find exchangeable learners improbable far too often. A probability near 0 says that the
    pool does not hold the like of it. The probabilities are not independent: the pool's agreements share its learners,
    and all of `beside` shares one. NaN where there are fewer than two peers or they all agree alike. Yang et al. (ICML
    2024), appendix C, by the normal distribution.

    >>> among = torch.tensor([[1.0, 0.5, 0.6], [0.5, 1.0, 0.7], [0.6, 0.7, 1.0]], dtype=torch.float64)
    >>> found, peers = standings(among, torch.tensor([0.55, 0.6, 0.0], dtype=torch.float64))
    >>> [round(each.probability, 4) for each in found], peers[0].tolist()
    ([0.5, 0.5, 0.0422], [0.5, 0.6])
    """
    from scipy import special

    count = len(among)
    peers = among[~torch.eye(count, dtype=torch.bool)].view(count, max(count - 1, 0))
    if count < 3:
        nothing = Standing(math.nan, math.nan, math.nan, math.nan, math.nan)
        return (nothing,) * count, peers
    means, deviations = peers.mean(1), peers.std(1)
    scores = (beside - means) / (deviations * (1 + 1 / (count - 1)) ** 0.5)
    level = [
        float(special.stdtr(count - 2, score)) if deviation > 1e-12 else math.nan
        for score, deviation in zip(scores.tolist(), deviations.tolist(), strict=True)
    ]
    normal = [(normality.distance(each), normality.p_value(each)) for each in peers]
    fitted = zip(means.tolist(), deviations.tolist(), level, normal, strict=True)
    return tuple(Standing(mean, deviation, at, *test) for mean, deviation, at, test in fitted), peers
