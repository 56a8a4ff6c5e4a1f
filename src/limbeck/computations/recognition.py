"""What learners trained on real data make of a set."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.training import Training
from limbeck.core import tree
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.population import operations, read
from limbeck.statistics.neighbours import agreement, to_own_class
from limbeck.statistics.projections import AbstractProjection, Pca


@dataclass(frozen=True)
class Recognised(AbstractComputation):
    """What a learner after the last kept step of a training says of the items of the set.

    The outcome has "predictions" (item,) as class numbers and "accuracy", the share of items taken for the class they
    were made for.
    """

    learner: Training

    @property
    def depends_on_set(self) -> bool:
        """It is read on the set."""
        return True

    def needs(self) -> tuple[AbstractComputation, ...]:
        """The training."""
        return (self.learner,)

    def flops(self, context: ProbeContext) -> float:
        """The operations of reading the items."""
        return operations(context.under(self.learner.network).problem) * len(context.distilled)

    def run(self, context: ProbeContext) -> Tree:
        """Read the items."""
        kept = self.learner.kept(context, self.learner.keeps[-1])
        batch = context.distilled.batch
        predictions = read(context.under(self.learner.network).problem, kept, batch.inputs).outputs.argmax(1)
        accuracy = (predictions == batch.classes).to(torch.float64).mean()
        return {"predictions": predictions.to(torch.int16), "accuracy": accuracy}


@dataclass(frozen=True)
class Surroundings(AbstractComputation):
    """Where the items lie among the evaluation examples in the features of a learner, and on a plane.

    The outcome has "agreement" and "distance" (item,), "real/agreement" and "real/distance" (query,): the share of the
    nearest evaluation examples that are of the same class, and the distance to the nearest one of the same class, of
    each
    item and of up to `sample` evaluation examples themselves, each without itself. Under "map" are the coordinates of
    the "items" (item, 2) and of up to `shown` "examples" (example, 2) in one projection of both, and the "classes"
    (example,) of these.
    """

    learner: Training
    neighbours: int = 5
    sample: int = 2000
    shown: int = 1000
    projection: AbstractProjection = field(default_factory=Pca)

    @property
    def depends_on_set(self) -> bool:
        """It is read on the set."""
        return True

    def needs(self) -> tuple[AbstractComputation, ...]:
        """The training."""
        return (self.learner,)

    def flops(self, context: ProbeContext) -> float:
        """The operations of reading all, and of the distances in as many features as an image has numbers at most."""
        queries = min(self.sample, len(context.rows)) + len(context.distilled)
        distances = 2 * queries * len(context.rows) * tree.numel(context.problem.task.shape)
        return (
            operations(context.under(self.learner.network).problem) * (len(context.rows) + len(context.distilled))
            + distances
        )

    def run(self, context: ProbeContext) -> Tree:
        """Read the features, find the neighbours, and draw the map."""
        problem = context.under(self.learner.network).problem
        kept = self.learner.kept(context, self.learner.keeps[-1])
        examples, distilled, key = context.examples, context.distilled.batch, Key(("surroundings",))
        points = read(problem, kept, examples.inputs).features
        items = read(problem, kept, distilled.inputs).features
        rows = key.permutation(len(points))[: self.sample].sort().values
        ours, theirs = (items, distilled.classes), (points[rows], examples.classes[rows])
        among = (points, examples.classes)
        shown = rows[key.fold("shown").permutation(len(rows))[: self.shown]]
        plane = self.projection.project(torch.cat([points[shown], items]), key.fold("map"))
        return {
            "agreement": agreement(*ours, *among, self.neighbours),
            "distance": to_own_class(*ours, *among),
            "real": {
                "agreement": agreement(*theirs, *among, self.neighbours, rows),
                "distance": to_own_class(*theirs, *among, rows),
            },
            "map": {
                "examples": plane[: len(shown)],
                "items": plane[len(shown) :],
                "classes": examples.classes[shown],
            },
        }
