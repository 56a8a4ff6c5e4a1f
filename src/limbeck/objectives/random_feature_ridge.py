"""The real loss of a ridge regression on the features of random networks."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractObjective, Batch, Problem, Synthetic
from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.compiled import shared_features_of
from limbeck.learn.optim import AbstractOptimizer, AdaBelief
from limbeck.learn.ridge import number_each, ridge_outputs


class Scaled(NamedTuple):
    """How outputs are scaled before the loss."""

    log_scale: Float[Tensor, "1"]
    optimizer: Tree


@dataclass(frozen=True)
class RandomFeatureRidge(AbstractObjective):
    """Real loss of a ridge regression whose kernel is that of fresh random networks (Loo et al., RFAD, NeurIPS 2022).

    loss = mean over real x of L(scale f(x), y),  f(x) = k(x)' (K + ridge tr(K) / n I)^-1 (Y - 1/C)
    kernel(a, b) = weight / networks * sum over networks of <phi(a), phi(b)> / features + constant

    K and k(x) are the kernel among the n items, and of them with x; Y are their targets, C how many outputs there are,
    L is the task's loss. Every step draws fresh networks. With many, the kernel is that of the wide network as it is
    initialised: a learner need not be trained, and none is. The regression is solved in double precision.

    The scale (Platt's) is learned with the set: after each step its logarithm takes one step down the loss of the set
    as it then is, on other real images than those of the step.
    """

    shared = "the features of real examples"
    per_class: int = 512
    """Real images of each class that the loss is of."""
    networks: int = 8
    """Random networks a step."""
    weight: float = 2.0
    """The variance of the weights of a last layer, times how many enter an output."""
    constant: float = 0.01
    """The variance of the biases of a last layer."""
    ridge: float = 5e-3
    """As a share of the mean of the kernel of an item with itself."""
    judged: int = 32
    """Real images of each class that the scale learns from in a step."""
    scale_optimizer: AbstractOptimizer = field(default_factory=lambda: AdaBelief(learning_rate=0.01))
    """What steps the logarithm of the scale."""

    def __post_init__(self) -> None:
        at_least(self, 1, "per_class", "networks", "judged")
        at_least(self, 0, "constant")
        positive(self, "ridge", "weight")

    def init(self, problem: Problem, key: Key) -> Scaled:
        """A scale of 1."""
        log_scale = torch.zeros(1, device=problem.device)
        return Scaled(log_scale, self.scale_optimizer.init(log_scale))

    def loss(self, state: Scaled, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The mean real loss; InputError for targets that are not a number for each output."""
        real = problem.real(key.fold("real"), self.per_class)
        found = self._outputs(problem, synthetic.batch, real, key)
        return problem.task.loss(state.log_scale.exp() * found, real.targets).mean()

    def advance(self, state: Scaled, problem: Problem, synthetic: Synthetic, key: Key) -> Scaled:
        """The scale one step on."""
        real = problem.real(key.fold("judged"), self.judged)
        with torch.no_grad():
            found = self._outputs(problem, synthetic.batch, real, key)
        log_scale = state.log_scale.detach().requires_grad_()
        with torch.enable_grad():
            (slope,) = torch.autograd.grad(problem.task.loss(log_scale.exp() * found, real.targets).mean(), [log_scale])
        return Scaled(*self.scale_optimizer.step(state.log_scale, slope, state.optimizer))

    def _outputs(self, problem: Problem, shown: Batch, real: Batch, key: Key) -> Tensor:
        """What the regression on the items says of real images."""
        count = len(shown.classes)
        ours: list[Tensor] = []
        theirs: list[Tensor] = []
        for number in range(self.networks):
            params = tree.move(problem.network.init(key.fold("network", number)), problem.device)
            features, outputs = problem.network.apply(params, shown.inputs)
            share = math.sqrt(self.weight / (self.networks * features.shape[1]))
            ours.append(share * features)
            theirs.append(share * shared_features_of(problem, params, real.inputs))
        for each in (ours, theirs):
            each.append(each[0].new_full((len(each[0]), 1), math.sqrt(self.constant)))
        targets = number_each(
            shown.targets, count, outputs.shape[1], "objective random-feature-ridge", "choose --objective unrolled"
        )
        return ridge_outputs(torch.cat(theirs, 1), torch.cat(ours, 1), targets - 1 / targets.shape[1], self.ridge)
