"""What steps a synthetic set and its schedule: optimizers around those of `descent.py`, and all of them by name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.expect import expect, fraction
from limbeck.core.family import Family
from limbeck.core.tree import Tree
from limbeck.learn.adaptive import AdaBelief as AdaBelief
from limbeck.learn.adaptive import Lamb as Lamb
from limbeck.learn.descent import SGD as SGD
from limbeck.learn.descent import Adam as Adam
from limbeck.learn.stepping import AbstractOptimizer as AbstractOptimizer
from limbeck.learn.stepping import half_cosine
from limbeck.learn.taking_turns import TakingTurns as TakingTurns
from limbeck.learn.turns import Alternating as Alternating


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


OPTIMIZERS = Family(
    "optimizer", AbstractOptimizer, SGD, Adam, AdaBelief, Lamb, OnSimplex, Cosine, Averaged, Alternating, TakingTurns
)
