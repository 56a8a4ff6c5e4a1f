"""Optimizers that came after Adam and scale its steps otherwise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.expect import at_least, fraction, positive
from limbeck.core.tree import Tree
from limbeck.learn.rules import AdaBeliefRule, AdamRule
from limbeck.learn.stepping import AbstractOptimizer, half_cosine


@dataclass(frozen=True)
class AdaBelief(AbstractOptimizer):
    """Steps scaled by how far gradients are from what was expected (Zhuang et al., NeurIPS 2020): `AdaBeliefRule`."""

    learning_rate: float = 0.001
    """The length of a step."""
    beta1: float = 0.9
    """The decay of the running mean of gradients."""
    beta2: float = 0.999
    """The decay of the running mean of their squares."""
    epsilon: float = 1e-16
    """What keeps the divisor of a step above zero."""

    def __post_init__(self) -> None:
        positive(self, "learning_rate", "epsilon")
        fraction(self, "beta1", "beta2")

    @property
    def rule(self) -> AdaBeliefRule:
        """How a step is made."""
        return AdaBeliefRule(self.beta1, self.beta2, self.epsilon)

    def init(self, params: Tree) -> Tree:
        """Both moments at zero, and no step counted."""
        return self.rule.init(params)

    def step(self, params: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        """The parameters and the moments after one step."""
        return self.rule.update(params, gradients, state, self.learning_rate)


@dataclass(frozen=True)
class Lamb(AbstractOptimizer):
    """Adam's directions, along which each tensor moves in proportion to its norm (You et al., LAMB, ICLR 2020).

    p <- p - learning rate (|p| / |u|) u,  u = m' / (sqrt(s') + epsilon) + weight decay p

    m' and s' are as in `AdamRule` without a decay; |.| is the norm of a whole tensor, and the quotient 1 where either
    norm is 0.
    """

    learning_rate: float = 0.001
    """The length of a step."""
    beta1: float = 0.9
    """The decay of the running mean of gradients."""
    beta2: float = 0.999
    """The decay of the running mean of their squares."""
    epsilon: float = 1e-6
    """What keeps the divisor of a step above zero."""
    weight_decay: float = 0.0
    """How strongly parameters are drawn to zero."""
    falls_over: int = 0
    """Steps of a distillation over which the learning rate falls by half a cosine to `floor` of it; 0: it stays."""
    floor: float = 0.1
    """The share of the learning rate that a cosine ends at."""

    def __post_init__(self) -> None:
        positive(self, "learning_rate", "epsilon")
        fraction(self, "beta1", "beta2", "floor")
        at_least(self, 0, "weight_decay", "falls_over")

    def at(self, step: int, _steps: int = 0) -> Lamb:
        """At the learning rate of that step."""
        if not self.falls_over:
            return self
        share = half_cosine(min(step / self.falls_over, 1.0))
        return replace(self, learning_rate=self.learning_rate * (self.floor + (1 - self.floor) * share))

    @property
    def rule(self) -> AdamRule:
        """What gives the directions."""
        return AdamRule(self.beta1, self.beta2, self.epsilon, 0.0)

    def init(self, params: Tree) -> Tree:
        """Both moments at zero, and no step counted."""
        return self.rule.init(params)

    def step(self, params: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        """The parameters and the moments after one step."""
        still = tree.map(torch.zeros_like, params)
        directions, state = self.rule.update(still, gradients, state, -1.0)
        return tree.map(self._moved, params, directions), state

    def _moved(self, leaf: Tensor, direction: Tensor) -> Tensor:
        """One tensor after its step."""
        whole = direction + self.weight_decay * leaf
        norms = leaf.norm(), whole.norm()
        quotient = torch.where((norms[0] > 0) & (norms[1] > 0), norms[0] / norms[1], 1.0)
        return leaf - self.learning_rate * quotient * whole
