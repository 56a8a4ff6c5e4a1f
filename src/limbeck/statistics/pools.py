"""Pools of learners of one accuracy, each beside one learner of a distilled set and beside its peers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.findings import Fact
from limbeck.statistics.agreement import Standing, agreements, standings
from limbeck.statistics.estimates import estimate

FEWEST = 3
"""Matched learners that a pool says anything with: two are left to compare each with."""
LEVEL = 0.05
"""Of the test of normality."""


class Peer(NamedTuple):
    """A learner of a pool whose accuracy is that of the set's learner."""

    seed: int
    setting: float
    """Real images per class, steps, or strength of the decay."""
    accuracy: float
    predictions: Tensor


class Pool(NamedTuple):
    """The matched learners of a pool, each beside the set's learner and beside its peers."""

    name: str
    trained: int
    matched: tuple[Peer, ...]
    beside: Float[Tensor, " matched"]
    """The agreement of each with the set's learner."""
    standings: tuple[Standing, ...]
    peers: Float[Tensor, "matched other"]
    """The agreements of each with the others."""

    @property
    def tells(self) -> bool:
        """Whether there are enough of them."""
        return len(self.matched) >= FEWEST

    @property
    def median(self) -> float:
        """The median agreement with the set's learner; not a number for an empty pool, as below."""
        return _median(self.beside.tolist())

    @property
    def probability(self) -> float:
        """The median over members of the probability of an agreement no larger among its peers."""
        return _median([each.probability for each in self.standings])

    @property
    def rejected(self) -> float:
        """The share of its members whose agreements with the others are not normal, of those that can be tested."""
        tested = [each.p_value for each in self.standings if not math.isnan(each.p_value)]
        return sum(found < LEVEL for found in tested) / len(tested) if tested else math.nan

    def facts(self) -> list[Fact]:
        """Its agreements, and what can be told of the rest."""
        found = {
            "median agreement": self.median,
            "median probability": self.probability,
            "share not normal": self.rejected,
        }
        told = [Fact.once(f"{name}, {self.name}", value) for name, value in found.items() if not math.isnan(value)]
        return [estimate(f"agreement, {self.name}", self.beside.tolist()), *told]


def pooled(name: str, trained: int, matched: tuple[Peer, ...], ours: Tensor) -> Pool:
    """The pool of the learners that were matched, out of so many, beside the predictions of the set's learner."""
    if not matched:
        return Pool(name, trained, (), torch.zeros(0), (), torch.zeros(0, 0))
    predictions = torch.stack([peer.predictions for peer in matched])
    beside = agreements(predictions, ours[None])[:, 0]
    return Pool(name, trained, matched, beside, *standings(agreements(predictions, predictions), beside))


def _median(values: Sequence[float]) -> float:
    return float(torch.tensor(values, dtype=torch.float64).nanquantile(0.5))
