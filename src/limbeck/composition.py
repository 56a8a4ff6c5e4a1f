"""A composition of parts, which the loop runs and which names nothing of the catalogue of published methods."""

from __future__ import annotations

from dataclasses import dataclass, field

from limbeck.core.contracts import AbstractObjective, AbstractParameterization, AbstractSchedule, AbstractStart
from limbeck.core.family import VALUES
from limbeck.learn.optim import SGD, AbstractOptimizer
from limbeck.parameterizations import Pixels
from limbeck.schedules import Fixed
from limbeck.starts import Real


@VALUES.register
@dataclass(frozen=True)
class Recipe:
    """A composition: where to start, what is free, what is asked, how it steps and for how long."""

    start: AbstractStart = field(default_factory=Real)
    parameterization: AbstractParameterization = field(default_factory=Pixels)
    objective: AbstractObjective | None = None
    schedule: AbstractSchedule = field(default_factory=Fixed)
    optimizer: AbstractOptimizer = field(default_factory=lambda: SGD(learning_rate=1.0))
    """What steps the set."""
    schedule_optimizer: AbstractOptimizer = field(default_factory=lambda: SGD(learning_rate=1e-5, momentum=0.5))
    """What steps the schedule, where that is learned."""
    steps: int = 0
