"""The real loss of a network in training on the set, one step ahead of where it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractObjective, Problem, Schedule, Synthetic
from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.compiled import training_loss
from limbeck.learn.optim import Adam
from limbeck.learn.rules import Momentum
from limbeck.learn.sensitivity import gradient
from limbeck.objectives.alongside import Plateau, drawn_items, misnamed
from limbeck.objectives.unrolled import initial, real_loss


class OneStepState(NamedTuple):
    """The network in training, its optimizer, and how it fares."""

    params: Tree
    optimizer: Tree
    plateau: Plateau


@dataclass(frozen=True)
class OneStepAhead(AbstractObjective):
    """Real loss after one plain step of a network that learns beside the set (Bohdal et al. 2020, second order).

    loss = mean loss on `per_class` real images of every class at theta - learning_rate * d L(S') / d theta,

    where S' are `batch` items of the set, drawn for the step. The gradient goes through that step, exactly. Then theta
    itself takes a step of `optimizer` down L(S'). A fresh network takes its place once the error of the step ahead on
    the real images, as a mean over `window` steps, has not been lower for more than `window` steps.

    theta learns from the set as it is after the step; in the published code from the set as it was before.
    """

    shared = "the loss on real examples"
    per_class: int = 64
    """Real images of each class that the loss is of."""
    batch: int = 50
    """Items of the set that a step sees; all, where it has fewer."""
    learning_rate: float = 0.01
    """Of the step ahead."""
    optimizer: Adam = Adam()
    """What trains the network."""
    window: int = 50
    """Steps over which the error is averaged, and without a new low a network stays."""

    def __post_init__(self) -> None:
        at_least(self, 1, "per_class", "batch", "window")
        positive(self, "learning_rate")

    def init(self, problem: Problem, key: Key) -> OneStepState:
        """A fresh network, of which nothing is known."""
        params = initial(problem, 0, key)
        return OneStepState(params, self.optimizer.init(params), Plateau.begun(self.window))

    def loss(self, state: OneStepState, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The real loss one step ahead."""
        ahead = Schedule(
            torch.full((1,), self.learning_rate),
            drawn_items(synthetic.batch, self.batch, key)[None],
            Momentum(0.0).rule(),
            synthetic.schedule.loss,
        )
        shown = replace(synthetic, schedule=ahead)
        return real_loss(problem, shown, self.per_class, range(1), key, state.params)

    def advance(self, state: OneStepState, problem: Problem, synthetic: Synthetic, key: Key) -> OneStepState:
        """The network one step on, or a fresh one in its place."""
        seen = problem.task.take(synthetic.batch, drawn_items(synthetic.batch, self.batch, key))
        inner = training_loss(problem.trained_by(synthetic.schedule))
        slope = gradient(inner, state.params, seen)
        ahead = tree.map(lambda leaf, down: leaf - self.learning_rate * down, state.params, slope)
        real = problem.real(key.fold("real"), self.per_class)
        plateau = state.plateau.after(
            misnamed(problem, real, lambda inputs: problem.network.apply(ahead, inputs).outputs)
        )
        if plateau.reached:
            return self.init(problem, key.fold("respawn"))
        params, optimizer = self.optimizer.step(state.params, slope, state.optimizer)
        return OneStepState(params, optimizer, plateau)
