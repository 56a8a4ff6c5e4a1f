"""Whether what is measured of single things repeats from draw to draw, and is their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.findings import Fact
from limbeck.statistics.estimates import ANYWHERE, LEVEL, jackknife, t_quantile

HALF = 0.5
"""The reliability of a mean from which more of it is there than not."""
_NEGLIGIBLE = 1e-9
"""What rounding makes of numbers that are equal."""


class Repeated(NamedTuple):
    """How the influences of items under two seeds go along, by item; NaN where there is nothing to compare."""

    own: Float[Tensor, " item"]
    """Of the item under one and the same item under the other."""
    others: Float[Tensor, " item"]
    """Of the item under one and another item of its class under the other, the mean over those and both ways round."""


def repeated(
    one: Float[Tensor, "item example"],
    other: Float[Tensor, "item example"],
    classes: Int[Tensor, " item"],
    of: Int[Tensor, " example"],
) -> Repeated:
    """Pearson's correlations over the examples of an item's own class; `of` are the classes of the examples.

    NaN of items that are alone in their class: beside whom would it be their own?
    """
    own, others = (one.new_full((len(classes),), math.nan) for _ in range(2))
    for label in classes.unique().tolist():
        rows, columns = (classes == label).nonzero()[:, 0], of == label
        if len(rows) < 2 or not bool(columns.any()):
            continue
        first, second = (_standard(each[rows][:, columns]) for each in (one, other))
        found = first @ second.T
        own[rows] = found.diagonal()
        others[rows] = (found.sum(0) + found.sum(1) - 2 * found.diagonal()) / (2 * (len(rows) - 1))
    return Repeated(own, others)


def _standard(values: Float[Tensor, "item example"]) -> Float[Tensor, "item example"]:
    centred = values - values.mean(1, keepdim=True)
    return centred / centred.norm(dim=1, keepdim=True)


class Pairs(NamedTuple):
    """How what is measured under each two of several seeds goes along."""

    found: Mapping[tuple[int, int], Repeated]

    @classmethod
    def of(
        cls, influences: Sequence[Float[Tensor, "item example"]], classes: Int[Tensor, " item"], of: Tensor
    ) -> Pairs:
        """Those of the influences under each seed."""
        return cls({
            (one, other): repeated(influences[one], influences[other], classes, of)
            for one, other in combinations(range(len(influences)), 2)
        })  # fmt: skip

    def of_each(self, whose: str) -> Float[Tensor, "pair item"]:
        """The correlations with "own" or with "others", of each pair."""
        return torch.stack([getattr(each, whose) for each in self.found.values()]) if self.found else torch.zeros(0, 0)

    def means(self, seeds: Sequence[int]) -> tuple[float, float]:
        """The mean correlations with the item itself, and with others, over items and pairs of these seeds."""
        mine = [each for pair, each in self.found.items() if set(pair) <= set(seeds)]
        own, others = (
            finite_mean(torch.cat([getattr(each, name) for each in mine])) if mine else math.nan
            for name in Repeated._fields
        )
        return own, others


def own_part(own: float, others: float) -> float:
    """How far a correlation with the thing itself is above that with others: 0 where it is the same, at most 1.

    (own - others) / (1 - others): what is left, when what all share is taken away, of what could be.

    >>> own_part(0.75, 0.5), own_part(0.5, 0.5), own_part(1.0, 1.0)
    (0.5, 0.0, 0.0)
    """
    apart = own - others
    return 0.0 if abs(apart) < _NEGLIGIBLE else apart / max(1 - others, _NEGLIGIBLE)


def reliability(part: float, draws: int) -> float:
    """How far the mean of so many draws would repeat, of which any two repeat as far as `part`; 0 where that is less.

    n r / (1 + (n - 1) r), Spearman and Brown (British Journal of Psychology 1910).

    >>> reliability(0.5, 3), reliability(-0.1, 3)
    (0.75, 0.0)
    """
    return draws * max(part, 0.0) / (1 + (draws - 1) * max(part, 0.0))


def reliability_of(name: str, part: Fact) -> Fact:
    """The reliability of the mean of as many draws as a part was told from: as sure as that, for it grows with it."""
    value, low, high = (reliability(bound, part.n) for bound in (part.value, part.low, part.high))
    return Fact(name, value, low, high, part.n)


def draws_for(part: Fact, least: int, most: int, reaching: float = HALF) -> int:
    """About how many draws would show that their mean is more reliable than `reaching`; 0 where more than `most`.

    If they come out as those there are: where the reliability of the lower end of the interval of `part` is above.
    """
    scale = (part.value - part.low) * part.n**0.5 / t_quantile(max(part.n - 1, 1))
    for draws in range(max(part.n, least), most + 1):
        if reliability(part.value - t_quantile(draws - 1) * scale / draws**0.5, draws) > reaching:
            return draws
    return 0


def over_draws(
    measure: Callable[[tuple[int, ...]], Mapping[str, float]],
    draws: int,
    level: float | Mapping[str, float] = LEVEL,
    within: Mapping[str, tuple[float, float]] | None = None,
) -> dict[str, Fact]:
    """Numbers that several draws make together, with jackknife intervals over draws; those that are finite.

    `measure` tells them from any of the draws, by number. `level` is one for all, or by name where it is not 0.05.

    >>> over_draws(lambda draws: {"mean": float(sum(draws) / len(draws))}, 3)["mean"].value
    1.0
    """
    whole = measure(tuple(range(draws)))
    without = [measure(tuple(each for each in range(draws) if each != left)) for left in range(draws * (draws > 1))]
    found = {}
    for name, value in whole.items():
        values, at = [each[name] for each in without], level if isinstance(level, float) else level.get(name, LEVEL)
        if not math.isfinite(value):
            continue
        if not values or not all(map(math.isfinite, values)):
            found[name] = Fact(name, value, value, value, draws if not values else min(draws, 2))
            continue
        found[name] = jackknife(name, value, values, at, (within or {}).get(name, ANYWHERE))
    return found


def finite_mean(values: Tensor) -> float:
    """The mean of those that are finite; NaN where none is."""
    return float(values[values.isfinite()].mean())
