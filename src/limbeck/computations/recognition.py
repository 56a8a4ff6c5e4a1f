"""What learners trained on real data make of a set, and of real examples."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.training import FORWARD, Training
from limbeck.core import tree
from limbeck.core.contracts import Batch
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.footprint import parameter_bytes, said_bytes
from limbeck.learn.population import operations, read
from limbeck.learn.training import Learner
from limbeck.statistics.neighbours import AT_ONCE, agreement, to_own_class
from limbeck.statistics.projections import AbstractProjection, Pca

DISTANCE = 8
"""Bytes of a distance, and of what it is made of."""


@dataclass(frozen=True)
class Recognised(AbstractComputation):
    """What a learner at the end of a training says of the items of the set.

    The outcome has "predictions" (item,) as class numbers and "accuracy", the share of items taken for the class they
    were made for.
    """

    doing = "reading images"

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
        batch = context.distilled.batch
        problem = context.under(self.learner.network).problem
        predictions = read(problem, _last(context, self.learner), batch.inputs).outputs.argmax(1)
        accuracy = (predictions == batch.classes).to(torch.float64).mean()
        return {"predictions": predictions.to(torch.int16), "accuracy": accuracy}


@dataclass(frozen=True)
class Surroundings(AbstractComputation):
    """Where the items lie among the evaluation examples, in the features of a learner at the end of a training.

    The outcome has "agreement" and "distance" (item,): the share of the nearest evaluation examples that are of the
    class of the item, and the distance to the nearest one of its class.
    """

    doing = "comparing features"

    learner: Training
    neighbours: int = 5

    @property
    def depends_on_set(self) -> bool:
        """It is read on the set."""
        return True

    def needs(self) -> tuple[AbstractComputation, ...]:
        """The training."""
        return (self.learner,)

    def bytes(self, context: ProbeContext, together: int = 1) -> float:
        """Those of the features, and of the distances of some at once."""
        return _bytes(context, self.learner, len(context.distilled)) + self.examples_bytes(context)

    def flops(self, context: ProbeContext) -> float:
        """The operations of reading all, and of the distances."""
        return _flops(context, self.learner, len(context.distilled))

    def run(self, context: ProbeContext) -> Tree:
        """Read the features, and find the neighbours."""
        examples, distilled = context.examples, context.distilled.batch
        points, items = (_features(context, self.learner, batch) for batch in (examples, distilled))
        return _among(items, distilled.classes, points, examples.classes, self.neighbours)


@dataclass(frozen=True)
class RealSurroundings(AbstractComputation):
    """The same of up to `sample` evaluation examples, each among the others, whatever the set is."""

    doing = "comparing features"

    learner: Training
    neighbours: int = 5
    sample: int = 2000

    @property
    def depends_on_set(self) -> bool:
        """As the training does."""
        return self.learner.depends_on_set

    def needs(self) -> tuple[AbstractComputation, ...]:
        """The training."""
        return (self.learner,)

    def bytes(self, context: ProbeContext, together: int = 1) -> float:
        """Those of the features, and of the distances of some at once."""
        return _bytes(context, self.learner, min(self.sample, len(context.rows))) + self.examples_bytes(context)

    def flops(self, context: ProbeContext) -> float:
        """The operations of reading all, and of the distances."""
        return _flops(context, self.learner, min(self.sample, len(context.rows)))

    def run(self, context: ProbeContext) -> Tree:
        """Read the features, and find the neighbours."""
        examples = context.examples
        points, rows = _features(context, self.learner, examples), _drawn(len(examples.classes), self.sample)
        return _among(points[rows], examples.classes[rows], points, examples.classes, self.neighbours, rows)


@dataclass(frozen=True)
class FeatureMap(AbstractComputation):
    """The features of the items and of up to `shown` evaluation examples, in one projection onto a plane.

    The outcome has the coordinates of the "items" (item, 2) and of the "examples" (example, 2), and the "classes"
    (example,) of these.
    """

    doing = "drawing a map of features"

    learner: Training
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
        """The operations of reading what is shown."""
        count = min(self.shown, len(context.rows)) + len(context.distilled)
        return FORWARD * operations(context.under(self.learner.network).problem) * count

    def run(self, context: ProbeContext) -> Tree:
        """Read the features, and project them."""
        examples = context.examples
        shown = context.problem.task.take(examples, _drawn(len(examples.classes), self.shown))
        points, items = (_features(context, self.learner, batch) for batch in (shown, context.distilled.batch))
        plane = self.projection.project(torch.cat([points, items]), Key(("surroundings", "map")))
        return {"examples": plane[: len(points)], "items": plane[len(points) :], "classes": shown.classes}


def _last(context: ProbeContext, training: Training) -> Learner:
    """The learner that is kept at the end of a training."""
    return training.kept(context, training.last_kept(context))


def _features(context: ProbeContext, training: Training, batch: Batch) -> Tensor:
    problem = context.under(training.network).problem
    return read(problem, _last(context, training), batch.inputs).features


def _drawn(count: int, size: int) -> Tensor:
    """Rows of up to `size` of so many evaluation examples."""
    return Key(("surroundings",)).permutation(count)[:size].sort().values


def _among(
    items: Tensor, labels: Tensor, points: Tensor, classes: Tensor, neighbours: int, own: Tensor | None = None
) -> Tree:
    return {
        "agreement": agreement(items, labels, points, classes, neighbours, own),
        "distance": to_own_class(items, labels, points, classes, own),
    }


def _bytes(context: ProbeContext, training: Training, queries: int) -> float:
    """Those of reading so many examples beside all evaluation examples, and of distances between them."""
    problem, examples = context.under(training.network).problem, len(context.rows)
    return (
        said_bytes(problem, examples + queries) + parameter_bytes(problem) + DISTANCE * min(queries, AT_ONCE) * examples
    )


def _flops(context: ProbeContext, training: Training, queries: int) -> float:
    """Those of reading so many examples beside all evaluation examples, and of the distances between them.

    An example is taken to have as many features as it has numbers, at most.
    """
    examples = len(context.rows)
    distances = 2 * queries * examples * tree.numel(context.problem.task.shape)
    return FORWARD * operations(context.under(training.network).problem) * (examples + queries) + distances
