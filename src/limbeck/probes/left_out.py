"""What leaving items of a set out does, under each of several seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from limbeck.computations.contract import ProbeContext
from limbeck.core import tree
from limbeck.core.findings import Fact, Table
from limbeck.probes.tables.influence import (
    ADDITIVE,
    DISTANCE,
    OTHERS,
    OWN,
    RELIABILITY,
    SEEDS,
    ItemRow,
    RealImageRow,
    within_class,
)
from limbeck.statistics.correlation import correlations
from limbeck.statistics.effects import TOP10, TOP100, Effects
from limbeck.statistics.estimates import SHARE
from limbeck.statistics.repeatability import Pairs, finite_mean, over_draws, own_part, reliability_of


class Measured(NamedTuple):
    """What was measured of each item of a set or of a control, under each seed."""

    context: ProbeContext
    items: tuple[int, ...]
    classes: Int[Tensor, " item"]
    influences: list[Tensor]
    """By seed: item by example."""
    pairs: Pairs
    distances: Float[Tensor, "item example"]
    added: tuple[int, ...]
    """Places, among the items, of those that were added to real examples."""
    additive: list[Tensor]
    """By seed: item that was added, by example."""

    @property
    def finite(self) -> bool:
        """Whether all influences are."""
        return all(bool(torch.isfinite(each).all()) for each in self.influences)

    @property
    def own(self) -> Bool[Tensor, "item example"]:
        """Whether an evaluation example is of an item's class."""
        return self.classes[:, None] == self.context.examples.classes[None]

    def mean(self, seeds: Iterable[int]) -> Float[Tensor, "item example"]:
        """The mean influence over seeds."""
        return torch.stack([self.influences[seed] for seed in seeds]).mean(0)

    def along(self, seeds: Sequence[int]) -> dict[str, Tensor]:
        """How the mean influence over seeds goes along with other things, by item; what was not added is NaN."""
        mean, own, places = self.mean(seeds), self.own, list(self.added)
        found = {}
        for suffix, within in (("", None), (within_class(""), own)):
            found[DISTANCE + suffix] = correlations(mean, self.distances, within)
            found[ADDITIVE + suffix] = mean.new_full((len(mean),), torch.nan)
            if places:
                added = torch.stack([self.additive[seed] for seed in seeds]).mean(0)
                within_added = None if within is None else within[places]
                found[ADDITIVE + suffix][places] = correlations(mean[places], added, within_added)
        return found

    def repeating(self) -> Float[Tensor, "pair item"]:
        """The correlation of each item's influence under each two seeds, over all evaluation examples."""
        pairs = [correlations(self.influences[one], self.influences[other]) for one, other in self.pairs.found]
        return torch.stack(pairs) if pairs else self.influences[0].new_zeros(0, len(self.items))

    def facts(self, level: float) -> dict[str, Fact]:
        """The means over items of all that was measured, with intervals over seeds; deciding ones at `level`."""
        repeating = dict(zip(self.pairs.found, self.repeating(), strict=True))

        def numbers(seeds: tuple[int, ...]) -> dict[str, float]:
            mine = [each for pair, each in repeating.items() if set(pair) <= set(seeds)]
            own, others = self.pairs.means(seeds)
            return {
                **Effects.of(self.mean(seeds), self.classes, self.own).means(),
                SEEDS: finite_mean(torch.cat(mine)) if mine else torch.nan,
                within_class(SEEDS): own,
                OTHERS: others,
                OWN: own_part(own, others),
                **{name: finite_mean(values) for name, values in self.along(seeds).items()},
            }

        levels = {OWN: level, within_class(DISTANCE): level}
        facts = over_draws(numbers, len(self.influences), levels, {TOP10: SHARE, TOP100: SHARE})
        return facts | ({RELIABILITY: reliability_of(RELIABILITY, facts[OWN])} if OWN in facts else {})

    def _rows(self) -> Iterable[tuple[int, str, list[float | None], list[float | None]]]:
        """Of each item: its number, class, effects, and how far they repeat; None for what is not finite."""
        names, seeds = self.context.problem.task.classes, range(len(self.influences))
        effects = Effects.of(self.mean(seeds), self.classes, self.own)
        repeating = [self.repeating(), self.pairs.of_each("own"), self.pairs.of_each("others")]
        for index, item in enumerate(self.items):
            yield (
                item,
                names[int(self.classes[index])],
                list(effects.of_one(index)),
                [_or_none(float(each[:, index].mean())) if len(each) else None for each in repeating],
            )

    def per_item(self) -> Table:
        """One row of each item."""
        along = self.along(range(len(self.influences)))
        order = [name + suffix for name in (ADDITIVE, DISTANCE) for suffix in ("", within_class(""))]
        return ItemRow.table(
            ItemRow(item, name, *effects, *repeats, *(_or_none(float(along[each][index])) for each in order))
            for index, (item, name, effects, repeats) in enumerate(self._rows())
        )

    def per_real(self) -> Iterable[RealImageRow]:
        """One row of each, where they are real examples."""
        return (RealImageRow(item, name, *effects, *repeats) for item, name, effects, repeats in self._rows())


def distances(context: ProbeContext, items: Sequence[int]) -> Float[Tensor, "item example"]:
    """The Euclidean distance in native units between items and evaluation examples (Yang et al. 2024, figure 7)."""
    task = context.problem.task
    ours = tree.flat_rows(task.codec.decode(context.distilled.batch.inputs))
    theirs = tree.flat_rows(task.codec.decode(context.examples.inputs))
    ours, theirs = ours.to(torch.float32), theirs.to(torch.float32)
    return torch.cdist(ours[list(items)], theirs).double()


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
