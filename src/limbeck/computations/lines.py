"""Losses along the line, or a curve, between two learners."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch

from limbeck.computations.around import last, read_all, reading_flops
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.landscape import sampled
from limbeck.computations.record import END
from limbeck.computations.training import FORWARD, STEP, Training
from limbeck.core import tree
from limbeck.core.contracts import Batch, Problem
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.alignment import aligned
from limbeck.learn.directions import between, curve
from limbeck.learn.footprint import learning_bytes, parameter_bytes
from limbeck.learn.microbatches import loss_size, microbatches
from limbeck.learn.population import operations
from limbeck.learn.rules import Momentum
from limbeck.learn.sensitivity import mean_loss, over_parts

BEND = (0.01, 0.9)
"""The learning rate and the momentum by which a curve is bent."""
BATCH = 256
"""Real examples that a step of bending sees."""


@dataclass(frozen=True)
class Line(AbstractComputation):
    """Losses along the line between two learners, at `shares` of the way.

    With `align` the units of the second are brought into the order of the first before (Ainsworth et al., ICLR 2023).
    With `bent` the line is a quadratic Bezier curve whose middle is trained for so many steps, on batches of real
    training examples, to lower the mean loss along it (Garipov et al., NeurIPS 2018); it begins straight. The outcome
    is "real" and "set" (share,).
    """

    doing = "reading losses between networks"

    first: Training
    last: Training
    shares: tuple[float, ...]
    step: int = END
    """The step of the first."""
    align: bool = False
    bent: int = 0
    most: int = 1000

    @property
    def depends_on_set(self) -> bool:
        """It is read on the set."""
        return True

    def needs(self) -> tuple[AbstractComputation, ...]:
        """Both trainings."""
        return self.first, self.last

    def passes(self, context: ProbeContext) -> float:
        """Those of bending, and a part of one for each point."""
        return self.bent + 2 * len(self.shares) * FORWARD / STEP

    def bytes(self, context: ProbeContext, together: int = 1) -> float:
        """Those of the parameters of every point, and of bending."""
        bending = learning_bytes(context.problem, BATCH) if self.bent else 0.0
        return len(self.shares) * parameter_bytes(context.problem) + super().bytes(context) + bending

    def flops(self, context: ProbeContext) -> float:
        """The operations of bending and of reading."""
        bending = self.bent * STEP * operations(context.problem) * BATCH
        return bending + len(self.shares) * reading_flops(context, self.most)

    def run(self, context: ProbeContext) -> Tree:
        """Read every point."""
        start, end = last(context, self.first, self.step), last(context, self.last)
        if self.align:
            inputs = tree.move(sampled(context, BATCH).inputs, context.problem.device)
            end = aligned(context.problem.network, end, start, inputs)
        place = functools.partial(between, start, end)
        if self.bent:
            place = functools.partial(curve, start, self._middle(context.problem, start, end), end)
        on_real, of_set = read_all(context, [place(share) for share in self.shares], self.most)
        return {"real": on_real, "set": of_set}

    def _middle(self, problem: Problem, start: Tree, end: Tree) -> Tree:
        """The middle of the curve that is lowest on average, by SGD: dL/dw = 2 t (1 - t) times the gradient at t."""
        loss, rule = mean_loss(problem.task, problem.network), Momentum(BEND[1]).rule()
        middle = between(start, end, 0.5)
        state, per_class = rule.init(middle), max(1, BATCH // len(problem.task.classes))
        for step in range(self.bent):
            key = Key(("bend", step))
            share = float(key.uniform(1))
            batch = problem.real(key.fold("real"), per_class)
            _, slope = over_parts(loss, curve(start, middle, end, share), _parts(problem, batch))
            slope = tree.map(lambda leaf, by=2 * share * (1 - share): by * leaf, slope)
            middle, state = rule.update(middle, slope, state, torch.tensor(BEND[0]))
        return tree.detach(middle)


def _parts(problem: Problem, batch: Batch) -> list[Batch]:
    most = loss_size(problem.task, problem.device)
    return [problem.task.take(batch, rows) for rows in microbatches(torch.arange(len(batch.classes)), most)]
