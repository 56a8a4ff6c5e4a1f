"""A composition of parts, which the loop runs, and the selections that a set is scored beside.

Neither names anything of the catalogue of published methods.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from limbeck.core.contracts import (
    AbstractEstimator,
    AbstractObjective,
    AbstractParameterization,
    AbstractSchedule,
    AbstractStart,
)
from limbeck.core.errors import unknown
from limbeck.core.expect import AbstractPart, at_least
from limbeck.core.family import VALUES
from limbeck.core.register import installed
from limbeck.estimators import Backprop
from limbeck.learn.optim import SGD, AbstractOptimizer
from limbeck.parameterizations import Pixels
from limbeck.schedules import Fixed
from limbeck.starts import Herding, KCenter, KMeans, LikelyCrops, Real, TeacherLabels


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

    def needs(self) -> tuple[Any, ...]:
        """The computations whose outcomes it reads, which are done before."""
        return self.start.needs()

    def optimizer_of(self, group: str) -> AbstractOptimizer:
        """What steps a group of what is learned; each group has a state of its own."""
        if group == "schedule":
            return self.schedule_optimizer
        if group == "targets" and self.target_optimizer is not None:
            return self.target_optimizer
        return self.optimizer


class Selections:
    """What chooses real examples, by the names that baselines have: the recipes that take no step.

    Those of limbeck are listed; those of installed packages are their entry points `limbeck.recipe` without steps.
    """

    def __init__(self, **listed: AbstractStart) -> None:
        self._listed = listed

    @functools.cached_property
    def starts(self) -> dict[str, AbstractStart]:
        """The start of each selection by name."""
        methods = [each for _, each in installed("recipe") if isinstance(getattr(each, "recipe", None), Recipe)]
        starts = {each.name: each.recipe.start for each in methods if not each.recipe.steps}
        return dict(sorted({**starts, **self._listed}.items()))

    def __getitem__(self, name: str) -> AbstractStart:
        # Packages are not looked at for what is listed: the catalogue, which they import, asks while it is imported.
        if name in self._listed:
            return self._listed[name]
        if name not in self.starts:
            raise unknown("selection", name, self.starts)
        return self.starts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.starts)


SELECTIONS = Selections(
    random=Real(),
    herding=Herding(),
    kmeans=KMeans(),
    kcenter=KCenter(),
    rded=TeacherLabels(LikelyCrops()),
    **{"random-soft": TeacherLabels()},
)
