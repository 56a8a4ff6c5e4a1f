"""The examples that learners are judged by, read once."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractTask, Batch
from limbeck.core.key import Key
from limbeck.core.placing import capacity, cpu
from limbeck.core.tree import Tree

LITTLE = 1 / 32
"""The share of a device's memory that evaluation examples may take, of which a few splits are held."""


@functools.lru_cache(maxsize=8)
def rows_of(task: AbstractTask, split: str, size: int) -> Tensor:
    """The rows of a split that a computation reads: all, or about so many, as many of each class."""
    groups = task.groups(split)
    if not size:
        return torch.cat(groups).sort().values
    share = -(-size // len(groups))
    key = Key(("judged",))
    return torch.cat([rows[key.fold(index).permutation(len(rows))[:share]] for index, rows in enumerate(groups)])


@functools.lru_cache(maxsize=3)
def inputs_of(task: AbstractTask, split: str, size: int, device: torch.device) -> Tree:
    """The inputs of these, on a device where they take little of its memory, else on the CPU."""
    inputs = examples_of(task, split, size).inputs
    taken = sum(leaf.nbytes for leaf in tree.leaves(inputs))
    return tree.move(inputs, device) if taken <= LITTLE * capacity(device) else inputs


@functools.lru_cache(maxsize=3)
def examples_of(task: AbstractTask, split: str, size: int) -> Batch:
    """The examples of these rows, in their order, on the CPU."""
    return task.in_place(cpu(), split, rows_of(task, split, size))
