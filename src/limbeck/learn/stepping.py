"""The contract of what steps a synthetic set and its schedule."""

from __future__ import annotations

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

    def at(self, _step: int) -> AbstractOptimizer:
        """What makes the step of that number, counted from 0, of a distillation; by default the same for all."""
        return self
