"""A composition of parts, which the loop runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from limbeck.core.contracts import (
    AbstractEstimator,
    AbstractObjective,
    AbstractParameterization,
    AbstractSchedule,
    AbstractStart,
)
from limbeck.core.expect import AbstractPart, at_least
from limbeck.core.family import VALUES
from limbeck.estimators import Backprop
from limbeck.learn.optim import SGD, AbstractOptimizer
from limbeck.parameterizations import Pixels
from limbeck.schedules import Fixed
from limbeck.starts import Real


@VALUES.register
@dataclass(frozen=True)
class Recipe(AbstractPart):
    """A composition: where to start, what is learned, what is asked, how it steps and for how long."""

    start: AbstractStart = field(default_factory=Real)
    parameterization: AbstractParameterization = field(default_factory=Pixels)
    objective: AbstractObjective | None = None
    schedule: AbstractSchedule = field(default_factory=Fixed)
    estimator: AbstractEstimator = field(default_factory=Backprop)
    """How the gradient of the objective is had."""
    optimizer: AbstractOptimizer = field(default_factory=lambda: SGD(learning_rate=1.0))
    """What steps each group of what is learned that has no optimizer of its own."""
    target_optimizer: AbstractOptimizer | None = None
    """What steps the group "targets"; None: `optimizer`."""
    schedule_optimizer: AbstractOptimizer = field(default_factory=lambda: SGD(learning_rate=1e-5, momentum=0.5))
    """What steps the schedule, where that is learned."""
    steps: int = 0
    """How often the set is stepped; 0: it stays as it starts."""

    def __post_init__(self) -> None:
        at_least(self, 0, "steps")

    def optimizer_of(self, group: str) -> AbstractOptimizer:
        """What steps a group of what is learned; each group has a state of its own."""
        if group == "schedule":
            return self.schedule_optimizer
        if group == "targets" and self.target_optimizer is not None:
            return self.target_optimizer
        return self.optimizer
