"""Groups of what is learned that are stepped in turns."""

from __future__ import annotations

from dataclasses import dataclass, replace

from limbeck.core.expect import at_least
from limbeck.core.tree import Tree
from limbeck.learn.descent import Adam
from limbeck.learn.stepping import AbstractOptimizer


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
