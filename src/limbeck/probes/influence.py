"""What each item of a set stands for, by leaving it out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from limbeck.computations import leave_one_out
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.leave_one_out import beside_others, spread
from limbeck.computations.training import DEFAULT_TRAINING
from limbeck.core import tree
from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least
from limbeck.core.findings import Finding, Table, Verdict
from limbeck.core.key import Key
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.left_out import Measured, distances
from limbeck.probes.tables.influence import (
    HARMED,
    HELPED,
    OWN,
    SAMPLE,
    ExampleRow,
    ItemRow,
    RealImageRow,
)
from limbeck.probes.verdicts.influence import ALONE, DECIDING, DIVERGED, verdict
from limbeck.statistics.decisions import corrected
from limbeck.statistics.repeatability import Pairs


@dataclass(frozen=True)
class Influence(AbstractProbe):
    """Which test examples each item helps, and whether that is a property of the item.

    The influence of item i on example j is the loss of j under a learner trained without i minus that under one trained
    with all items, from the same initial parameters: exact leave-one-out, positive where the item helps. What is shown
    is its mean over seeds. All correlations are Pearson's over evaluation examples; those within the item's own class
    leave out that any item helps its class and hurts others, which alone would correlate. Yang et al. (ICML 2024),
    section 5.1, figures 7, 8 and 23; there under one seed and over all test examples alone.

    Decided is whether what an item helps within its class is its own: how far it goes along with itself under another
    seed, less how far it does with *other* items of its class, as a share of what that could be. Of items that differ
    by chance it is 0, whatever all items of a class share and although all share one full training. Its interval is by
    a jackknife over seeds, the independent draws. Items stand for something where it lies above 0 and so far that the
    mean over the seeds is more reliable than one half (Spearman and Brown). Nothing can be told of an item that is
    alone in its class, and these are left out. The control are as many random real examples in place of the set.
    """

    repeats: int = 3
    """Seeds under which each of the items is left out; three at least decide anything."""
    controls: int = 1
    items: int = 0
    """About how many items are left out, of each class two or more; 0 for all."""
    controlled: int = 30
    """About how many real examples are left out of the control; 0 for as many as of the set."""
    added: int = 30
    """How many of the items are added to real examples, too; 0 for all."""
    shown: int = 10
    """How many examples that an item helps most, and harms most, are listed."""
    scattered: int = 60
    """How many more are listed for each, drawn at random, half of them of its class: influence beside distance."""

    question = "What does each item stand for?"
    tables = (ItemRow, RealImageRow, ExampleRow)

    def __post_init__(self) -> None:
        at_least(self, 1, "repeats")
        at_least(self, 0, "controls", "items", "controlled", "added", "shown", "scattered")

    def check(self, task: AbstractTask) -> None:
        """Refuse inputs whose sides are as long as the batch: between those of two batches there is no distance."""
        super().check(task)
        if tree.joined(task.shape):
            raise InputError(
                f"probe influence: expected examples between which there is a distance; those of {task.name} are as "
                "long as the batch that they are in; leave this probe out"
            )

    def left_out(self, context: ProbeContext) -> tuple[int, ...]:
        """The items that are left out, or those of a control: none that is alone in its class."""
        most = self.items if context.draw is None else self.controlled or self.items
        return beside_others(context.distilled.batch.classes, most)

    def _added(self, context: ProbeContext) -> tuple[int, ...]:
        items = self.left_out(context)
        if context.draw is not None:
            return ()
        return tuple(items[place] for place in spread(len(items), self.added))

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """The learners with and without each item, and of real examples with and without it, under each seed."""
        items, added = self.left_out(context), self._added(context)
        if not items:
            return ()
        seeds = range(self.repeats)
        return (
            *(leave_one_out.whole(seed) for seed in seeds),
            *(leave_one_out.without(context, item, seed) for seed in seeds for item in items),
            *(leave_one_out.real_alone(context, seed) for seed in seeds if added),
            *(leave_one_out.real_and(context, item, seed) for seed in seeds for item in added),
        )

    def find(self, context: ProbeContext) -> Finding:
        """What each item does to its class and to others, and whether that repeats."""
        if not self.left_out(context):
            return self.finding(context, Verdict(ALONE, "unknown"))
        ours = self._measured(context)
        if not ours.finite:
            return self.finding(context, Verdict(DIVERGED, "unknown"))
        measured = [self._measured(each) for each in context.controls(min(self.controls, 1))]
        controls = [each for each in measured if each.finite]
        level = corrected(DECIDING, context.level)
        facts, beside = ours.facts(level), controls[0].facts(level) if controls else {}
        counts = torch.bincount(context.examples.classes)
        left, count = len(ours.items), len(context.distilled)
        alone = count - len(beside_others(context.distilled.batch.classes))
        return self.finding(
            context,
            verdict(facts, beside, self.repeats, len(context.rows)),
            tuple(facts.values()),
            tables=(
                ours.per_item(),
                RealImageRow.table(row for each in controls for row in each.per_real()),
                self._examples(context, ours),
            ),
            control=tuple(beside.values()),
            method=f"exact leave-one-out of {left} of {count} items under {self.repeats} seeds, "
            f"{DEFAULT_TRAINING}, from the same initial parameters with and without; shown is the mean over seeds; "
            f"{len(context.rows)} evaluation examples; intervals by jackknife over seeds, those of {OWN} and of the "
            f"correlation with distance within the class simultaneous; {OWN}: (correlation with itself - with others) "
            f"/ (1 - with others), of other items of the class; control: "
            f"{sum(len(each.items) for each in controls)} items left out of as many random real examples, same seeds",
            caveats=(
                *([f"of {count} items, {alone} alone in a class: not asked about"] if alone else []),
                "what holds of items holds of their mean; one item may stand for nothing",
                "the control is one draw of random real examples: shares of the top 10 and 100 are shown, not tested",
                f"a class has {int(counts.min())} evaluation examples or more: shares of the top 100 depend on that",
            ),
        )

    def _measured(self, context: ProbeContext) -> Measured:
        items, added = self.left_out(context), self._added(context)
        seeds = range(self.repeats)
        influences = [leave_one_out.matrix(context, seed, items) for seed in seeds]
        classes = context.distilled.batch.classes[list(items)]
        return Measured(
            context,
            items,
            classes,
            influences,
            Pairs.of(influences, classes, context.examples.classes),
            distances(context, items),
            tuple(items.index(item) for item in added),
            [leave_one_out.additive(context, seed, added) for seed in seeds] if added else [],
        )

    def _examples(self, context: ProbeContext, found: Measured) -> Table:
        """The evaluation examples that each item helps and harms most, the furthest first, and a sample of others."""
        influence = found.mean(range(self.repeats))
        order = influence.argsort(dim=1, descending=True, stable=True)
        names, rows, of = context.problem.task.classes, context.rows.tolist(), context.examples.classes.tolist()
        drawn = Key(("influence", "sample")).permutation(len(rows))
        listed: list[ExampleRow] = []
        for index, item in enumerate(found.items):
            sides = {
                HELPED: order[index, : self.shown],
                HARMED: order[index].flip(0)[: self.shown],
                SAMPLE: _sample(drawn, found.own[index], self.scattered),
            }
            for side, chosen in sides.items():
                listed += [
                    ExampleRow(item, side, rank, rows[place], names[of[place]], value, distance)
                    for rank, place, value, distance in zip(
                        range(1, len(chosen) + 1),
                        chosen.tolist(),
                        influence[index, chosen].tolist(),
                        found.distances[index, chosen].tolist(),
                        strict=True,
                    )
                ]
        return ExampleRow.table(listed, f"row: that of the {context.split} split; {ExampleRow.caption}")


def _sample(order: Int[Tensor, " example"], own: Bool[Tensor, " example"], count: int) -> Int[Tensor, " chosen"]:
    """The first places in a random order, the same for all items of a class: half where `own` is true, half not."""
    return torch.cat([order[own[order]][: count - count // 2], order[~own[order]][: count // 2]])
