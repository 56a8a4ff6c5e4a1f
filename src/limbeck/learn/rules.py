"""Update rules: how one step of gradient descent is made, and the parts that name a rule in a schedule.

A rule is arithmetic on trees of tensors, differentiable in all that it takes, hyper-parameters too. Distilled sets,
baselines and unrolled learners are stepped by it, and so are the sets themselves (`learn/optim.py`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import UpdateRule
from limbeck.core.expect import AbstractPart, at_least, fraction, positive
from limbeck.core.family import Family, maker_of
from limbeck.core.tree import Tree

Number = Tensor | float
"""A number, or a 0-d tensor that may carry a graph."""


class HeavyBall(NamedTuple):
    """Gradient descent with heavy-ball momentum and coupled weight decay.

    v <- momentum v + (g + weight decay p);  p <- p - learning rate v;  v starts at zero.
    """

    momentum: Number
    weight_decay: Number

    def init(self, params: Tree) -> Tree:
        """The velocity: zeros like `params`."""
        return tree.map(torch.zeros_like, params)

    def update(self, params: Tree, gradients: Tree, state: Tree, learning_rate: Number) -> tuple[Tree, Tree]:
        """The parameters and the velocity after one step."""
        velocity = tree.map(lambda v, g, p: self.momentum * v + g + self.weight_decay * p, state, gradients, params)
        return tree.map(lambda p, v: p - learning_rate * v, params, velocity), velocity


class AdamRule(NamedTuple):
    """Steps scaled by running moments of the gradient (Kingma & Ba, ICLR 2015), with coupled weight decay.

    g <- g + weight decay p;  m <- beta1 m + (1 - beta1) g;  s <- beta2 s + (1 - beta2) g^2;
    p <- p - learning rate m' / (sqrt(s') + epsilon), where m' = m / (1 - beta1^t) and s' = s / (1 - beta2^t).
    """

    beta1: Number
    beta2: Number
    epsilon: Number
    weight_decay: Number

    def init(self, params: Tree) -> Tree:
        """Both moments at zero, and no step counted."""
        return {
            "first": tree.map(torch.zeros_like, params),
            "second": tree.map(torch.zeros_like, params),
            "count": torch.tensor(0),  # On the CPU.
        }

    def update(self, params: Tree, gradients: Tree, state: Tree, learning_rate: Number) -> tuple[Tree, Tree]:
        """The parameters and the moments after one step."""
        count = state["count"] + 1
        gradients = tree.map(lambda g, p: g + self.weight_decay * p, gradients, params)
        first = tree.map(lambda m, g: self.beta1 * m + (1 - self.beta1) * g, state["first"], gradients)
        second = tree.map(lambda s, g: self.beta2 * s + (1 - self.beta2) * g * g, state["second"], gradients)
        state = {"first": first, "second": second, "count": count}
        return _scaled_step(self, params, state, learning_rate), state


class AdaBeliefRule(NamedTuple):
    """Steps scaled by how far gradients are from their running mean (Zhuang et al., NeurIPS 2020).

    m <- beta1 m + (1 - beta1) g;  s <- beta2 s + (1 - beta2) (g - m)^2 + epsilon;
    p <- p - learning rate m' / (sqrt(s') + epsilon), where m' and s' are as in `AdamRule`.
    """

    beta1: Number
    beta2: Number
    epsilon: Number

    def init(self, params: Tree) -> Tree:
        """As `AdamRule`."""
        return AdamRule(*self, 0.0).init(params)

    def update(self, params: Tree, gradients: Tree, state: Tree, learning_rate: Number) -> tuple[Tree, Tree]:
        """The parameters and the moments after one step."""
        count = state["count"] + 1
        first = tree.map(lambda m, g: self.beta1 * m + (1 - self.beta1) * g, state["first"], gradients)
        second = tree.map(
            lambda s, g, m: self.beta2 * s + (1 - self.beta2) * (g - m) ** 2 + self.epsilon,
            state["second"],
            gradients,
            first,
        )
        state = {"first": first, "second": second, "count": count}
        return _scaled_step(self, params, state, learning_rate), state


def _scaled_step(rule: AdamRule | AdaBeliefRule, params: Tree, state: Tree, learning_rate: Number) -> Tree:
    """The parameters after a step along the first moment over the root of the second, freed of their start at 0."""
    missing1, missing2 = _missing(rule.beta1, state["count"]), _missing(rule.beta2, state["count"])
    return tree.map(
        lambda p, m, s: p - learning_rate * (m / missing1) / (_root(s / missing2) + rule.epsilon),
        params,
        state["first"],
        state["second"],
    )


def _missing(beta: Number, count: Tensor) -> Tensor:
    """1 - beta^count: what a moment that began at zero has of its weight. In double precision, beta being near 1."""
    return 1 - torch.as_tensor(beta, dtype=torch.float64) ** count


def _root(second: Tensor) -> Tensor:
    """The square root, whose derivative is 0 and not infinite where no gradient has ever come."""
    return second.clamp(min=torch.finfo(second.dtype).tiny).sqrt()


class AbstractInnerOptimizer(AbstractPart):
    """What a schedule steps a learner by: a part whose fields are the hyper-parameters of its rule."""

    makes: ClassVar[type]
    """The rule, a named tuple whose fields are those of the part."""

    def rule(self) -> UpdateRule:
        """The rule at the hyper-parameters of this part."""
        names = self.makes._fields  # type: ignore[attr-defined]
        rule: UpdateRule = self.makes(*(torch.tensor(float(getattr(self, name))) for name in names))
        return rule

    @abstractmethod
    def describe(self, learning_rate: str) -> str:
        """In words, at a learning rate that is a number or words itself."""


@dataclass(frozen=True)
class Momentum(AbstractInnerOptimizer):
    """Gradient descent with heavy-ball momentum and coupled weight decay (0 and 0: plain gradient descent)."""

    momentum: float = 0.9
    """The share of the last step that the next one keeps."""
    weight_decay: float = 0.0
    """How strongly parameters are drawn to zero."""
    makes: ClassVar[type] = HeavyBall

    def __post_init__(self) -> None:
        fraction(self, "momentum")
        at_least(self, 0, "weight_decay")

    def describe(self, learning_rate: str) -> str:
        """SGD, its momentum, and its weight decay where it has one."""
        return f"SGD {learning_rate}, momentum {self.momentum:g}{_decay(self.weight_decay)}"


@dataclass(frozen=True)
class Adam(AbstractInnerOptimizer):
    """Steps scaled by running moments of the gradient (Kingma & Ba, ICLR 2015), with coupled weight decay."""

    beta1: float = 0.9
    """The decay of the running mean of gradients."""
    beta2: float = 0.999
    """The decay of the running mean of their squares."""
    epsilon: float = 1e-8
    """What keeps the divisor of a step above zero."""
    weight_decay: float = 0.0
    """How strongly parameters are drawn to zero."""
    makes: ClassVar[type] = AdamRule

    def __post_init__(self) -> None:
        fraction(self, "beta1", "beta2")
        positive(self, "epsilon")
        at_least(self, 0, "weight_decay")

    def describe(self, learning_rate: str) -> str:
        """Adam, its betas, and its weight decay where it has one."""
        return f"Adam {learning_rate}, betas {self.beta1:g} and {self.beta2:g}{_decay(self.weight_decay)}"


def _decay(weight_decay: float) -> str:
    return f", weight decay {weight_decay:g}" if weight_decay else ""


INNER_OPTIMIZERS = Family("inner-optimizer", AbstractInnerOptimizer, Momentum, Adam)


def rule_name(rule: UpdateRule) -> str:
    """The name of a rule in a file: that of the part that makes it."""
    return maker_of(INNER_OPTIMIZERS, rule, "an update rule")


def rule_named(name: str) -> Callable[..., UpdateRule]:
    """The rule of that name, made of its hyper-parameters; InputError for one that no part here makes."""
    return INNER_OPTIMIZERS[name].makes
