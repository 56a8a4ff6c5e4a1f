"""How the items of a set lie among training examples, and those of its controls and unseen real examples beside."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.computations.contract import ProbeContext
from limbeck.core.findings import Fact
from limbeck.core.tree import Tree
from limbeck.probes.tables.mimicry import INPUTS, KindRow, LookRow, NearestRow, RealLookRow
from limbeck.probes.verdicts.mimicry import Measured, Resemblance, fact_name, rank_name, resemblance
from limbeck.statistics.crossed import of_controls_within
from limbeck.statistics.estimates import mean_of
from limbeck.statistics.resemblance import KINDS, Look, kinds, ranks

ITEMS, CONTROLS, UNSEEN = "items", "controls", "real"
"""Whom an outcome of `Nearness` is of."""
NUMBERS = ("relative", "explained")
"""Of each example: by these it is told what it looks like."""


def explained_name(space: str) -> str:
    """What the mean share of variance that class means explain is called."""
    return f"variance explained by class means, {space}"


def nearness_name(space: str) -> str:
    """What the mean distance to the nearest training example is called, in medians of unseen real examples."""
    return f"relative distance to the nearest training example, {space}"


@dataclass(frozen=True, eq=False)
class Looks:
    """What was measured in one space, in one or by several learners."""

    context: ProbeContext
    space: str
    outcomes: Sequence[Tree]
    """Of `Nearness`, one for each learner."""
    items: tuple[int, ...]
    """Which items of the set were looked at."""
    controls: int

    @functools.cached_property
    def by_kind(self) -> dict[str, Float[Tensor, "learner kind example"]]:
        """What each learner takes each example for, 0 or 1, by whom it is of."""
        found = {}
        for part in (ITEMS, CONTROLS, UNSEEN):
            seen = [kinds(_look(each, part), _look(each, UNSEEN)).double() for each in self.outcomes]
            found[part] = torch.stack(seen)
        return found

    def resemblance(self, spaces: int) -> Resemblance:
        """What the items look like, in one of so many spaces."""
        ours, unseen = (float(self._mean("explained", part).mean()) for part in (ITEMS, UNSEEN))
        ranked = {name: self._ranks(name, ITEMS) for name in NUMBERS}
        kinds = [self.by_kind[part] for part in (ITEMS, CONTROLS, UNSEEN)]
        usual = self._ranks("explained", CONTROLS)
        measured = Measured(self.space, kinds[0], kinds[1], kinds[2], ranked, usual, (ours, unseen))
        return resemblance(measured, self.controls, spaces, self.context.level)

    def facts(self, found: Resemblance) -> tuple[Fact, ...]:
        """The shares, and how near items are to training examples and class means; what says nothing is left out."""
        relative, explained = self._over_median("relative", ITEMS), self._mean("explained", ITEMS)
        level = self.context.level
        means = [mean_of(name, values.tolist(), level) for name, values in self._named(relative, explained)]
        return (*found.shares.values(), *found.ranks.values(), *means)

    def control_facts(self, found: Resemblance) -> tuple[Fact, ...]:
        """The same of the controls: means over them."""
        shares = {
            fact_name(kind, self.space): row for kind, row in zip(KINDS, self.by_kind[CONTROLS].mean(0), strict=True)
        }
        ranked = {rank_name(name, self.space): self._ranks(name, CONTROLS) for name in found.ranks}
        numbers = self._named(self._over_median("relative", CONTROLS), self._mean("explained", CONTROLS))
        parts = {
            name: [float(each[each.isfinite()].mean()) for each in values.chunk(self.controls)]
            for name, values in {**shares, **ranked, **dict(numbers)}.items()
        }
        known = [[Fact.once(name, values[draw]) for name, values in parts.items()] for draw in range(self.controls)]
        return of_controls_within(known, [*shares, *ranked, explained_name(self.space)])

    def kind_rows(self, found: Resemblance) -> Iterator[KindRow]:
        """How many items look like what."""
        for kind, fact in found.shares.items():
            yield KindRow(self.space, kind, *fact[1:4], found.real[kind], found.control[kind], fact.n)

    def look_rows(self, names: Sequence[str], classes: Int[Tensor, " item"]) -> Iterator[LookRow]:
        """How each item lies."""
        columns = (
            self._over_median("distance", ITEMS)[:, 0],
            self._over_median("relative", ITEMS),
            self._over_median("to mean", ITEMS),
            self._mean("explained", ITEMS),
        )
        most = self.by_kind[ITEMS].mean(0)[:3].argmax(0).tolist()
        for place, item in enumerate(self.items):
            distance, relative, to_mean, explained = (float(column[place]) for column in columns)
            name = names[int(classes[place])]
            yield LookRow(item, name, self.space, distance, relative, to_mean, explained, KINDS[most[place]])

    def nearest_rows(self, names: Sequence[str], labels: Int[Tensor, " row"]) -> Iterator[NearestRow]:
        """The nearest training examples of each item, of those classes by row, as the first learner sees them."""
        first = self.outcomes[0][ITEMS]
        for item, rows, apart in zip(self.items, first["row"].tolist(), first["distance"].tolist(), strict=True):
            for rank, (row, distance) in enumerate(zip(rows, apart, strict=True), 1):
                yield NearestRow(item, self.space, rank, row, names[int(labels[row])], distance)

    def real_rows(self, most: int) -> Iterator[RealLookRow]:
        """How unseen real examples lie, up to `most` of them."""
        relative, explained = self._over_median("relative", UNSEEN), self._mean("explained", UNSEEN)
        for pair in zip(relative[:most].tolist(), explained[:most].tolist(), strict=True):
            yield RealLookRow(self.space, *pair)

    def _named(self, relative: Tensor, explained: Tensor) -> list[tuple[str, Tensor]]:
        """The means that say anything: of both the set and unseen real examples some are finite."""
        pairs = [(nearness_name(self.space), relative), (explained_name(self.space), explained)]
        told = [bool(self._mean(name, UNSEEN).isfinite().any()) for name in ("relative", "explained")]
        return [pair for pair, known in zip(pairs, told, strict=True) if known and bool(pair[1].isfinite().any())]

    def _mean(self, name: str, part: str) -> Float[Tensor, "example ..."]:
        """A number of each example: the mean over learners."""
        return torch.stack([each[part][name] for each in self.outcomes]).mean(0)

    def _over_median(self, name: str, part: str) -> Float[Tensor, "example ..."]:
        """A number of each example over the median of those of unseen real ones, learner by learner; then the mean."""
        return torch.stack([each[part][name] / _median(each[UNSEEN][name]) for each in self.outcomes]).mean(0)

    def _ranks(self, name: str, part: str) -> Float[Tensor, " example"]:
        """Where a number of each example lies among those of unseen real ones: the mean over learners."""
        return torch.stack([ranks(each[part][name], each[UNSEEN][name]) for each in self.outcomes]).mean(0)

    @property
    def caveats(self) -> list[str]:
        """What of it has no meaning here, in words."""
        if bool(self._mean("explained", UNSEEN).isfinite().any()):
            return []
        where = "the data" if self.space == INPUTS else "features"
        return [f"class means say nothing of {where}: they do not differ, or span all that there is"]


def _look(outcome: Tree, part: str) -> Look:
    return Look(outcome[part]["relative"], outcome[part]["explained"])


def _median(values: Tensor) -> float:
    """Of the nearest, where there are several; not a number where none is above 0."""
    first = values[:, 0] if values.dim() > 1 else values
    known = first[first.isfinite()]
    middle = float(known.median()) if len(known) else 0.0
    return middle if middle > 0 else math.nan
