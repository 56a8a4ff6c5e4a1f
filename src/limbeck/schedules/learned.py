"""Schedules whose learning rates are distilled with the set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor, nn

from limbeck.core.contracts import AbstractSchedule, Schedule
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.rules import Momentum
from limbeck.schedules.fixed import Fixed


@dataclass(frozen=True)
class LearnedRates(AbstractSchedule):
    """Learned learning rates, positive by construction: a positive function of what is learned.

    One for every step (Wang et al. 2018), or a single one for all where `shared` (Cazenavette et al. 2022).
    """

    around: Fixed = Fixed(steps=10, optimizer=Momentum(0.0))
    """Where they start, and everything that is not learned."""
    shared: bool = False
    """Whether all steps have one learned rate."""
    through: Literal["exponential", "softplus"] = "exponential"
    """The function: exp x, or log(1 + exp x) as Wang et al. (2018) have it."""

    def init(self, count: int, key: Key) -> Tree:
        """What the given learning rates are the function of."""
        rate = self.around.learning_rate
        # log(exp(rate) - 1), without loss for small rates.
        start = math.log(rate) if self.through == "exponential" else rate + math.log(-math.expm1(-rate))
        return {self._name: torch.full((1 if self.shared else self.around.steps,), start)}

    @property
    def binding(self) -> bool:  # type: ignore[override]
        """Where each step has a rate of its own."""
        return not self.shared

    @property
    def _name(self) -> str:
        return "log_learning_rates" if self.through == "exponential" else "raw_learning_rates"

    def render(self, params: Tree, classes: Int[Tensor, " item"], key: Key) -> Schedule:
        """The given schedule at the learned learning rates, differentiable in them."""
        learned = params[self._name]
        rates = learned.exp() if self.through == "exponential" else nn.functional.softplus(learned)
        return self.around.render({}, classes, key)._replace(learning_rates=rates.expand(self.around.steps))


@dataclass(frozen=True)
class UnconstrainedRates(AbstractSchedule):
    """Learned learning rates without a bound, as published code has them: they can turn negative or grow without end.

    Fields as for `LearnedRates`.
    """

    around: Fixed = Fixed(steps=10, optimizer=Momentum(0.0))
    """The steps whose rates are learned."""
    shared: bool = False
    """Whether all steps have one learned rate."""

    @property
    def binding(self) -> bool:  # type: ignore[override]
        """Where each step has a rate of its own."""
        return not self.shared

    def init(self, count: int, key: Key) -> Tree:
        """The given learning rates."""
        return {"learning_rates": torch.full((1 if self.shared else self.around.steps,), self.around.learning_rate)}

    def render(self, params: Tree, classes: Int[Tensor, " item"], key: Key) -> Schedule:
        """The given schedule at the learned learning rates, differentiable in them."""
        rates = params["learning_rates"].expand(self.around.steps)
        return self.around.render({}, classes, key)._replace(learning_rates=rates)
