"""How the items of a set are read by a learner of real data on its way."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.training import FORWARD, STEP, Training
from limbeck.core.progress import went
from limbeck.core.tree import Tree
from limbeck.learn.population import operations, read


@dataclass(frozen=True)
class RecognitionTrajectory(AbstractComputation):
    """The classes that a learner predicts for the items of the set after each step at which it was kept.

    The outcome is "predictions" (kept, item), in the order of the steps at which it was kept: of a training that ends
    where it has levelled off, those up to there.
    """

    doing = "reading images along training"

    by: Training

    @property
    def depends_on_set(self) -> bool:
        """True: it reads the items of the set."""
        return True

    def needs(self) -> tuple[AbstractComputation, ...]:
        """The training whose learners read."""
        return (self.by,)

    def passes(self, context: ProbeContext) -> float:
        """A part of one for each learner."""
        return len(self.by.keeps) * FORWARD / STEP

    def flops(self, context: ProbeContext) -> float:
        """The operations of reading every item once for each learner."""
        return (
            FORWARD * operations(context.under(self.by.network).problem) * len(context.distilled) * len(self.by.keeps)
        )

    def run(self, context: ProbeContext) -> Tree:
        """Let every kept learner read the items."""
        problem = context.under(self.by.network).problem
        last = self.by.last_kept(context)
        found: list[Tensor] = []
        for step in [each for each in self.by.keeps if each <= last]:
            went(len(found), len(self.by.keeps))
            learner = self.by.kept(context, step)
            found.append(read(problem, learner, context.distilled.batch.inputs).outputs.argmax(-1).to(torch.int16))
        return {"predictions": torch.stack(found)}
