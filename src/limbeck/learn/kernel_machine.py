"""Kernel ridge regression from inputs to the weights of classes, as a network that is fitted and not stepped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractTask, Batch, Readout
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.fitted import AbstractFitted
from limbeck.learn.kernels import AbstractKernel
from limbeck.learn.ridge import ridge_weights


class Centred(NamedTuple):
    """Examples as a regression of classes takes them, in float64."""

    inputs: Tree
    targets: Float[Tensor, "example class"]
    """The weights of classes less 1 / number of classes: one-hot rows have a mean of 0."""


def centred(task: AbstractTask, batch: Batch, asked_by: str) -> Centred:
    """The examples of a batch for a regression of classes; InputError, which says who asked, where that cannot be."""
    check(task, asked_by)
    if not all(map(torch.is_floating_point, tree.leaves(batch.inputs))):
        raise InputError(f"{asked_by}: found inputs of {task.name} that are not all floating, expected numbers alone")
    targets, shape = batch.targets, (len(batch.classes), len(task.classes))
    found = tuple(targets.shape) if isinstance(targets, Tensor) else "a tree"
    if found != shape:
        raise InputError(f"{asked_by}: found targets {found}, expected a weight for each of the classes, {shape}")
    return Centred(tree.map(torch.Tensor.double, batch.inputs), targets.double() - 1 / shape[1])


def check(task: AbstractTask, asked_by: str) -> None:
    """InputError, which says who asked, where a task is not to name classes of rows of numbers."""
    metric = task.metrics[0].name
    if metric != "accuracy" or len(task.classes) < 2:
        raise InputError(
            f"{asked_by}: {task.name} is scored by its {metric}, expected accuracy over two classes or more: a "
            "regression names classes and is no policy; choose another"
        )
    if tree.joined(task.shape):
        raise InputError(f"{asked_by}: inputs of {task.name} are read together, expected rows of numbers")


@final
@dataclass(frozen=True)
class KernelMachine(AbstractFitted):
    """Ridge regression by a kernel: what it says of x is the sum of k(x, item) weight over the items it is fitted to.

    Its parameters are these "items" and their "weights" (item, class), in float64. One that is fitted to nothing has
    none, and says nothing. There is nothing to step down a loss: `fit` is the closed form.
    """

    task: AbstractTask
    kernel: AbstractKernel
    ridge: float
    """In units of the mean of k(x, x) over the items."""
    most: int
    """Items that it is fitted to at most: a matrix of the square of that is solved."""

    @property
    def name(self) -> str:  # type: ignore[override]
        """That of the kernel."""
        return self.kernel.name

    def init(self, key: Key) -> Tree:
        """No items."""
        items = tree.build(self.task.shape, 0, lambda _, shape: torch.zeros(shape, dtype=torch.float64))
        return {"items": items, "weights": torch.zeros(0, len(self.task.classes), dtype=torch.float64)}

    def fit(self, batch: Batch, key: Key) -> Tree:
        """The parameters of the regression on a batch; InputError for more items than `most`, and as `centred`."""
        if len(batch.classes) > self.most:
            raise InputError(
                f"kernel {self.name}: found {len(batch.classes):,} items, expected at most {self.most:,}, as a matrix "
                "of the square of that is solved; choose another protocol"
            )
        items, targets = centred(self.task, batch, f"kernel {self.name}")
        return {"items": items, "weights": ridge_weights(self.kernel.between(items, items), targets, self.ridge)}

    def flops(self, items: int, examples: int) -> float:
        """About how many operations it takes to fit it to so many items and to read so many examples."""
        pair = self.kernel.flops(self.task.shape) + 2.0 * len(self.task.classes)
        return pair * items * (items + examples) + items**3

    def apply(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> Readout:
        """The kernel between inputs and items, which the features are, times their weights."""
        features = self.kernel.between(tree.map(torch.Tensor.double, inputs), params["items"])
        return Readout(features, features @ params["weights"])
