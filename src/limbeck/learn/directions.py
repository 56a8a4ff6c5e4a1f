"""Directions and lines in the space of a network's parameters."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.key import Key
from limbeck.core.tree import Tree

TINY = 1e-10
"""What is added to the norm of what is drawn, so that no norm is divided by zero."""


def filter_normalised(params: Tree, key: Key, biases: bool = False) -> Tree:
    """A random direction whose every filter has the norm of that filter of `params` (Li et al., NeurIPS 2018).

    A filter is what makes one output of a layer: a slice along the first axis. Leaves of one axis (biases, scales of
    norms) stay still, as published; with `biases` each of their numbers moves by its own size, one way or the other.
    """

    def normalised(leaf: Tensor, noise: Tensor) -> Tensor:
        if leaf.dim() > 1:
            return noise * _norms(leaf) / (_norms(noise) + TINY)
        return noise.sign() * leaf.abs() if biases else torch.zeros_like(leaf)

    return tree.map(normalised, params, key.normal_like(params))


def _norms(leaf: Float[Tensor, "filter ..."]) -> Tensor:
    """The Frobenius norm of each filter, to be multiplied with it."""
    return leaf.flatten(1).norm(dim=1).reshape(-1, *[1] * (leaf.dim() - 1))


def along(start: Tree, steps: Sequence[float], directions: Sequence[Tree]) -> Tree:
    """The point that lies so many steps along each direction from `start`.

    >>> along({"w": torch.tensor([1.0])}, [2.0, 3.0], [{"w": torch.tensor([1.0])}, {"w": torch.tensor([0.1])}])
    {'w': tensor([3.3000])}
    """
    return tree.map(
        lambda leaf, *of: leaf + sum(by * each for by, each in zip(steps, of, strict=True)), start, *directions
    )


def between(start: Tree, end: Tree, share: float) -> Tree:
    """The point that lies that share of the way from `start` to `end`; below 0 and above 1 it lies beyond them."""
    return tree.map(lambda a, b: a + share * (b - a), start, end)


def barrier(shares: Sequence[float], losses: Sequence[float]) -> float:
    """How far a loss on the line between two points rises at most above the line between their losses.

    `shares` begin at 0 and end at 1 (Frankle et al., ICML 2020).

    >>> barrier([0, 0.5, 1], [1.0, 3.0, 2.0]), barrier([0, 0.5, 1], [1.0, 0.5, 2.0])
    (1.5, 0.0)
    """
    first, last = losses[0], losses[-1]
    return max(loss - ((1 - share) * first + share * last) for share, loss in zip(shares, losses, strict=True))


def curve(start: Tree, middle: Tree, end: Tree, share: float) -> Tree:
    """The point of a quadratic Bezier curve (Garipov et al., NeurIPS 2018)."""
    a, b, c = (1 - share) ** 2, 2 * share * (1 - share), share**2
    return tree.map(lambda one, two, three: a * one + b * two + c * three, start, middle, end)
