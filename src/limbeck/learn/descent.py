"""Gradient descent and Adam as pure functions of a state; `optim.py` has what goes around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.expect import at_least, fraction, positive
from limbeck.core.tree import Tree
from limbeck.learn.rules import AdamRule, HeavyBall
from limbeck.learn.stepping import AbstractOptimizer

REMEMBERED = 0.9
"""The weight of the running mean of norms before a step in that after it (Feng et al., ICLR 2024)."""


@dataclass(frozen=True)
class SGD(AbstractOptimizer):
    """Gradient descent with heavy-ball momentum and coupled weight decay, as `HeavyBall` says.

    Where `clip` is positive, the gradient is first scaled so that its norm over all leaves is at most `clip`.
    """

    learning_rate: float = 1.0
    """The length of a step."""
    momentum: float = 0.0
    """The share of the last step that the next one keeps."""
    weight_decay: float = 0.0
    """How strongly parameters are drawn to zero."""
    clip: float = 0.0
    """The largest norm of a gradient; 0: any."""
    clip_mean: float = 0.0
    """The largest norm of a gradient, in running means of the norms up to it; 0: any."""
    halve_at: tuple[int, ...] = ()
    """The numbers of steps of a distillation after which the learning rate is halved once more."""

    def __post_init__(self) -> None:
        positive(self, "learning_rate")
        fraction(self, "momentum")
        at_least(self, 0, "weight_decay", "clip", "clip_mean")

    def at(self, step: int, _steps: int = 0) -> SGD:
        """At the learning rate of that step."""
        if not self.halve_at:
            return self
        return replace(self, learning_rate=_halved(self.learning_rate, self.halve_at, step))

    @property
    def rule(self) -> HeavyBall:
        """How a step is made."""
        return HeavyBall(self.momentum, self.weight_decay)

    def init(self, params: Tree) -> Tree:
        """The velocity: zeros like `params`; and no norm, where they are averaged."""
        return _clipping(self, self.rule.init(params))

    def step(self, params: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        """The parameters and the velocity after one step."""
        return _stepped(self, params, gradients, state)


@dataclass(frozen=True)
class Adam(AbstractOptimizer):
    """Steps scaled by running moments of the gradient (Kingma & Ba, ICLR 2015), as `AdamRule` says.

    `clip` is as for SGD.
    """

    learning_rate: float = 0.001
    """The length of a step."""
    beta1: float = 0.9
    """The decay of the running mean of gradients."""
    beta2: float = 0.999
    """The decay of the running mean of their squares."""
    epsilon: float = 1e-8
    """What keeps the divisor of a step above zero."""
    weight_decay: float = 0.0
    """How strongly parameters are drawn to zero."""
    clip: float = 0.0
    """The largest norm of a gradient; 0: any."""
    clip_mean: float = 0.0
    """The largest norm of a gradient, in running means of the norms up to it; 0: any."""
    halve_at: tuple[int, ...] = ()
    """The numbers of steps of a distillation after which the learning rate is halved once more."""

    def __post_init__(self) -> None:
        positive(self, "learning_rate", "epsilon")
        fraction(self, "beta1", "beta2")
        at_least(self, 0, "weight_decay", "clip", "clip_mean")

    def at(self, step: int, _steps: int = 0) -> Adam:
        """At the learning rate of that step."""
        if not self.halve_at:
            return self
        return replace(self, learning_rate=_halved(self.learning_rate, self.halve_at, step))

    @property
    def rule(self) -> AdamRule:
        """How a step is made."""
        return AdamRule(self.beta1, self.beta2, self.epsilon, self.weight_decay)

    def init(self, params: Tree) -> Tree:
        """Both moments at zero, and no step counted; and no norm, where they are averaged."""
        return _clipping(self, self.rule.init(params))

    def step(self, params: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        """The parameters and the moments after one step."""
        return _stepped(self, params, gradients, state)


def _halved(learning_rate: float, at: Sequence[int], step: int) -> float:
    """A learning rate after so many steps, where it is halved after some.

    >>> [_halved(8.0, (10, 20), step) for step in (0, 9, 10, 25)]
    [8.0, 8.0, 4.0, 2.0]
    """
    return learning_rate * 0.5 ** sum(step >= each for each in at)


def _clipping(optimizer: SGD | Adam, state: Tree) -> Tree:
    """The state of a rule, with the running mean of norms beside it where an optimizer clips by that."""
    return {"rule": state, "norm": torch.tensor(torch.nan)} if optimizer.clip_mean else state


def _stepped(optimizer: SGD | Adam, params: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
    """The parameters and the state after a step down the gradients, clipped as the optimizer says."""
    if optimizer.clip:
        gradients = _clipped(gradients, optimizer.clip)
    if not optimizer.clip_mean:
        return optimizer.rule.update(params, gradients, state, optimizer.learning_rate)
    if not tree.leaves(gradients):
        return params, state
    norm = tree.norm(gradients)
    before = state["norm"].to(norm.device)
    mean = torch.where(before.isnan(), norm, REMEMBERED * before + (1 - REMEMBERED) * norm)
    clipped = _clipped(gradients, optimizer.clip_mean * mean)
    params, after = optimizer.rule.update(params, clipped, state["rule"], optimizer.learning_rate)
    return params, {"rule": after, "norm": mean.detach()}


def _clipped(gradients: Tree, most: float | Tensor) -> Tree:
    """The gradients, scaled to a norm of at most `most` over all leaves."""
    if not tree.leaves(gradients):
        return gradients
    scale = (most / tree.norm(gradients)).clamp(max=1.0)
    return tree.map(lambda gradient: gradient * scale, gradients)
