"""An optimizer that hands some steps of a distillation to plain gradient descent."""

from __future__ import annotations

from dataclasses import dataclass, replace

from limbeck.core import tree
from limbeck.core.expect import at_least, positive
from limbeck.core.tree import Tree
from limbeck.learn.adaptive import AdaBelief
from limbeck.learn.stepping import AbstractOptimizer


@dataclass(frozen=True)
class _Plainly(AbstractOptimizer):
    """One step of plain gradient descent, which leaves the state of another optimizer as it was."""

    inner: AbstractOptimizer
    learning_rate: float

    def init(self, params: Tree) -> Tree:
        return self.inner.init(params)

    def step(self, params: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        return tree.map(lambda leaf, slope: leaf - self.learning_rate * slope, params, gradients), state


@dataclass(frozen=True)
class TakingTurns(AbstractOptimizer):
    """The steps of another optimizer, but for every third, which is plain gradient descent and unseen by it.

    For objectives that ask for another thing at every third step, as `relaxed-trajectory`: step t of a distillation,
    counted from 0, is plain where t + 1 is a multiple of `every`.
    """

    inner: AbstractOptimizer = AdaBelief()
    """The optimizer of the other steps."""
    every: int = 3
    """How often a step is plain: 1 is always."""
    learning_rate: float = 0.01
    """The length of a plain step."""

    def __post_init__(self) -> None:
        at_least(self, 1, "every")
        positive(self, "learning_rate")

    def at(self, step: int, steps: int = 0) -> AbstractOptimizer:
        """Plain descent, where its turn is, else as the other one makes the step of that number."""
        if steps and (step + 1) % self.every == 0:
            return _Plainly(self.inner, self.learning_rate)
        return replace(self, inner=self.inner.at(step, steps))

    def init(self, params: Tree) -> Tree:
        """The state of the other one."""
        return self.inner.init(params)

    def step(self, params: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        """The step of the other one."""
        return self.inner.step(params, gradients, state)

    def settled(self, params: Tree, state: Tree) -> Tree:
        """What the other one comes to."""
        return self.inner.settled(params, state)
