"""Gradients of a loss of which only the value is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractEstimator
from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.core.tree import Tree


def losses_of(loss: Callable[[Tree], Tensor], candidates: Sequence[Tree]) -> list[Tensor]:
    """The loss of each candidate, cut from any graph: all at once where the loss has a way to do so, `together`."""
    together = getattr(loss, "together", None)
    found = [loss(each) for each in candidates] if together is None else together(candidates)
    return [each.detach() for each in found]


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
    ranks: bool = False
    """Whether losses count by their rank alone, from -1/2 for the least to 1/2 (Wierstra et al. 2014). Steps then do
    not depend on the scale of the loss, and the estimate is no gradient."""

    def __post_init__(self) -> None:
        at_least(self, 1, "pairs")
        positive(self, "sigma")

    def gradient(self, loss: Callable[[Tree], Tensor], learned: Tree, key: Key) -> tuple[Tensor, Tree]:
        """The loss and the estimate of its gradient, whose directions the key draws."""
        directions = [key.fold("pair", pair).normal_like(learned) for pair in range(self.pairs)]
        candidates = [
            tree.map(lambda leaf, along, by=sign * self.sigma: leaf + by * along, learned, direction)
            for direction in directions
            for sign in (1, -1)
        ]
        # Derivatives stay allowed inside the loss: it may train a learner of its own.
        *values, value = losses_of(loss, [*candidates, learned])
        found = torch.stack(values)
        if self.ranks:
            found = found.argsort().argsort().to(found) / max(1, len(found) - 1) - 0.5
        slopes = (found[::2] - found[1::2]) / (2 * self.pairs * self.sigma)
        total = tree.map(torch.zeros_like, learned)
        for direction, slope in zip(directions, slopes, strict=True):
            total = tree.map(lambda sum_, along, by=slope: sum_ + by.to(along) * along, total, direction)
        return value, total
