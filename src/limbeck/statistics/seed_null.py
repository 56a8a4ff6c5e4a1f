"""What differences of learners that differ by their seed alone come to: the null of what leaving an item out does.

The difference of the losses of any two trained networks ranks examples far from randomly: networks differ along few
directions, and attributes go along with those. So a score that is such a difference is not held against random
rankings, but against differences that no item has a part in.
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from limbeck.statistics.decisions import LEAST, MOST
from limbeck.statistics.estimates import LEVEL
from limbeck.statistics.ranking import average_precisions, chance_spread, false_discovery, separation

_GRID = 4001
"""Points of the integral over how far the spread is known."""


class Beside(NamedTuple):
    """How leaving items out ranks those that carry an attribute, beside what seeds alone do."""

    precision: Float[Tensor, "seed item"]
    """The average precision of each item under each seed."""
    by_seeds: float
    """The mean average precision of differences of two learners that differ by their seed alone."""
    least: Float[Tensor, " item"]
    """The smallest, over seeds, of the separation in units of its spread among such differences."""


def differences(losses: Float[Tensor, "learner example"]) -> Float[Tensor, "pair example"]:
    """The loss under one learner less that under another, for every two of them."""
    pairs = torch.tensor(list(combinations(range(len(losses)), 2)))
    return losses[pairs[:, 0]] - losses[pairs[:, 1]]


def beside_seeds(
    influence: Float[Tensor, "seed item example"],
    without_item: Float[Tensor, "pair example"],
    positive: Bool[Tensor, " example"],
) -> Beside:
    """How influences rank the positive examples, and how far that is beyond what differences of seeds alone do.

    The statistic is the separation, the probit of the area under the receiver operating characteristic, which is about
    normal where the average precision has far too long a tail. The reversed difference of two learners is a difference
    too, and separates just the other way round, so that its mean without any item is 0; its spread is the root of the
    mean square over all pairs. If learner s adds a_s to it, the mean square of a_s - a_t over the pairs of n learners
    is twice their sample variance: it is known as well as n - 1 independent numbers make it, however many pairs there
    are. Never is it taken to be less than that of random rankings.
    """
    seeds, items = influence.shape[:2]
    by_chance = chance_spread(int(positive.sum()), len(positive))
    spread = separation(without_item, positive).square().mean().sqrt().clamp_min(by_chance)
    reversed_too = torch.cat([without_item, -without_item])
    flat = influence.flatten(0, 1)
    return Beside(
        average_precisions(flat, positive).view(seeds, items),
        float(average_precisions(reversed_too, positive).mean()),
        (separation(flat, positive) / spread).view(seeds, items).min(0).values,
    )


def exceedance(least: Float[Tensor, " test"], learners: int, seeds: int) -> Float[Tensor, " test"]:
    """How often the smallest of `seeds` numbers without an effect is as large, in units of a spread that they share.

    The numbers are normal and independent, and the spread is known from n learners, with n - 1 degrees of freedom v: so
    the probability is the mean of (1 - Phi(t s))^k over s, where v s^2 is chi-squared. For one seed it is the upper
    tail of Student's t: Student's predictive distribution. What is found has to be found under every seed.

    >>> round(float(exceedance(torch.tensor([2.7764]), 5, 1)[0]), 4)
    0.025
    """
    from scipy import special

    freedom = learners - 1
    # The range over which a chi-squared number varies, in steps of its quantiles' logarithm.
    low, high = (max(float(special.chdtri(freedom, tail)), 1e-30) for tail in (1 - 1e-15, 1e-15))
    log = torch.linspace(math.log(low), math.log(high), _GRID, dtype=torch.float64)
    half = freedom / 2
    # chi-squared density in the logarithm of its number x: exp(v/2 ln x - x/2) / (2^(v/2) Gamma(v/2)).
    weight = (half * log - log.exp() / 2 - half * math.log(2) - special.gammaln(half)).exp()
    weight = weight / weight.sum()
    scale = (log.exp() / freedom).sqrt()
    rows = [torch.special.ndtr(-part[:, None].double() * scale).pow(seeds) @ weight for part in least.split(256)]
    return torch.cat(rows) if rows else least.double()


def p_values(least: Float[Tensor, " test"], learners: int, seeds: int) -> tuple[list[float], list[float]]:
    """The p-values of tests, and the adjusted ones by which an effect is found.

    An effect has to be there under every seed together, where all tests are corrected for (Benjamini and Hochberg), and
    under the seed that shows it least by itself: the adjusted one is the larger of what these come to. Otherwise what
    one seed shows by far would count where others hardly do.
    """
    together = exceedance(least, learners, seeds).tolist()
    by_itself = exceedance(least, learners, 1).tolist()
    return together, [max(each) for each in zip(false_discovery(together), by_itself, strict=True)]


def learners_for(least: Float[Tensor, " test"], seeds: int, have: int, level: float = LEVEL) -> int:
    """About how many learners would make discoveries of some of these tests; 0 where more than 200 would be needed.

    If the spread stays what it is and is only better known.
    """
    at = {*(round(max(have, LEAST) * 1.1**step) for step in range(60)), MOST}
    for learners in sorted(each for each in at if max(have, LEAST) <= each <= MOST):
        if min(p_values(least, learners, seeds)[1], default=1.0) <= level:
            return learners
    return 0
