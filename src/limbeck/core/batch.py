"""Examples, as they are passed between parts."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.tree import Tree


def within_class(classes: Int[Tensor, " item"]) -> Int[Tensor, " item"]:
    """Which of its class each item is, counted from 0 in their order.

    >>> within_class(torch.tensor([1, 0, 1, 1])).tolist()
    [0, 0, 1, 2]
    """
    number = torch.zeros_like(classes)
    for label in classes.unique():
        rows = (classes == label).nonzero()[:, 0]
        number[rows] = torch.arange(len(rows))
    return number


def holders(classes: Int[Tensor, " item"], most: int) -> tuple[Int[Tensor, " item"], Int[Tensor, " item"]]:
    """What holds each item, and its place there: each holds at most so many items of one class, in their order.

    >>> [each.tolist() for each in holders(torch.tensor([1, 0, 1, 1]), 2)]
    [[1, 0, 1, 2], [0, 0, 1, 0]]
    """
    number, counts = within_class(classes), -(-classes.bincount() // most)
    return (counts.cumsum(0) - counts)[classes] + number // most, number % most


class Batch(NamedTuple):
    """Examples: a tree, so that vmap and grad see through it; no optional leaves."""

    inputs: Tree
    """What a network is shown: a tensor (example, ...), or a tree of them."""
    targets: Tree
    """What the task's loss holds outputs against: a tensor (example, ...), or a tree of them; weights over classes."""
    classes: Int[Tensor, " example"]
    """The group each example was made for: its class, or 0 where a task has one. Soft targets may drift, this not.

    It decides shapes and draws, so it stays on the CPU; whoever computes with it on a device moves what comes of it.
    """

    def to(self, device: torch.device) -> Batch:
        """The same batch with its inputs and targets on `device`."""
        return Batch(tree.move(self.inputs, device), tree.move(self.targets, device), self.classes)
