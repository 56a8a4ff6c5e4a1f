"""Whether networks trained on real data recognise a set, and where it lies among real examples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from limbeck.computations import AllReal, Recognised, Steps, Surroundings, Training, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.training import REAL_BATCH, accuracies
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding, Table
from limbeck.core.tree import Tree
from limbeck.core.units import percent
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.recognition import DISTILLED, REAL, MapRow, NeighbourRow, PredictionRow, RecognitionRow
from limbeck.statistics.estimates import estimate
from limbeck.statistics.projections import AbstractProjection, Pca

FAR = 0.95
"""An item is off the real examples where it is farther from those of its class than this share of real ones is."""
TRAJECTORY = 300
"""Steps of the trajectories that probes share."""


@dataclass(frozen=True)
class Recognition(AbstractProbe):
    """The accuracy on the set of networks trained on real data, and its neighbours among real examples.

    Yang et al. (ICML 2024), figure 2. Its left panel has bars under each other's names: what is labelled ConvNet-Tiny
    was measured with ResNet-18, what is labelled ResNet-18 with ConvNet-Tiny, and "ResNet-32" is ResNet-34; that
    networks like the one it was distilled with recognise a set best is seen with the names put right. The right
    panel is a map alone. Here the neighbours of each item in feature space are counted beside it, and real
    examples are held against their own neighbours.
    """

    architectures: tuple[tuple[str, int], ...] = (("", TRAJECTORY), ("convnet-w16", 2000), ("lenet", 2000))
    """Networks ("" for the problem's own), and for how many steps of 256 real examples each is trained."""
    space: int = 0
    """Whose features are looked at: its place among `architectures`."""
    repeats: int = 1
    every: int = 10
    neighbours: int = 5
    sample: int = 2000
    """How many evaluation examples are held against their own neighbours."""
    shown: int = 1000
    """How many of these are on the map."""
    projection: AbstractProjection = field(default_factory=Pca)
    """How the map is drawn; by PCA where what it needs is not installed."""

    question = "Do networks trained on real data recognise the set?"
    tables = (RecognitionRow, NeighbourRow, PredictionRow, MapRow)
    by_accuracy = True

    def __post_init__(self) -> None:
        at_least(self, 1, "repeats", "every", "neighbours", "sample", "shown")
        at_least(self, 0, "space")

    def _known(self, context: ProbeContext) -> list[tuple[str, int]]:
        """The architectures that can take the data, each once, the problem's own as ""."""
        found: list[tuple[str, int]] = []
        for name, steps in self.architectures:
            try:
                network = context.under(name).problem.network.name
            except InputError:
                continue
            found.append(("" if network == context.problem.network.name else network, steps))
        return list(dict.fromkeys(found)) or [("", TRAJECTORY)]

    def _learners(self, name: str, steps: int) -> list[Training]:
        # The trajectory is trained for other probes too; of it one seed alone is kept.
        shared = [real_trajectory(0, self.every)] if (name, steps) == ("", TRAJECTORY) else []
        return [
            *shared,
            *(
                Training(AllReal(), seed, Steps(steps, REAL_BATCH), name, reads=(steps,), keeps=(steps,))
                for seed in range(len(shared), self.repeats)
            ),
        ]

    def _surroundings(self, context: ProbeContext) -> Surroundings:
        known = self._known(context)
        learner = self._learners(*known[min(self.space, len(known) - 1)])[0]
        drawn = self.projection if self.projection.available else Pca()
        return Surroundings(learner, self.neighbours, self.sample, self.shown, drawn)

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """What each learner says of the set, and where it lies in the features of one."""
        learners = [each for known in self._known(context) for each in self._learners(*known)]
        return (*learners, *map(Recognised, learners), self._surroundings(context))

    def find(self, context: ProbeContext) -> Finding:
        """Who recognises how much of the set, and how much of it lies among real examples of its class."""
        known = self._known(context)
        rows, facts, words = [], [], []
        for name, steps in known:
            learners = self._learners(name, steps)
            network = name or context.problem.network.name
            ours = [float(context.outcome(Recognised(each), "accuracy")) for each in learners]
            recognised = estimate(f"recognised by {network} after {steps} steps", ours)
            on_test = accuracies(context, learners)
            facts.append(recognised)
            spread = (*recognised[1:4], *estimate("", on_test)[1:4])
            rows.append(RecognitionRow(network, steps, *spread, len(learners)))
            words.append((network, recognised, sum(on_test) / len(on_test)))
        around = context.outcome(self._surroundings(context))
        near, far = _compared(around)
        verdict, tone = _verdict(words, near, len(context.problem.task.classes))
        absent = [name for name, _ in self.architectures if name and not _can(context, name)]
        return Finding(
            probe="recognition",
            set=context.name,
            question=self.question,
            verdict=verdict,
            tone=tone,
            facts=(*facts, *near),
            tables=(
                RecognitionRow.table(rows),
                _items(context, around, far),
                self._predictions(context, known),
                _map(context, around),
            ),
            method=self._method(context, known),
            caveats=(
                *(f"{name} cannot take this data and was left out" for name in absent),
                *self._undrawn(),
                "a network recognises what it would be fooled by, too: this is no measure of what the set teaches",
            ),
        )

    def _method(self, context: ProbeContext, known: Sequence[tuple[str, int]]) -> str:
        name, steps = known[min(self.space, len(known) - 1)]
        drawn = self._surroundings(context).projection
        return (
            f"{self.repeats} learners a network, SGD 0.01 momentum 0.9 on all real images in batches of {REAL_BATCH}; "
            f"features of {name or context.problem.network.name} after {steps} steps; {self.neighbours} nearest "
            f"evaluation examples by Euclidean distance; up to {self.sample} of these each without itself; an "
            f"item is off where it is farther from its class than {100 * FAR:.0f} % of these; map "
            f"by {type(drawn).__name__.lower()}"
        )

    def _undrawn(self) -> tuple[str, ...]:
        missing = not self.projection.available
        return ("the map is by PCA: UMAP needs pip install limbeck[views]",) if missing else ()

    def _predictions(self, context: ProbeContext, known: Sequence[tuple[str, int]]) -> Table:
        """What the first learner of each network takes each item for."""
        names, own = context.problem.task.classes, context.problem.network.name
        labels = context.distilled.batch.classes.tolist()
        rows = []
        for name, steps in known:
            predicted = context.outcome(Recognised(self._learners(name, steps)[0]), "predictions").tolist()
            rows += [
                PredictionRow(item, names[label], name or own, steps, names[predicted[item]])
                for item, label in enumerate(labels)
            ]
        return PredictionRow.table(rows)


def _items(context: ProbeContext, around: Tree, far: Tensor) -> Table:
    """How each item lies among real examples."""
    names = context.problem.task.classes
    return NeighbourRow.table(
        NeighbourRow(item, names[label], float(around["agreement"][item]), float(far[item]))
        for item, label in enumerate(context.distilled.batch.classes.tolist())
    )


def _can(context: ProbeContext, name: str) -> bool:
    try:
        return bool(context.under(name))
    except InputError:
        return False


def _compared(around: Tree) -> tuple[list[Fact], Tensor]:
    """What the surroundings come to, and the distance of each item in medians of real ones."""
    real = around["real"]["distance"]
    real, ours = real[real.isfinite()], around["distance"]
    facts = [
        estimate("near examples of its class", around["agreement"].tolist()),
        estimate("near examples of their class, of real examples", around["real"]["agreement"].tolist()),
    ]
    if not len(real) or not float(real.median()) > 0:
        return facts, torch.full_like(ours, math.nan)
    far = ours / real.median()
    off = (ours > real.quantile(FAR)).to(torch.float64)
    return [
        *facts,
        Fact.once("median distance over that of real examples", float(far.median())),
        Fact.once("share off the real examples", float(off.mean())),
    ], far


def _map(context: ProbeContext, around: Tree) -> Table:
    names, drawn = context.problem.task.classes, around["map"]
    parts = (
        (REAL, drawn["examples"], drawn["classes"]),
        (DISTILLED, drawn["items"], context.distilled.batch.classes),
    )
    return MapRow.table(
        MapRow(kind, names[label], x, y)
        for kind, spots, labels in parts
        for label, (x, y) in zip(labels.tolist(), spots.tolist(), strict=True)
    )


def _verdict(known: Sequence[tuple[str, Fact, float]], near: Sequence[Fact], classes: int) -> tuple[str, str]:
    """Words of (network, accuracy on the set, test accuracy) and of what lies near."""
    # Twice as often as by chance; half as far from chance as it can be where twice is too much to ask.
    learned = [each for each in known if each[2] > min(2 / classes, (1 + 1 / classes) / 2)]
    if not learned:
        best = max(each[2] for each in known)
        why = f"the networks have not learned the data yet (test accuracy {percent(best, 0)})"
        return f"Not known: {why}. Train them for more steps.", "unknown"
    low, high = (pick(learned, key=lambda each: each[1].value) for pick in (min, max))
    if len(learned) == 1:
        claim = f"{low[0]}, trained on real images, recognises {_share(low[1])} of the set."
    elif low[1].value == high[1].value:
        names = ", ".join(each[0] for each in learned)
        claim = f"Networks trained on real images ({names}) recognise {percent(low[1].value, 0)} of the set."
    else:
        claim = (
            f"Networks trained on real images recognise {percent(low[1].value, 0)} ({low[0]}) to "
            f"{percent(high[1].value, 0)} ({high[0]}) of the set."
        )
    off = [fact.value for fact in near if fact.name == "share off the real examples"]
    close = (
        f"Of the real images nearest to its images, {percent(near[0].value, 0)} are of their class "
        f"({percent(near[1].value, 0)} for real images)"
    )
    lie = f"; {percent(off[0], 0)} of its images lie where no real image of their class is near" if off else ""
    return f"{claim} {close}{lie}.", "note"


def _share(fact: Fact) -> str:
    spread = f" ({100 * fact.low:.0f} to {100 * fact.high:.0f})" if fact.n > 1 else ""
    return f"{percent(fact.value, 0)}{spread}"
