"""What objectives and parameterizations promise, held against what they give: a part may be anybody's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.batch import Batch
from limbeck.core.contracts import AbstractObjective, AbstractParameterization, Parameters, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.family import part_name
from limbeck.core.key import Key
from limbeck.core.later import without_gradients
from limbeck.core.task import AbstractTask
from limbeck.core.tree import Tree


def loss_of(objective: AbstractObjective, found: Any) -> Tensor:
    """What the loss of an objective gave: a tensor of one number without axes; InputError for anything else."""
    if isinstance(found, Tensor) and found.dim() == 0:
        return found
    given = f"a tensor of the shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
    raise InputError(
        f"objective {part_name(type(objective))}: its loss gave {given}, expected a tensor of one number without axes; "
        "take a sum or a mean"
    )


def state_of(objective: AbstractObjective, found: Any, method: str) -> Tree:
    """What a method of an objective gave as its state: a tree of tensors; InputError for anything else."""
    for leaf in tree.leaves(found):
        if not isinstance(leaf, Tensor):
            raise InputError(
                f"objective {part_name(type(objective))}: its {method} gave a {type(leaf).__name__}, expected a tree "
                "of tensors; return {} from init and the state from advance where nothing is remembered"
            )
    return found


@without_gradients
def check_renders(part: AbstractParameterization, params: Parameters, task: AbstractTask) -> None:
    """InputError where what lies on disk would not render examples of a task, before a run is spent on it."""
    if any(leaf.is_meta for leaf in tree.leaves(params)):
        return  # Without numbers nothing is stored.
    stored: Parameters = tree.map(lambda leaf: leaf.detach().cpu(), part.stored(params))
    batch, called = part.render(stored, Key(("view",))), f"parameterization {part_name(type(part))}"
    if not isinstance(batch, Batch):
        raise InputError(f"{called}: it rendered a {type(batch).__name__}, expected a limbeck.core.contracts.Batch")
    wrong = fault_of(batch)
    if wrong:
        raise InputError(f"{called}: what it stores renders {wrong}")
    shape = tree.map(lambda leaf: tuple(leaf.shape[1:]), batch.inputs)
    if isinstance(task.shape, tuple) and shape != task.shape:
        raise InputError(
            f"{called}: it rendered inputs of the shape {shape}, expected {task.shape}, those of {task.name}"
        )


def fault_of(batch: Batch) -> str:
    """What is wrong with a batch that is kept, its numbers of examples or its classes, in words; "" for nothing."""
    lengths = {path: len(leaf) for path, leaf in tree.flatten(batch).items()}
    if not len(batch.classes) or len(set(lengths.values())) > 1:
        return f"examples of different numbers: {lengths}"
    if batch.classes.dtype != torch.int64 or batch.classes.dim() != 1:
        return (
            f"classes of the type {batch.classes.dtype} and the shape {tuple(batch.classes.shape)}, expected "
            "torch.int64 and (item,); what was stored in few bytes is widened by limbeck.core.tree.widen"
        )
    return ""


@dataclass(frozen=True)
class LossOf:
    """What an estimator takes the gradient of."""

    objective: AbstractObjective
    state: Tree
    problem: Problem
    show: Callable[[dict[str, Tree]], Synthetic]
    key: Key

    def __call__(self, learned: dict[str, Tree]) -> Tensor:
        """The loss of what is learned."""
        return loss_of(self.objective, self.objective.loss(self.state, self.problem, self.show(learned), self.key))

    def together(self, candidates: Sequence[dict[str, Tree]]) -> list[Tensor]:
        """The loss of each of several."""
        return list(self.objective.losses(self.state, self.problem, list(map(self.show, candidates)), self.key))
