"""The networks that selections see real images by: they have learned the real data a little."""

from __future__ import annotations

from typing import NamedTuple

from limbeck.computations.contract import ProbeContext
from limbeck.computations.record import END
from limbeck.computations.sources import AllReal, training_count
from limbeck.computations.steps import LEAST_STEPS as LEAST_STEPS
from limbeck.computations.training import Training
from limbeck.core.contracts import Problem
from limbeck.learn.training import Learner
from limbeck.protocols import Epochs

BATCH = 256
"""Images to a training step."""
CHUNK = 1000
"""Examples read at once."""
SEED = 2_000_000
"""The seed of the first of them: no network that a set is evaluated with begins where it began."""


class Networks(NamedTuple):
    """How many networks there are, and how often each is kept on its way."""

    several: int = 1
    """How many are trained, each from another beginning and in another order."""
    readings: int = 1
    """After how many evenly spaced steps, the last of which is the end, each is kept."""

    def trainings(self, problem: Problem, epochs: int) -> tuple[Training, ...]:
        """The training of each: SGD 0.01, momentum 0.9, shuffled batches of 256.

        For `epochs` epochs on the train split, or for as many as give 150 steps where that is more.
        """
        steps = -(-training_count(problem.task) // BATCH)
        epochs = max(epochs, -(-LEAST_STEPS // steps))
        keeps = self._keeps(epochs * steps)
        protocol = Epochs(epochs=epochs, batch=BATCH)
        return tuple(
            Training(AllReal(), SEED + number, protocol, reads=(), keeps=keeps) for number in range(self.several)
        )

    def learners(self, problem: Problem, epochs: int) -> list[Learner]:
        """Every network at each of its readings, in order, on the problem's device.

        Each is trained once for a task and a network and kept: whatever selects sees by the same ones.
        """
        context = ProbeContext(problem)
        return [each.kept(context, step) for each in self.trainings(problem, epochs) for step in each.keeps]

    def _keeps(self, steps: int) -> tuple[int, ...]:
        if self.readings == 1:
            return (END,)
        return tuple(sorted({-(-steps * number // self.readings) for number in range(1, self.readings + 1)}))
