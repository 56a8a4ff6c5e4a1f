"""Gradients of a loss of which only the value is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractEstimator
from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.core.tree import Tree


@dataclass(frozen=True)
class Evolution(AbstractEstimator):
    """Evolution strategies with antithetic pairs (Salimans et al., 2017): the loss needs no derivative.

    g = 1 / (2 n sigma) sum over n pairs of (L(x + sigma e) - L(x - sigma e)) e,   e from N(0, I)

    Its mean is the gradient of L averaged over a normal distribution of standard deviation `sigma` about x: the
    gradient of L itself where L is linear or quadratic. A gradient takes 2 n + 1 values of the loss.
    """

    pairs: int = 16
    """n."""
    sigma: float = 0.1
    """The standard deviation of what is added to every number that is learned."""

    def __post_init__(self) -> None:
        at_least(self, 1, "pairs")
        positive(self, "sigma")

    def gradient(self, loss: Callable[[Tree], Tensor], learned: Tree, key: Key) -> tuple[Tensor, Tree]:
        """The loss and the estimate of its gradient, whose directions the key draws."""
        # Derivatives stay allowed inside the loss: it may train a learner of its own.
        total = tree.map(torch.zeros_like, learned)
        for pair in range(self.pairs):
            direction = self.direction(learned, key.fold("pair", pair))
            above, below = (
                loss(tree.map(lambda leaf, along, by=sign * self.sigma: leaf + by * along, learned, direction)).detach()
                for sign in (1, -1)
            )
            slope = (above - below) / (2 * self.pairs * self.sigma)
            total = tree.map(lambda sum_, along, by=slope: sum_ + by.to(along) * along, total, direction)
        return loss(learned).detach(), total

    def direction(self, learned: Tree, key: Key) -> Tree:
        """Standard normal numbers of the shape of `learned`; each leaf has its own by its path."""
        drawn = {path: key.fold(path).normal(*leaf.shape).to(leaf) for path, leaf in tree.flatten(learned).items()}
        return tree.unflatten(learned, drawn)
