"""A composition of parts, which the loop runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from limbeck.core.contracts import (
    AbstractEstimator,
    AbstractObjective,
    AbstractParameterization,
    AbstractSchedule,
    AbstractStart,
    Batch,
    Budget,
    Parameters,
    Problem,
)
from limbeck.core.expect import AbstractPart, at_least
from limbeck.core.family import VALUES
from limbeck.core.key import Key
from limbeck.estimators import Backprop
from limbeck.learn.optim import SGD, AbstractOptimizer
from limbeck.parameterizations import Pixels
from limbeck.parameterizations.budgets import items_within, most
from limbeck.schedules import Fixed
from limbeck.starts import Real


@VALUES.register
@dataclass(frozen=True)
class Recipe(AbstractPart):
    """A composition: where to start, what is learned, what is asked, how it steps and for how long."""

    start: AbstractStart = field(default_factory=Real)
    """What the items begin as, and are where nothing is stepped."""
    parameterization: AbstractParameterization = field(default_factory=Pixels)
    """What is stored of an item."""
    objective: AbstractObjective | None = None
    """What the set is stepped down; none: it stays as it starts."""
    schedule: AbstractSchedule = field(default_factory=Fixed)
    """How the set is meant to be trained on."""
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
        return self.optimizer.of(group)

    def started(self, problem: Problem, count: int, key: Key) -> tuple[Batch, Parameters]:
        """The start of `count` items of every class, where the problem is, and the parameters that render near it."""
        start = self.start.pick(problem, count, key.fold("start")).to(problem.device)
        return start, self.parameterization.init(problem, start, key.fold("init"))

    def items(self, problem: Problem, per_class: int, within: int | None, key: Key) -> int:
        """How many items of every class are made: of the storage of `per_class` plain ones, or of `within` bytes.

        The bytes are all that a set takes as it is stored, with labels and whatever decodes it. What these take is
        measured on sets of one and of two items of every class: so much is kept however many there are, so much comes
        with each. Raises InputError where not one item of every class fits.
        """
        part, task = self.parameterization, problem.task
        if within is None:
            return items_within(part, task, per_class)
        one, two = (Budget.of(part.stored(self.started(problem, count, key)[1])).bytes for count in (1, 2))
        beside = (two - one) - (part.cost(task, 2) - part.cost(task, 1))
        kept = one - part.cost(task, 1) - beside
        return most(lambda count: part.cost(task, count) + kept + count * beside, within, part)
