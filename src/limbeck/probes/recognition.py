"""Whether networks trained on real data recognise a set, and where it lies among real examples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.computations import (
    AllReal,
    FeatureMap,
    Level,
    RealSurroundings,
    Recognised,
    Steps,
    Surroundings,
    Training,
    real_trajectory,
)
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.record import END
from limbeck.computations.training import REAL_BATCH, accuracies
from limbeck.computations.trajectories import LONGEST, stops
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding, Table
from limbeck.core.tree import Tree
from limbeck.core.units import percent
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.recognition import DISTILLED, REAL, MapRow, NeighbourRow, PredictionRow, RecognitionRow
from limbeck.probes.verdicts.recognition import FAR, NEAR, OFF, TESTS, Network, Placing, placed, verdict
from limbeck.statistics.crossed import of_controls_within
from limbeck.statistics.decisions import LEAST
from limbeck.statistics.estimates import SHARE, estimate
from limbeck.statistics.neighbours import farther
from limbeck.statistics.projections import AbstractProjection, Pca

APART = 100
"""Steps between readings of another network that is trained until its accuracy levels off."""


@dataclass(frozen=True)
class Recognition(AbstractProbe):
    """The accuracy on the set of networks trained on real data, and its neighbours among real examples.

    Learners of several seeds and networks are trained on all real data, the problem's own until its accuracy levels
    off. In the features of one network, by default that one, each item is held against the evaluation examples: it is
    off them where it is farther from its class than 95 % of evaluation examples are, so that of real examples 5 % are
    off by construction; and of its nearest evaluation examples a share is of its class. Both are averaged over
    learners. It is said that the set lies off real examples where more than 5 % of it is off, or fewer of its
    neighbours are of its class than for real examples: by the interval of Wilson over items, and beyond what one more
    control would come to (random real training examples, Student's predictive interval), both at 95 % for the two
    numbers at once. So of random real sets at most 5 % are said to.

    Yang et al. (ICML 2024), figure 2. Its left panel has bars under each other's names: what is labelled ConvNet-Tiny
    was measured with ResNet-18, what is labelled ResNet-18 with ConvNet-Tiny, and "ResNet-32" is ResNet-34; that
    networks like the one it was distilled with recognise a set best is seen with the names put right. The right
    panel is a map alone. Here the neighbours of each item in feature space are counted beside it.
    """

    architectures: tuple[tuple[str, int], ...] = (("", 0), ("convnet-w16", 2000), ("lenet", 2000))
    """Networks ("" for the problem's own), and for how many steps of 256 real examples each is trained; 0: until its
    accuracy levels off."""
    space: int = 0
    """Whose features are looked at: its place among `architectures`."""
    repeats: int = 3
    """Learners of each network."""
    controls: int = 5
    every: int = 10
    """Steps between two readings of a training, at its beginning."""
    neighbours: int = 5
    """Nearest evaluation examples of an item that are looked at."""
    sample: int = 2000
    """How many evaluation examples are held against their own neighbours."""
    shown: int = 1000
    """How many are on the map."""
    projection: AbstractProjection = field(default_factory=Pca)
    """How the map is drawn; by PCA where what it needs is not installed."""

    question = "Do networks trained on real data recognise the set?"
    tables = (RecognitionRow, NeighbourRow, PredictionRow, MapRow)
    by_accuracy = True

    def __post_init__(self) -> None:
        at_least(self, 1, "repeats", "every", "neighbours", "sample", "shown")
        at_least(self, 0, "space")
        at_least(self, LEAST, "controls")

    def _known(self, context: ProbeContext) -> list[tuple[str, int]]:
        """The architectures that can take the data, each once, the problem's own as ""."""
        found: list[tuple[str, int]] = []
        for name, steps in self.architectures:
            try:
                network = context.under(name).problem.network.name
            except InputError:
                continue
            found.append(("" if network == context.problem.network.name else network, steps))
        return list(dict.fromkeys(found)) or [("", 0)]

    def _learners(self, name: str, steps: int) -> list[Training]:
        return [self._learner(name, steps, seed) for seed in range(self.repeats)]

    def _learner(self, name: str, steps: int, seed: int) -> Training:
        if not (name or steps):
            return real_trajectory(seed, self.every)
        if not steps:
            # Of a network that no other probe asks for, the end alone is kept: there may be gigabytes of the rest.
            at = Steps(LONGEST, REAL_BATCH)
            return Training(AllReal(), seed, at, name, reads=stops(APART, LONGEST), keeps=(END,), until=Level())
        return Training(AllReal(), seed, Steps(steps, REAL_BATCH), name, reads=(steps,), keeps=(steps,))

    def _looking(self, context: ProbeContext) -> list[Training]:
        """The learners whose features are looked at."""
        known = self._known(context)
        return self._learners(*known[min(self.space, len(known) - 1)])

    def _map(self, context: ProbeContext) -> FeatureMap:
        drawn = self.projection if self.projection.available else Pca()
        return FeatureMap(self._looking(context)[0], self.shown, drawn)

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """What each learner says of the set, and where it lies in the features of those of one network."""
        learners = [each for known in self._known(context) for each in self._learners(*known)]
        looking = self._looking(context)
        where = (*learners, *map(Recognised, learners), *(Surroundings(each, self.neighbours) for each in looking))
        if context.draw is not None:
            return where
        real = (RealSurroundings(each, self.neighbours, self.sample) for each in looking)
        return (*where, *real, self._map(context))

    def find(self, context: ProbeContext) -> Finding:
        """Who recognises how much of the set, and how much of it lies among real examples of its class."""
        controls, classes = context.controls(self.controls), len(context.problem.task.classes)
        recognised, *theirs = (self._recognised(about) for about in (context, *controls))
        networks = [
            Network(row.network, fact, row.test_accuracy, _mean([of[place][1].value for of in theirs]))
            for place, (row, fact) in enumerate(recognised)
        ]
        ours, *placings = (self._placing(about) for about in (context, *controls))
        off, near = placed(ours, placings, self._real(context), context.level)
        space = context.under(self._looking(context)[0].network).problem.network.name
        beside = [
            (
                Fact.once(OFF, float(each.off.mean())),
                Fact.once(NEAR, float(each.near.mean())),
                *(fact for _, fact in of),
            )
            for each, of in zip(placings, theirs, strict=True)
        ]
        return self.finding(
            context,
            verdict(networks, space, off, near, len(context.distilled), classes),
            (*(fact for _, fact in recognised), near.share, Fact.once(f"{NEAR}, real", near.real), off.share),
            tables=(
                RecognitionRow.table(row for row, _ in recognised),
                self._items(context, ours),
                self._predictions(context),
                _drawn(context, context.outcome(self._map(context))),
            ),
            control=of_controls_within(beside, [fact.name for fact in beside[0]]),
            method=self._method(context, space),
            caveats=self._caveats(context),
        )

    def _caveats(self, context: ProbeContext) -> tuple[str, ...]:
        absent = [name for name, _ in self.architectures if name and not _can(context, name)]
        return (
            *(f"{name} cannot take this data and was left out" for name in absent),
            *([] if self.projection.available else ["the map is by PCA: UMAP needs pip install limbeck[views]"]),
            "random real examples of the controls are training examples, which the networks have seen; the set is held "
            "against evaluation examples too, which they have not",
            "a network recognises what it would be fooled by, too: this is no measure of what the set teaches",
        )

    def _recognised(self, context: ProbeContext) -> list[tuple[RecognitionRow, Fact]]:
        """Of each network how much its learners recognise, and how often they are right on evaluation examples."""
        found = []
        for name, steps in self._known(context):
            learners = self._learners(name, steps)
            network = name or context.problem.network.name
            taken = round(_mean([each.steps(context)[-1] for each in learners]))
            ours = [float(context.outcome(Recognised(each), "accuracy")) for each in learners]
            label = f"recognised by {network} after {taken} steps"
            fact = estimate(label, ours, within=SHARE)
            on_test = estimate("", accuracies(context, learners), within=SHARE)
            row = RecognitionRow(network, taken, *fact[1:4], *on_test[1:4], len(learners))
            found.append((row, fact))
        return found

    def _placing(self, context: ProbeContext) -> Placing:
        """How the items lie, as each learner sees it."""
        near, off = [], []
        for each in self._looking(context):
            around = context.outcome(Surroundings(each, self.neighbours))
            real = context.outcome(RealSurroundings(each, self.neighbours, self.sample), "distance")
            near.append(around["agreement"])
            off.append(farther(around["distance"], real, FAR).double())
        return Placing(torch.stack(off), torch.stack(near))

    def _real(self, context: ProbeContext) -> Placing:
        """How evaluation examples lie among the others; near, where there are no others, is as good as none."""
        near, off = [], []
        for each in self._looking(context):
            around = context.outcome(RealSurroundings(each, self.neighbours, self.sample))
            near.append(around["agreement"].nan_to_num(0.0))
            off.append(farther(around["distance"], around["distance"], FAR).double())
        return Placing(torch.stack(off), torch.stack(near))

    def _method(self, context: ProbeContext, space: str) -> str:
        return (
            f"{self.repeats} learners a network (seeds), SGD 0.01 momentum 0.9 on all real examples in batches of "
            f"{REAL_BATCH}; features of those of {space}; {self.neighbours} nearest evaluation examples by Euclidean "
            f"distance, averaged over learners; up to {self.sample} of these each without itself; an item is off where "
            f"it is farther from its class than {percent(FAR, 0)} of these; intervals over items (Wilson), for "
            f"{TESTS} numbers at once, and beside {self.controls} controls of as many random real examples, whose "
            f"predictive interval a number must leave too; recognition: mean and interval over learners; map by "
            f"{type(self._map(context).projection).__name__.lower()}"
        )

    def _predictions(self, context: ProbeContext) -> Table:
        """What the first learner of each network takes each item for."""
        names, own = context.problem.task.classes, context.problem.network.name
        labels = context.distilled.batch.classes.tolist()
        rows = []
        for name, steps in self._known(context):
            learners = self._learners(name, steps)
            taken = round(_mean([each.steps(context)[-1] for each in learners]))
            predicted = context.outcome(Recognised(learners[0]), "predictions").tolist()
            rows += [
                PredictionRow(item, names[label], name or own, taken, names[predicted[item]])
                for item, label in enumerate(labels)
            ]
        return PredictionRow.table(rows)

    def _items(self, context: ProbeContext, ours: Placing) -> Table:
        """How each item lies among real examples."""
        names, labels = context.problem.task.classes, context.distilled.batch.classes.tolist()
        apart = torch.stack([self._apart(context, each) for each in self._looking(context)]).mean(0)
        columns = zip(labels, ours.near.mean(0).tolist(), apart.tolist(), ours.off.mean(0).tolist(), strict=True)
        return NeighbourRow.table(
            NeighbourRow(item, names[label], near, distance, off)
            for item, (label, near, distance, off) in enumerate(columns)
        )

    def _apart(self, context: ProbeContext, learner: Training) -> Float[Tensor, " item"]:
        """The distance of each item from its class, over the median of those of real examples."""
        real = context.outcome(RealSurroundings(learner, self.neighbours, self.sample), "distance")
        ours, real = context.outcome(Surroundings(learner, self.neighbours), "distance"), real[real.isfinite()]
        middle = float(real.median()) if len(real) else 0.0
        return ours / middle if middle > 0 else torch.full_like(ours, math.nan)


def _can(context: ProbeContext, name: str) -> bool:
    try:
        return bool(context.under(name))
    except InputError:
        return False


def _drawn(context: ProbeContext, plane: Tree) -> Table:
    """The map."""
    names = context.problem.task.classes
    parts = (
        (REAL, plane["examples"], plane["classes"]),
        (DISTILLED, plane["items"], context.distilled.batch.classes),
    )
    return MapRow.table(
        MapRow(kind, names[label], x, y)
        for kind, spots, labels in parts
        for label, (x, y) in zip(labels.tolist(), spots.tolist(), strict=True)
    )


def _mean(values: Sequence[float | int]) -> float:
    return sum(values) / len(values)
