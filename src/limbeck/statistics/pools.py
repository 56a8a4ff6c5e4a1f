"""Pools of learners of one accuracy, each beside the learners of a distilled set and beside its peers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.findings import Fact
from limbeck.statistics.agreement import Standing, agreements, standings
from limbeck.statistics.crossed import crossed_mean
from limbeck.statistics.estimates import LEVEL, SHARE, unlike

FEWEST = 3
"""Matched learners that a pool says anything with: two are left to compare each with."""
NORMAL = 0.05
"""The level of the test of normality."""


class Peer(NamedTuple):
    """A learner of a pool whose accuracy is that of the set's learners."""

    seed: int
    setting: float
    """Real examples per class, steps, or strength of the decay."""
    accuracy: float
    predictions: Tensor


class Pool(NamedTuple):
    """The matched learners of a pool, each beside the set's learners and beside its peers."""

    name: str
    trained: int
    reach: tuple[float, float]
    """The least and the highest accuracy of those that were trained."""
    matched: tuple[Peer, ...]
    agreements: Float[Tensor, "seed matched"]
    """Of each of the set's learners with each of them."""
    standings: tuple[Standing, ...]
    """Of the mean over the set's learners."""
    peers: Float[Tensor, "matched other"]
    """The agreements of each with the others."""

    @property
    def tells(self) -> bool:
        """Whether there are enough of them."""
        return len(self.matched) >= FEWEST

    @property
    def beside(self) -> Float[Tensor, " matched"]:
        """The mean agreement of each with the set's learners."""
        return self.agreements.mean(0)

    @property
    def median(self) -> float:
        """The median agreement with the set's learners; not a number for an empty pool, as below."""
        return _median(self.beside.tolist())

    @property
    def probability(self) -> float:
        """The median over members of the probability of an agreement no larger among its peers."""
        return _median([each.probability for each in self.standings])

    @property
    def rejected(self) -> float:
        """The share of its members whose agreements with the others are not normal, of those that can be tested."""
        tested = [each.p_value for each in self.standings if not math.isnan(each.p_value)]
        return sum(found < NORMAL for found in tested) / len(tested) if tested else math.nan

    @property
    def agreement(self) -> Fact:
        """The mean agreement, with an interval over the set's learners and over members."""
        return crossed_mean(f"agreement, {self.name}", self.agreements, within=SHARE)

    @property
    def among(self) -> list[float]:
        """How far each of n members agrees with the others on average, spread as independent numbers would be.

        Every agreement is shared by two, so that what a member has of its own stands in its mean by (n - 2)/(n - 1) of
        itself against the mean of all: the deviations are divided by that.
        """
        count, means = len(self.matched), self.peers.mean(1)
        middle = means.mean()
        return (middle + (means - middle) * (count - 1) / (count - 2)).tolist()

    def beyond(self, level: float = LEVEL) -> Fact:
        """How much more it agrees with the set's learners than with one more learner like its own.

        A predictive interval, in which each member is one draw and the set's learners are as many measurements of one.
        """
        ours = self.agreements.mean(1).tolist()
        return unlike(f"agreement beyond that among themselves, {self.name}", ours, self.among, level)

    def facts(self) -> list[Fact]:
        """Its agreements, and what can be told of the rest."""
        found = {
            "median agreement": self.median,
            "median probability": self.probability,
            "share not normal": self.rejected,
        }
        told = [Fact.once(f"{name}, {self.name}", value) for name, value in found.items() if not math.isnan(value)]
        return [self.agreement, *told]


def pooled(
    name: str, accuracies: Sequence[float], matched: tuple[Peer, ...], ours: Int[Tensor, "seed example"]
) -> Pool:
    """The pool of the learners that were matched, out of those of such accuracies, beside the set's learners."""
    reach = (min(accuracies), max(accuracies))
    if not matched:
        return Pool(name, len(accuracies), reach, (), torch.zeros(len(ours), 0), (), torch.zeros(0, 0))
    predictions = torch.stack([peer.predictions for peer in matched])
    beside = agreements(ours, predictions)
    standing = standings(agreements(predictions, predictions), beside.mean(0))
    return Pool(name, len(accuracies), reach, matched, beside, *standing)


def _median(values: Sequence[float]) -> float:
    return float(torch.tensor(values, dtype=torch.float64).nanquantile(0.5))
