"""What happens where real examples are added to a distilled set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from limbeck.computations import Mixture, Training
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.training import DEFAULT_TRAINING, accuracies
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding, Table
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.mixing import MixingRow
from limbeck.probes.verdicts.mixing import Compared, compared, verdict
from limbeck.statistics.chance import Chance
from limbeck.statistics.estimates import SHARE, estimate
from limbeck.statistics.one_more import one_more

ALONE = "test accuracy of the set alone"
ByAdded = Mapping[int, list[float]]
"""Accuracies, seed by seed, by how many real examples were added to each class."""


@dataclass(frozen=True)
class Mixing(AbstractProbe):
    """The accuracy of the set with real examples added, beside that of real examples alone.

    For each r of `added`, learners are trained on the whole set and r real examples of every class, all in one batch,
    and on as many real examples alone. Those of a larger r include those of a smaller one, and all sets get the
    same; seed m has its own real examples and initial parameters, so that differences within a seed are paired.

    What is decided for each r > 0 is whether the set does better than as many real examples in its place, by how far
    one more draw of those would lie (`one_more`), and whether r real examples change what the set alone comes to, by
    Student's interval: all at once by Bonferroni. Were the set one more draw of real examples, there would be nothing
    to find of the first; nothing is claimed of a set that teaches nothing. Yang et al. (ICML 2024), figure 3 right:
    there one run a point, whose initial parameters were not shared.
    """

    added: tuple[int, ...] = (0, 2, 10, 50, 250)
    """Real examples of each class that are added."""
    repeats: int = 5

    question = "Can real examples be added to the set?"
    tables = (MixingRow,)
    by_accuracy = True

    def __post_init__(self) -> None:
        at_least(self, 1, "repeats")
        at_least(self, 0, "added")

    def _mixed(self, added: int, seed: int) -> Training:
        return Training(Mixture(real=added, shuffle=seed), seed)

    def _in_place(self, context: ProbeContext, added: int, seed: int) -> Training:
        return Training(Mixture(items=(), real=context.distilled.per_class + added, shuffle=seed), seed)

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """Both curves, of every seed."""
        points = [(added, seed) for added in sorted({0, *self.added}) for seed in range(self.repeats)]
        return tuple(each for point in points for each in (self._mixed(*point), self._in_place(context, *point)))

    def find(self, context: ProbeContext) -> Finding:
        """The curves, what the set brings beside real examples and they beside it, and whether to mix."""
        seeds, added = range(self.repeats), sorted({0, *self.added})
        mixed = {r: accuracies(context, [self._mixed(r, seed) for seed in seeds]) for r in added}
        in_place = {r: accuracies(context, [self._in_place(context, r, seed) for seed in seeds]) for r in added}
        found = compared(mixed[0], mixed, in_place, context.level)
        beside = compared(in_place[0], in_place, in_place, context.level)
        verdict_of = verdict(mixed[0], found, Chance.of(context.examples.classes), context.level)
        tests = len(found.gains) + len(found.over_real)
        return self.finding(
            context,
            verdict_of,
            (estimate(ALONE, mixed[0], context.level, SHARE), *found.gains.values(), *found.over_real.values()),
            tables=(self._table(context, mixed, in_place, found),),
            control=(estimate(ALONE, in_place[0], context.level, SHARE), *beside.gains.values(), *_nothing(found)),
            method=f"{self.repeats} seeds; {DEFAULT_TRAINING}; nested real examples, drawn anew for each seed; paired "
            f"differences with intervals that hold at once ({tests} numbers); those of the set over as many real "
            "images say how far one more draw of real examples would lie; control: "
            f"{context.distilled.per_class} more real examples of every class in place of the set",
            caveats=("no re-weighting: with r real examples the set is the smaller part of every batch",),
        )

    def _table(self, context: ProbeContext, mixed: ByAdded, in_place: ByAdded, found: Compared) -> Table:
        rows = []
        for r in dict.fromkeys(self.added):
            here, there = (estimate("", values[r], context.level, SHARE) for values in (mixed, in_place))
            apart = [a - b for a, b in zip(mixed[r], in_place[r], strict=True)]
            over = found.over_real.get(r) or one_more("", apart, context.level)
            change = found.gains[r][1:4] if r else (0.0, 0.0, 0.0)
            rows.append(MixingRow(r, *here[1:4], *there[1:4], *over[1:4], *change))
        return MixingRow.table(rows)


def _nothing(found: Compared) -> list[Fact]:
    """What real examples gain over themselves: nothing."""
    return [Fact(over.name, 0.0, 0.0, 0.0, over.n) for over in found.over_real.values()]
