"""Gradient descent as pure functions of a state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.expect import at_least, fraction, positive
from limbeck.core.family import Family
from limbeck.core.tree import Tree


class AbstractOptimizer(ABC):
    """How learned parameters are stepped, as pure functions of a state that is a tree of tensors."""

    @abstractmethod
    def init(self, params: Tree) -> Tree:
        """The state before the first step."""

    @abstractmethod
    def step(self, params: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        """The parameters and the state after one step."""


@dataclass(frozen=True)
class SGD(AbstractOptimizer):
    """Gradient descent with heavy-ball momentum and coupled weight decay.

    v <- momentum v + (g + weight decay p);  p <- p - learning_rate v;  v starts at zero.
    Where `clip` is positive, g is first scaled so that its norm over all leaves is at most `clip`.
    """

    learning_rate: float = 1.0
    momentum: float = 0.0
    weight_decay: float = 0.0
    clip: float = 0.0
    """The largest norm of a gradient; 0: any."""

    def __post_init__(self) -> None:
        positive(self, "learning_rate")
        fraction(self, "momentum")
        at_least(self, 0, "weight_decay", "clip")

    def init(self, params: Tree) -> Tree:
        """The velocity: zeros like `params`."""
        return tree.map(torch.zeros_like, params)

    def step(self, params: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        """The parameters and the velocity after one step."""
        gradients = _clipped(gradients, self.clip)
        return descend(params, gradients, state, self.learning_rate, self.momentum, self.weight_decay)


@dataclass(frozen=True)
class Adam(AbstractOptimizer):
    """Steps scaled by running moments of the gradient (Kingma & Ba, ICLR 2015).

    m <- a m + (1 - a) g;  s <- b s + (1 - b) g^2;  p <- p - learning_rate m' / (sqrt(s') + epsilon), where
    m' = m / (1 - a^t) and s' = s / (1 - b^t). `clip` is as for SGD.
    """

    learning_rate: float = 0.001
    beta1: float = 0.9
    """a, the decay of the first moment."""
    beta2: float = 0.999
    """b, the decay of the second moment."""
    epsilon: float = 1e-8
    clip: float = 0.0
    """The largest norm of a gradient; 0: any."""

    def __post_init__(self) -> None:
        positive(self, "learning_rate", "epsilon")
        fraction(self, "beta1", "beta2")
        at_least(self, 0, "clip")

    def init(self, params: Tree) -> Tree:
        """Both moments at zero, and no step counted."""
        zeros = tree.map(torch.zeros_like, params)
        return {"first": zeros, "second": zeros, "count": torch.tensor(0)}

    def step(self, params: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        """The parameters and the moments after one step."""
        gradients = _clipped(gradients, self.clip)
        count = state["count"] + 1
        first = tree.map(lambda m, g: self.beta1 * m + (1 - self.beta1) * g, state["first"], gradients)
        second = tree.map(lambda s, g: self.beta2 * s + (1 - self.beta2) * g * g, state["second"], gradients)
        mean, spread = 1 - self.beta1 ** int(count), 1 - self.beta2 ** int(count)
        params = tree.map(
            lambda p, m, s: p - self.learning_rate * (m / mean) / ((s / spread).sqrt() + self.epsilon),
            params,
            first,
            second,
        )
        return params, {"first": first, "second": second, "count": count}


def _clipped(gradients: Tree, clip: float) -> Tree:
    """The gradients, scaled to a norm of at most `clip` over all leaves where that is positive."""
    if clip <= 0 or not tree.leaves(gradients):
        return gradients
    scale = (clip / tree.norm(gradients)).clamp(max=1.0)
    return tree.map(lambda gradient: gradient * scale, gradients)


def descend(
    params: Tree,
    gradients: Tree,
    velocity: Tree,
    learning_rate: float | Tensor,
    momentum: float | Tensor,
    weight_decay: float | Tensor,
) -> tuple[Tree, Tree]:
    """One step of SGD; learning rate, momentum and weight decay are numbers, or 0-d tensors that may carry a graph."""
    velocity = tree.map(lambda v, g, p: momentum * v + g + weight_decay * p, velocity, gradients, params)
    return tree.map(lambda p, v: p - learning_rate * v, params, velocity), velocity


OPTIMIZERS = Family("optimizer", AbstractOptimizer, SGD, Adam)
