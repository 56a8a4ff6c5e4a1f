"""The contract of what steps a synthetic set and its schedule."""

from __future__ import annotations

import math
from abc import abstractmethod

from limbeck.core.expect import AbstractPart
from limbeck.core.tree import Tree


class AbstractOptimizer(AbstractPart):
    """How learned parameters are stepped, as pure functions of a state that is a tree of tensors."""

    @abstractmethod
    def init(self, params: Tree) -> Tree:
        """The state before the first step."""

    @abstractmethod
    def step(self, params: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        """The parameters and the state after one step."""

    def at(self, _step: int, _steps: int = 0) -> AbstractOptimizer:
        """What makes step `_step`, counted from 0, of a distillation of `_steps`; by default the same for all.

        A number of 0 says nothing of how long it is.
        """
        return self

    def of(self, _group: str) -> AbstractOptimizer:
        """What steps a group of what is learned; by default all are stepped alike."""
        return self

    def settled(self, params: Tree, _state: Tree) -> Tree:
        """What a run that ends here comes to; by default the parameters of its last step."""
        return params


def half_cosine(done: float) -> float:
    """From 1 to 0 along half a cosine, where a share in [0, 1] is done.

    >>> [round(half_cosine(done), 3) for done in (0.0, 0.25, 0.5, 1.0)]
    [1.0, 0.854, 0.5, 0.0]
    """
    return (1 + math.cos(math.pi * done)) / 2
