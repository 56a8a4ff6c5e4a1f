"""Training on the set alone, kept on the way."""

from __future__ import annotations

from limbeck.computations.sources import Mixture
from limbeck.computations.steps import Steps
from limbeck.computations.training import Training, real_trajectory


def path(every: int, steps: int = 300) -> Training:
    """Training on all of the set at once from where `course(0, every)` begins, read and kept at the same steps.

    Whatever probes ask of the way of a learner of the set they ask of this, so that it is done once for all of them.
    """
    stops = real_trajectory(0, every, steps).reads
    return Training(Mixture(), 0, Steps(steps), reads=stops, keeps=stops)
