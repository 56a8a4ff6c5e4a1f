"""Kernel ridge regression from inputs to the weights of classes."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractTask, Batch
from limbeck.core.errors import InputError
from limbeck.core.tree import Tree


class Centred(NamedTuple):
    """Examples as a regression of classes takes them, in float64."""

    inputs: Tree
    targets: Float[Tensor, "example class"]
    """The weights of classes less 1 / number of classes: one-hot rows have a mean of 0."""


def centred(task: AbstractTask, batch: Batch, asked_by: str) -> Centred:
    """The examples of a batch for a regression of classes; InputError, which says who asked, where that cannot be."""
    classes = len(task.classes)
    if classes < 2:
        raise InputError(f"{asked_by}: {task.name} has no classes, expected two or more; it is a regression of classes")
    if tree.joined(task.shape) or not all(map(torch.is_floating_point, tree.leaves(batch.inputs))):
        raise InputError(f"{asked_by}: found inputs of {task.name} that are not rows of numbers, expected such")
    targets = batch.targets
    shape = tuple(targets.shape) if isinstance(targets, Tensor) else "a tree"
    if shape != (len(batch.classes), classes):
        raise InputError(f"{asked_by}: found targets {shape}, expected a weight for each of {classes} classes")
    return Centred(tree.map(torch.Tensor.double, batch.inputs), targets.double() - 1 / classes)
