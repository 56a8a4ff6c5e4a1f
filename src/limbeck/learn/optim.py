"""What steps a synthetic set and its schedule: gradient descent as pure functions of a state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.expect import at_least, expect, fraction, positive
from limbeck.core.family import Family
from limbeck.core.tree import Tree
from limbeck.learn.adaptive import AdaBelief as AdaBelief
from limbeck.learn.adaptive import Lamb as Lamb
from limbeck.learn.rules import AdamRule, HeavyBall
from limbeck.learn.stepping import AbstractOptimizer as AbstractOptimizer
from limbeck.learn.stepping import half_cosine

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


@dataclass(frozen=True)
class OnSimplex(AbstractOptimizer):
    """The steps of another optimizer, after each of which rows are weights again (Bohdal et al. 2020).

    For learned targets: every number is brought into [0, 1], and each row (the last axis) is divided by its sum; a row
    without a positive number becomes uniform. That is not the nearest point where the weights sum to 1.
    """

    inner: AbstractOptimizer = Adam()
    """The optimizer whose steps are brought back."""

    def at(self, step: int, steps: int = 0) -> OnSimplex:
        """As the other one makes the step of that number."""
        return replace(self, inner=self.inner.at(step, steps))

    def init(self, params: Tree) -> Tree:
        """The state of the other one."""
        return self.inner.init(params)

    def step(self, params: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        """The parameters, brought back, and the state of the other one after one step."""
        stepped, after = self.inner.step(params, gradients, state)
        return tree.map(_weights, stepped), after

    def settled(self, params: Tree, state: Tree) -> Tree:
        """What the other one comes to, brought back."""
        return tree.map(_weights, self.inner.settled(params, state))


def _weights(rows: Tensor) -> Tensor:
    """Rows of weights from rows of numbers.

    >>> _weights(torch.tensor([[0.5, -1.0, 1.5], [-1.0, -2.0, -3.0]]))
    tensor([[0.3333, 0.0000, 0.6667],
            [0.3333, 0.3333, 0.3333]])
    """
    within = rows.clamp(0, 1)
    total = within.sum(-1, keepdim=True)
    return torch.where(total > 0, within / total, torch.full_like(within, 1 / rows.shape[-1]))


@dataclass(frozen=True)
class Cosine(AbstractOptimizer):
    """The steps of another optimizer, whose learning rate falls by half a cosine (Loshchilov & Hutter, ICLR 2017).

    Step s of the S of a distillation, counted from 0, is made at (1 + cos(pi s / S)) / 2 of the learning rate, so that
    it falls over the whole of it, however long that is.
    """

    inner: AbstractOptimizer = Adam()
    """The optimizer whose learning rate falls."""

    def __post_init__(self) -> None:
        expect(self, "inner", hasattr(self.inner, "learning_rate"), "an optimizer with a learning rate of its own")

    def at(self, step: int, steps: int = 0) -> AbstractOptimizer:
        """The other one at the learning rate of that step; at its own where nobody says how many there are."""
        made: Any = self.inner.at(step, steps)
        return replace(made, learning_rate=made.learning_rate * half_cosine(step / steps)) if steps else made

    def init(self, params: Tree) -> Tree:
        """The state of the other one."""
        return self.inner.init(params)

    def step(self, params: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        """What the other one comes to at its own learning rate."""
        return self.inner.step(params, gradients, state)


@dataclass(frozen=True)
class Averaged(AbstractOptimizer):
    """The steps of another optimizer, whose running mean is what a run comes to (Du et al., FTD, CVPR 2023)."""

    inner: AbstractOptimizer = Adam()
    """The optimizer whose steps are averaged."""
    decay: float = 0.99
    """The share of the mean that stays at each step."""

    def __post_init__(self) -> None:
        fraction(self, "decay")

    def at(self, step: int, steps: int = 0) -> Averaged:
        """As the other one makes the step of that number."""
        return replace(self, inner=self.inner.at(step, steps))

    def init(self, params: Tree) -> Tree:
        """The state of the other one, and a mean of no weight yet."""
        return {"inner": self.inner.init(params), "mean": params, "weight": torch.tensor(0.0, dtype=torch.float64)}

    def step(self, params: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        """The step of the other one, and the mean with it."""
        stepped, after = self.inner.step(params, gradients, state["inner"])
        weight = self.decay * state["weight"] + 1
        mean = tree.map(lambda leaf, last: leaf + (last - leaf) / weight, state["mean"], stepped)
        return stepped, {"inner": after, "mean": mean, "weight": weight}

    def settled(self, params: Tree, state: Tree) -> Tree:
        """The mean of p_1 to p_t, each with the weight decay^(t - i), which no step sees; before, the parameters."""
        return state["mean"]


@dataclass(frozen=True)
class Alternating(AbstractOptimizer):
    """One group of what is learned is stepped for a while, then all others, and so on (Jin et al., ICLR 2022)."""

    group: str = "edges"
    """The group that is stepped by itself."""
    by_itself: AbstractOptimizer = Adam()
    """How it is."""
    others: AbstractOptimizer = Adam()
    """How the others are."""
    first: int = 10
    """For how many steps it is, before each turn of the others."""
    then: int = 40
    """For how many steps the others are."""

    def __post_init__(self) -> None:
        at_least(self, 1, "first", "then")

    def of(self, group: str) -> AbstractOptimizer:
        """What steps a group when its turn is."""
        period = self.first + self.then
        if group == self.group:
            return Turned(self.by_itself, 0, self.first, period)
        return Turned(self.others, self.first, period, period)

    def init(self, params: Tree) -> Tree:
        """The state of what steps the others."""
        return self.others.init(params)

    def step(self, params: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        """As the others are stepped."""
        return self.others.step(params, gradients, state)


@dataclass(frozen=True)
class Turned(AbstractOptimizer):
    """Another optimizer, from one step to before another of each period; at other steps nothing moves."""

    inner: AbstractOptimizer
    begin: int
    end: int
    period: int
    resting: bool = False

    def at(self, step: int, steps: int = 0) -> Turned:
        """As the other one makes the step of that number, if any."""
        rests = not self.begin <= step % self.period < self.end
        return replace(self, inner=self.inner.at(step, steps), resting=rests)

    def init(self, params: Tree) -> Tree:
        """The state of the other one."""
        return self.inner.init(params)

    def step(self, params: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        """The step of the other one, or none."""
        return (params, state) if self.resting else self.inner.step(params, gradients, state)

    def settled(self, params: Tree, state: Tree) -> Tree:
        """What the other one comes to."""
        return self.inner.settled(params, state)


OPTIMIZERS = Family(
    "optimizer", AbstractOptimizer, SGD, Adam, AdaBelief, Lamb, OnSimplex, Cosine, Averaged, Alternating
)
