"""What each image of a set stands for, by leaving it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from limbeck.computations import leave_one_out
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.leave_one_out import spread
from limbeck.computations.sources import real
from limbeck.computations.training import DEFAULT_TRAINING
from limbeck.core import tree
from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding, Table
from limbeck.core.key import Key
from limbeck.core.units import percent
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.influence import (
    CORRELATIONS,
    DISTANCE,
    HARMED,
    HELPED,
    SAMPLE,
    SEEDS,
    ExampleRow,
    ItemRow,
    RealImageRow,
    within_class,
)
from limbeck.statistics.correlation import correlations
from limbeck.statistics.effects import Effects
from limbeck.statistics.estimates import mean_of

REPEATS = 0.5
"""The mean correlation of two seeds, within the item's class, from which what an image helps is its own doing."""
SIMILAR = 0.5
"""The size of the mean correlation with distance, within the class, from which influence is hardly more than it."""


@dataclass(frozen=True)
class Influence(AbstractProbe):
    """Which test examples each item helps, and whether that is a property of the item.

    The influence of item i on example j is the loss of j under a learner trained without i minus that under one trained
    with all items, from the same initial parameters: exact leave-one-out, positive where the item helps. It is repeated
    under other initial parameters, held against the item's influence where it is added to random real images in place
    of the rest of the set, against the Euclidean distance in native units, and against leave-one-out within as many
    random real images. All correlations are Pearson's over evaluation examples; those within the item's own class
    leave out that any item helps its class and hurts others, which alone would correlate. Yang et al. (ICML 2024),
    section 5.1, figures 7, 8 and 23; there over all test images alone.
    """

    repeats: int = 2
    items: int = 0
    """How many items are left out under the first seed, at even distances; 0 for all, as in the others."""
    repeated: int = 0
    """How many of them under each other seed too."""
    added: int = 0
    """How many of them are added to real images."""
    baseline: int = 0
    """How many random real images are left out of as many as the set has."""
    shown: int = 10
    """How many examples that an item helps most, and harms most, are listed."""
    scattered: int = 60
    """How many more are listed for each, drawn at random, half of them of its class: influence beside distance."""

    question = "What does each image stand for?"
    tables = (ItemRow, RealImageRow, ExampleRow)

    def __post_init__(self) -> None:
        at_least(self, 1, "repeats")
        at_least(self, 0, "items", "repeated", "added", "baseline", "shown", "scattered")

    def check(self, task: AbstractTask) -> None:
        """Refuse inputs whose sides are as long as the batch: between those of two batches there is no distance."""
        super().check(task)
        if tree.joined(task.shape):
            raise InputError(
                f"probe influence: expected examples between which there is a distance; those of {task.name} are as "
                "long as the batch that they are in; leave this probe out"
            )

    def left_out(self, context: ProbeContext) -> tuple[int, ...]:
        """The items that are left out under the first seed."""
        return spread(len(context.distilled), self.items)

    def _some(self, context: ProbeContext, most: int) -> tuple[int, ...]:
        items = self.left_out(context)
        return tuple(items[place] for place in spread(len(items), most))

    def _places(self, context: ProbeContext) -> tuple[int, ...]:
        return spread(leave_one_out.real_count(context), self.baseline)

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """The learners with and without each item, under each seed; those of real images; none for a single item."""
        if len(context.distilled) < 2:
            return ()
        repeats = [(item, seed) for seed in range(1, self.repeats) for item in self._some(context, self.repeated)]
        first = [(item, 0) for item in self.left_out(context)]
        return (
            *(leave_one_out.whole(seed) for seed in range(self.repeats)),
            leave_one_out.real_alone(context, 0),
            *(leave_one_out.without(context, *pair) for pair in [*first, *repeats]),
            *(leave_one_out.real_and(context, item, 0) for item in self._some(context, self.added)),
            *(leave_one_out.real_without(context, place, 0) for place in self._places(context)),
        )

    def find(self, context: ProbeContext) -> Finding:
        """What each item does to its class and to others, and whether that repeats."""
        if len(context.distilled) < 2:
            return self._unknown(context, "Not known: the set has one image, and nothing is left where it is left out.")
        influence = leave_one_out.matrix(context, 0, self.left_out(context))
        if not bool(torch.isfinite(influence).all()):
            return self._unknown(context, "Not known: training on the set diverges, and its losses are not finite.")
        found = self._measured(context, influence)
        facts = found.facts()
        verdict = _verdict({fact.name: fact for fact in facts})
        counts = torch.bincount(context.examples.classes)
        return Finding(
            probe="influence",
            set=context.name,
            question=self.question,
            verdict=verdict,
            tone="note",
            facts=facts,
            tables=(found.per_item(context), found.per_real(context), self._examples(context, found)),
            method=f"exact leave-one-out of {len(influence)} of {len(context.distilled)} images, "
            f"{DEFAULT_TRAINING}, from the same initial parameters with and without; "
            f"{len(context.rows)} evaluation examples",
            caveats=(
                "intervals are over images, under one or two initial parameters",
                f"a class has {int(counts.min())} evaluation examples or more: shares of the top 100 depend on that",
            ),
        )

    def _unknown(self, context: ProbeContext, why: str) -> Finding:
        return Finding("influence", context.name, self.question, why, "unknown")

    def _measured(self, context: ProbeContext, influence: Tensor) -> Measured:
        items = self.left_out(context)
        classes = context.distilled.batch.classes[list(items)]
        places = self._places(context)
        of_real = leave_one_out.of_real(context, 0, places)
        real_classes = real(context.problem, context.distilled.per_class, 0).classes[list(places)]

        def go_along(some: tuple[int, ...], others: Sequence[Tensor]) -> dict[int, tuple[float, float]]:
            rows = torch.tensor([items.index(item) for item in some], dtype=torch.long)
            own = same_class(context, classes[rows])
            found = [
                torch.stack([correlations(influence[rows], other, within) for within in (None, own)], 1)
                for other in others
            ]
            return dict(zip(some, map(tuple, torch.stack(found).mean(0).tolist()), strict=True)) if found else {}

        again = self._some(context, self.repeated)
        repeats = [leave_one_out.matrix(context, seed, again) for seed in range(1, self.repeats)]
        added = self._some(context, self.added)
        apart = distances(context, items)
        return Measured(
            items=items,
            influence=influence,
            alone=Effects.of(influence, classes, same_class(context, classes)),
            seeds=go_along(again, repeats),
            added=go_along(added, [leave_one_out.additive(context, 0, added)]),
            distances=apart,
            distance=go_along(items, [apart]),
            places=places,
            real=Effects.of(of_real, real_classes, same_class(context, real_classes)),
        )

    def _examples(self, context: ProbeContext, found: Measured) -> Table:
        """The evaluation examples that each item helps and harms most, the furthest first, and a sample of others."""
        order = found.influence.argsort(dim=1, descending=True, stable=True)
        names, rows, of = context.problem.task.classes, context.rows.tolist(), context.examples.classes.tolist()
        own = same_class(context, found.alone.classes)
        drawn = Key(("influence", "sample")).permutation(len(rows))
        listed: list[ExampleRow] = []
        for index, item in enumerate(found.items):
            sides = {
                HELPED: order[index, : self.shown],
                HARMED: order[index].flip(0)[: self.shown],
                SAMPLE: _sample(drawn, own[index], self.scattered),
            }
            for side, chosen in sides.items():
                listed += [
                    ExampleRow(item, side, rank, rows[place], names[of[place]], influence, distance)
                    for rank, place, influence, distance in zip(
                        range(1, len(chosen) + 1),
                        chosen.tolist(),
                        found.influence[index, chosen].tolist(),
                        found.distances[index, chosen].tolist(),
                        strict=True,
                    )
                ]
        return ExampleRow.table(listed, f"row: that of the {context.split} split; {ExampleRow.caption}")


class Measured(NamedTuple):
    """What was measured of each item, and of real examples; correlations over all and within the class, by item."""

    items: tuple[int, ...]
    influence: Float[Tensor, "item example"]
    distances: Float[Tensor, "item example"]
    alone: Effects
    seeds: dict[int, tuple[float, float]]
    added: dict[int, tuple[float, float]]
    distance: dict[int, tuple[float, float]]
    places: tuple[int, ...]
    real: Effects

    def facts(self) -> tuple[Fact, ...]:
        """The means over items of all that was measured."""
        found = self.alone.facts() + self.real.facts(" of real images")
        for name, pairs in zip(CORRELATIONS, (self.seeds, self.added, self.distance), strict=True):
            if pairs:
                overall, within = zip(*pairs.values(), strict=True)
                found += [mean_of(name, overall), mean_of(within_class(name), within)]
        return tuple(found)

    def per_item(self, context: ProbeContext) -> Table:
        """One row of each item; what was not measured of it is empty."""
        names, nothing = context.problem.task.classes, (None, None)
        return ItemRow.table(
            ItemRow(
                item,
                names[int(self.alone.classes[index])],
                *self.alone.of_one(index),
                *self.seeds.get(item, nothing),
                *self.added.get(item, nothing),
                *self.distance.get(item, nothing),
            )
            for index, item in enumerate(self.items)
        )

    def per_real(self, context: ProbeContext) -> Table:
        """One row of each real image that was left out of as many as the set has."""
        names = context.problem.task.classes
        return RealImageRow.table(
            RealImageRow(image, names[int(self.real.classes[index])], *self.real.of_one(index))
            for index, image in enumerate(self.places)
        )


def same_class(context: ProbeContext, classes: Int[Tensor, " item"]) -> Bool[Tensor, "item example"]:
    """Whether an evaluation example is of an item's class."""
    return classes[:, None] == context.examples.classes[None]


def distances(context: ProbeContext, items: Sequence[int]) -> Float[Tensor, "item example"]:
    """The Euclidean distance in native units between items and evaluation examples (Yang et al. 2024, figure 7)."""
    task = context.problem.task
    ours = tree.flat_rows(task.codec.decode(context.distilled.batch.inputs))
    theirs = tree.flat_rows(task.codec.decode(context.examples.inputs))
    ours, theirs = ours.to(torch.float32), theirs.to(torch.float32)
    return torch.cdist(ours[list(items)], theirs).double()


def _sample(order: Int[Tensor, " example"], own: Bool[Tensor, " example"], count: int) -> Int[Tensor, " chosen"]:
    """The first places in a random order, the same for all items of a class: half where `own` is true, half not."""
    return torch.cat([order[own[order]][: count - count // 2], order[~own[order]][: count // 2]])


def _verdict(facts: dict[str, Fact]) -> str:
    top, of_real = facts["in class of top 10"], facts["in class of top 10 of real images"]
    helped = (
        f"Of the 10 test images that each helps most, {percent(top.value, 0)} are of its own class "
        f"({percent(of_real.value, 0)} for random real images)."
    )
    seeds = facts.get(within_class(SEEDS))
    if seeds is None or not seeds.n:
        return f"Inconclusive: whether an image's influence repeats under another seed was not measured. {helped}"
    numbers = (
        f"mean correlation {facts[SEEDS].value:.2f} overall and {seeds.value:.2f} ({seeds.low:.2f} to "
        f"{seeds.high:.2f}) within its class"
    )
    if seeds.value < REPEATS:
        return (
            "Single images do not stand for particular test images: what each helps does not repeat under another seed "
            f"({numbers}). {helped}"
        )
    distance = facts[within_class(DISTANCE)].value
    similar = "is little more than" if abs(distance) >= SIMILAR else "is not"
    return (
        f"Each image stands for something: what it helps repeats under another seed ({numbers}), and {similar} "
        f"similarity (correlation with distance {distance:.2f}). {helped}"
    )
