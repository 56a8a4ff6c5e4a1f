"""The real loss of a ridge regression on the features of a network in training on the set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.contracts import AbstractObjective, Batch, Problem, Synthetic
from limbeck.core.expect import at_least, expect, positive
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.compiled import shared_features_of
from limbeck.learn.optim import Adam
from limbeck.learn.ridge import number_each, ridge_solution, with_ones
from limbeck.learn.sensitivity import value_and_gradient
from limbeck.objectives.alongside import Plateau, drawn_items, misnamed
from limbeck.objectives.unrolled import initial


class RidgeState(NamedTuple):
    """The network in training, the regression in place of its last layer, and how they fare."""

    learned: Tree
    """"params" of the network, and the "scale" of the outputs, (1,)."""
    optimizers: Tree
    head: Float[Tensor, "feature_and_one output"]
    """The running mean of the regressions so far; the last row is the constant."""
    plateau: Plateau


@dataclass(frozen=True)
class RidgeHead(AbstractObjective):
    """Real loss under a ridge regression on the features of a network that learns beside the set (Bohdal et al. 2020).

    w' = Z'(Z Z' + ridge I)^-1 Y,   w <- (1 - rate) w + rate w',   loss = mean over real x of L(scale * w'phi(x), y)

    Z are the features phi, and a column of ones, of `batch` items of the set, drawn for the step, Y their targets, and
    L is the task's loss on `per_class` real images of every class. In targets it is of first order: no step of training
    is gone back through. Then the network and the scale take a step of Adam down the loss of the same items under w. A
    fresh network, w = 0 and scale = 1 take their place once the error on the real images, as a mean over `window`
    steps, has not been lower for more than `window` steps.

    They learn from the set as it is after the step; in the published code w is of the set as it was before.
    """

    shared = "the features of real examples"
    per_class: int = 64
    """Real images of each class that the loss is of."""
    batch: int = 50
    """Items of the set that a step sees; all, where it has fewer."""
    ridge: float = 1.0
    """The penalty on the weights of the regression."""
    rate: float = 0.01
    """The weight of the latest regression in the running mean."""
    optimizer: Adam = Adam()
    """What trains the network."""
    scale_optimizer: Adam = Adam(learning_rate=0.01)
    """What trains the scale."""
    window: int = 50
    """Steps over which the error is averaged, and without a new low a network stays."""

    def __post_init__(self) -> None:
        at_least(self, 1, "per_class", "batch", "window")
        positive(self, "ridge", "rate")
        expect(self, "rate", self.rate <= 1, "a number above 0 and at most 1")

    def init(self, problem: Problem, key: Key) -> RidgeState:
        """A fresh network and a regression that says nothing."""
        params = initial(problem, 0, key)
        with torch.no_grad():
            readout = problem.network.apply(params, problem.real(key.fold("shapes"), 1).inputs)
        head = readout.features.new_zeros(readout.features.shape[1] + 1, readout.outputs.shape[1])
        scale = head.new_ones(1)
        optimizers = {"params": self.optimizer.init(params), "scale": self.scale_optimizer.init(scale)}
        return RidgeState({"params": params, "scale": scale}, optimizers, head, Plateau.begun(self.window))

    def loss(self, state: RidgeState, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The mean real loss under the regression; InputError for targets that are not a number for each output."""
        params, scale = state.learned["params"], state.learned["scale"]
        head = self._head(state.head, self._seen(problem, synthetic, key), problem, params)[1]
        real = problem.real(key.fold("real"), self.per_class)
        features = with_ones(shared_features_of(problem, params, real.inputs))
        return problem.task.loss(scale * (features @ head), real.targets).mean()

    def advance(self, state: RidgeState, problem: Problem, synthetic: Synthetic, key: Key) -> RidgeState:
        """The network and its regression one step on, or fresh ones in their place."""
        seen, goal = self._seen(problem, synthetic, key), synthetic.schedule.loss

        def training(learned: Tree, batch: Batch) -> Tensor:
            features, head = self._head(state.head, batch, problem, learned["params"])
            return goal.each(problem.task, learned["scale"] * (features @ head), batch.targets).mean()

        params = state.learned["params"]
        with torch.no_grad():
            head = self._head(state.head, seen, problem, params)[1]
        real = problem.real(key.fold("real"), self.per_class)
        error = misnamed(problem, real, lambda inputs: with_ones(problem.network.apply(params, inputs).features) @ head)
        plateau = state.plateau.after(error)
        if plateau.reached:
            return self.init(problem, key.fold("respawn"))
        _, slope = value_and_gradient(training, state.learned, seen)
        steps = {
            name: optimizer.step(state.learned[name], slope[name], state.optimizers[name])
            for name, optimizer in (("params", self.optimizer), ("scale", self.scale_optimizer))
        }
        learned = {name: step[0] for name, step in steps.items()}
        return RidgeState(learned, {name: step[1] for name, step in steps.items()}, head, plateau)

    def _seen(self, problem: Problem, synthetic: Synthetic, key: Key) -> Batch:
        """The items of a step."""
        batch = synthetic.batch
        return problem.task.take(batch, drawn_items(batch, self.batch, key))

    def _head(self, before: Tensor, batch: Batch, problem: Problem, params: Tree) -> tuple[Tensor, Tensor]:
        """The features of the items, with a one, and the running mean with the regression on them."""
        features = with_ones(problem.network.apply(params, batch.inputs).features)
        targets = number_each(
            batch.targets, len(features), before.shape[1], "objective ridge-head", "choose --objective one-step-ahead"
        )
        return features, (1 - self.rate) * before + self.rate * ridge_solution(features, targets, self.ridge)
