"""The label of the nearest items, as a network that is fitted and not stepped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from limbeck.core.contracts import AbstractTask, Batch, Readout
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.fitted import AbstractFitted
from limbeck.learn.kernel_machine import check
from limbeck.learn.warping import AbstractSeriesDistance


def check_series(task: AbstractTask, asked_by: str) -> None:
    """InputError, which says who asked, where a task is not to name classes of inputs that are one tensor."""
    check(task, asked_by)
    if not isinstance(task.shape, tuple):
        raise InputError(
            f"{asked_by}: found inputs of {task.name} of the shape {task.shape}, expected series, one tensor each; "
            "choose another protocol"
        )


@final
@dataclass(frozen=True)
class Neighbours(AbstractFitted):
    """The mean label of the `count` nearest items of those that it is fitted to, which are its parameters.

    What it says of x are weights of classes; its features are the distances to all items, less than nothing. One that
    is fitted to nothing says nothing. Of equally near items the first is nearer.
    """

    task: AbstractTask
    distance: AbstractSeriesDistance
    count: int
    most: int

    @property
    def name(self) -> str:  # type: ignore[override]
        """The number of neighbours, and the distance."""
        return f"{self.count}nn{self.distance.suffix}"

    def init(self, key: Key) -> Tree:
        """No items."""
        return {"items": torch.zeros(0, *self.task.shape), "targets": torch.zeros(0, len(self.task.classes))}

    def fit(self, batch: Batch, key: Key) -> Tree:
        """The items and their labels; InputError for more items than `most`."""
        if len(batch.classes) > self.most:
            raise InputError(
                f"nearest neighbours: found {len(batch.classes):,} items, expected at most {self.most:,}, as each is "
                "held against each example; choose another protocol"
            )
        return {"items": batch.inputs, "targets": batch.targets}

    def flops(self, items: int, examples: int) -> float:
        """About how many operations it takes to read so many examples."""
        return self.distance.flops(self.task.shape) * items * examples

    def apply(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> Readout:
        """The distances, negative, and the mean label of the nearest items."""
        distances = self.distance.between(inputs, params["items"])
        targets: Tensor = params["targets"]
        if not len(targets):
            return Readout(-distances, inputs.new_zeros(len(inputs), targets.shape[1]))
        nearest = distances.argsort(dim=1, stable=True)[:, : self.count]
        return Readout(-distances, targets[nearest].mean(1))
