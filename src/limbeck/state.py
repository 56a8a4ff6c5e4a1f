"""What a run is after some steps, and where that is kept."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import Parameters
from limbeck.core.errors import InputError
from limbeck.core.tree import Tree
from limbeck.learn.stepping import AbstractOptimizer

SCHEDULE = "schedule"
"""The group of what is learned of the schedule."""


class State(NamedTuple):
    """Everything a run is after some steps: tensors alone, since randomness is a function of (key, step).

    What Python decides by (all from `step` on) is on the CPU.
    """

    learned: dict[str, Tree]
    """By group: those of the parameterization, and "schedule"."""
    fixed: Tree
    """What the parameterization keeps."""
    optimizers: dict[str, Tree]
    """The state of the optimizer of each group."""
    objective: Tree
    step: Tensor
    work: Tensor
    """float64: the floating point operations of the first step, NaN before it."""
    products: Tensor
    """In how many convolutions and matrix products, 0 before it."""
    rollbacks: Tensor
    """How often the run fell back to its anchor."""
    losses: Tensor
    """(step,) float64, NaN where not yet known, and where it or what is learned was not finite."""
    scores: Tensor
    """(check,) float64 validation accuracies, NaN where not yet known."""

    @property
    def params(self) -> Parameters:
        """What the parameterization has of the set."""
        return Parameters(of_set(self.learned), self.fixed)


@typing.runtime_checkable
class Checkpoints(typing.Protocol):
    """Where a run keeps its state."""

    def read(self) -> dict[str, Tensor] | None:
        """What was last written, or None."""

    def write(self, tensors: dict[str, Tensor]) -> None:
        """Keep `tensors`, atomically, in place of what was written before."""


class Unkept:
    """Checkpoints of a run that is done in one go: nothing is kept."""

    def read(self) -> dict[str, Tensor] | None:
        """Nothing was."""
        return None

    def write(self, tensors: dict[str, Tensor]) -> None:
        """Nothing is."""


def of_set(learned: dict[str, Tree]) -> dict[str, Tree]:
    """The groups of the parameterization."""
    return {group: leaves for group, leaves in learned.items() if group != SCHEDULE}


def settled(state: State, optimizer_of: Callable[[str], AbstractOptimizer]) -> State:
    """The state with what the optimizer of each group comes to in place of what it stepped last."""
    pairs = ((group, leaves, state.optimizers[group]) for group, leaves in state.learned.items())
    return state._replace(learned={group: optimizer_of(group).settled(leaves, own) for group, leaves, own in pairs})


def steps_in(kept: dict[str, Tensor]) -> int:
    """How many steps are done in what a run wrote."""
    return int(kept["0/step"])


def restored(like: tuple[State, State], kept: dict[str, Tensor]) -> tuple[State, State]:
    """The states of a checkpoint, on the devices of those before the first step."""
    try:
        return tree.map(lambda leaf, here: leaf.to(here.device), tree.unflatten(like, kept), like)
    except KeyError as error:
        raise InputError(
            f"the run's checkpoint has no {error}: another version of limbeck or of one of the run's parts wrote it; "
            "find the run with `limbeck runs`, remove it with `limbeck runs clean ID`, and begin again"
        ) from error


def rolled_back(anchor: State, bad: State) -> State:
    """The anchor, from where the run goes on with other draws; the second time, an error."""
    if int(bad.rollbacks) > 0:
        raise InputError(
            f"step {int(bad.step)}: the loss or a parameter is not finite, and again after going back once; "
            "expected finite numbers; lower the learning rate (--optimizer.learning_rate)"
        )
    return anchor._replace(rollbacks=bad.rollbacks + 1)


def differ(before: Tree, after: Tree) -> Tensor:
    """Whether any number of a tree is another than before: a tensor of one truth value, unread."""
    pairs = zip(tree.leaves(before), tree.leaves(after), strict=True)
    return torch.stack([(old != new).any() for old, new in pairs]).any()
