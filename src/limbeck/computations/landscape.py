"""Losses on the plane through where a learner starts, where real data take it, and where the set does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.training import FORWARD, STEP, Training
from limbeck.core import tree
from limbeck.core.contracts import Batch, Problem
from limbeck.core.later import without_gradients
from limbeck.core.progress import went
from limbeck.core.tree import Tree
from limbeck.learn.curvature import flat, shaped
from limbeck.learn.microbatches import microbatch_limit, microbatches
from limbeck.learn.plane import Plane, covering
from limbeck.learn.population import operations


class Side(NamedTuple):
    """A training, and the steps of it that count."""

    training: Training
    steps: tuple[int, ...]


class Sides(NamedTuple):
    """Two trainings from the same initial parameters, each kept at its start and its end."""

    real: Side
    ours: Side

    def plane(self, context: ProbeContext) -> Plane:
        """The plane through their common start and their ends."""
        ends = (each.training.kept(context, each.steps[-1]) for each in self)
        start = self.real.training.kept(context, self.real.steps[0])
        return Plane.through(*(flat(learner.params) for learner in (start, *ends)))


def sampled(context: ProbeContext, most: int) -> Batch:
    """At most `most` of the evaluation examples, evenly spaced among them; all for 0."""
    examples = context.examples
    count = len(examples.classes)
    rows = torch.linspace(0, count - 1, min(most or count, count), dtype=torch.float64).round().long()
    return context.problem.task.take(examples, rows)


@without_gradients
def mean_loss_at(problem: Problem, params: Tree, batch: Batch) -> float:
    """The mean of what a problem's training goes down, at some parameters, in double precision.

    Normalised by statistics of the batch, if at all.
    """
    rows = torch.arange(len(batch.classes))
    total = 0.0
    for part in microbatches(rows, microbatch_limit(problem, len(rows))):
        chosen = problem.task.take(batch, part).to(problem.device)
        outputs = problem.network.apply(params, chosen.inputs).outputs
        total += float(problem.goal.each(problem.task, outputs, chosen.targets).double().sum())
    return total / len(rows)


def losses_at(context: ProbeContext, point: Float[Tensor, " parameter"], like: Tree, most: int) -> list[float]:
    """The mean losses on a sample of the evaluation examples and on the set, with the parameters in a row."""
    params = shaped(like, point.to(tree.leaves(like)[0]))
    return [mean_loss_at(context.problem, params, batch) for batch in (sampled(context, most), context.distilled.batch)]


@dataclass(frozen=True)
class Paths(AbstractComputation):
    """Two trainings seen from the plane through their start and their ends.

    The outcome is "real" and "ours" (kept, axis): the coordinates of every kept learner in the plane and its distance
    from it; and "corners" (corner, axis): coordinates of start, real end and end on the set, then the losses on the
    evaluation sample and on the set of the learners that were kept there, and the same of the points of the plane.
    """

    doing = "reading losses between networks"

    real: Training
    ours: Training
    most: int = 500
    stop: int = 0
    """The step up to which training on real data counts, so that its end is there; 0 for all of it."""

    @property
    def depends_on_set(self) -> bool:
        """It is: one of the trainings is on the set."""
        return True

    def needs(self) -> tuple[AbstractComputation, ...]:
        """Both trainings."""
        return self.real, self.ours

    def flops(self, context: ProbeContext) -> float:
        """The operations of reading the corners twice."""
        return (
            6
            * FORWARD
            * operations(context.problem)
            * (min(self.most or len(context.rows), len(context.rows)) + len(context.distilled))
        )

    def sides(self, context: ProbeContext) -> Sides:
        """Both trainings with the steps that were kept: the plane and the rows of the outcome are of these."""
        reached = self.real.steps(context)[-1]
        steps = tuple(step for step in self.real.keeps if step <= min(self.stop or reached, reached))
        return Sides(Side(self.real, steps), Side(self.ours, self.ours.keeps))

    def run(self, context: ProbeContext) -> Tree:
        """Project, and read the corners as learners and as points."""
        sides = self.sides(context)
        plane = sides.plane(context)
        found = {
            name: torch.tensor(
                [plane.project(flat(each.training.kept(context, step).params)) for step in each.steps]
            ).double()
            for name, each in sides._asdict().items()
        }
        ends = ((sides.real, 0), (sides.real, -1), (sides.ours, -1))
        corners = []
        for (training, steps), index in ends:
            params = training.kept(context, steps[index]).params
            x, y, _ = plane.project(flat(params))
            read = losses_at(context, flat(params), params, self.most)
            corners.append([x, y, *read, *losses_at(context, plane.place(x, y), params, self.most)])
        return {**found, "corners": torch.tensor(corners, dtype=torch.float64)}


@dataclass(frozen=True)
class Surface(AbstractComputation):
    """Losses on some rows of a square grid over the plane of `paths`.

    The grid has `size` points a side and covers corners and paths with `margin` of their extent beyond them. The
    outcome is "evaluation" and "set" (row, column), and the coordinates "y" (row,) and "x" (column,).
    """

    doing = "reading losses between networks"

    paths: Paths
    rows: tuple[int, ...]
    size: int = 21
    margin: float = 0.2

    @property
    def depends_on_set(self) -> bool:
        """It is: the plane is the set's."""
        return True

    def needs(self) -> tuple[AbstractComputation, ...]:
        """The paths, which say how far the grid reaches, and both trainings."""
        return (self.paths, *self.paths.needs())

    def passes(self, context: ProbeContext) -> float:
        """A part of one for each point, on the evaluation examples and on the set."""
        return 2 * len(self.rows) * self.size * FORWARD / STEP

    def flops(self, context: ProbeContext) -> float:
        """The operations of reading every point."""
        return self.paths.flops(context) / 6 * len(self.rows) * self.size

    def run(self, context: ProbeContext) -> Tree:
        """Read every point."""
        plane = self.paths.sides(context).plane(context)
        like = self.paths.real.kept(context, self.paths.real.keeps[0]).params
        seen = context.outcome(self.paths)
        spots = torch.cat([seen["real"][:, :2], seen["ours"][:, :2], seen["corners"][:, :2]])
        x, y = covering(spots, self.margin, self.size)
        found = []
        for done, row in enumerate(self.rows):
            went(done, len(self.rows))
            found.append([losses_at(context, plane.place(across, y[row]), like, self.paths.most) for across in x])
        on_examples, of_set = torch.tensor(found, dtype=torch.float64).unbind(-1)
        here = torch.tensor([y[row] for row in self.rows], dtype=torch.float64)
        across = torch.tensor(x, dtype=torch.float64)
        return {"evaluation": on_examples.clone(), "set": of_set.clone(), "x": across, "y": here}
