"""How a set is meant to be trained on: learning rates, which items each step sees, and how a step is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.task import AbstractNetwork, AbstractTask, Batch
from limbeck.core.tree import Tree


@runtime_checkable
class UpdateRule(Protocol):
    """How one inner step is made: a named tuple of 0-d tensors, its hyper-parameters, and so a tree itself.

    A step is differentiable in all that it takes, and where it branches it does so by tensors alone.
    """

    def init(self, params: Tree) -> Tree:
        """The state before the first step: a tree of tensors."""

    def update(self, params: Tree, gradients: Tree, state: Tree, learning_rate: Tensor | float) -> tuple[Tree, Tree]:
        """The parameters and the state after one step."""


@runtime_checkable
class TrainingLoss(Protocol):
    """What training goes down; where a schedule carries it, a named tuple without fields, so a tree without leaves."""

    def each(self, task: AbstractTask, outputs: Tensor, targets: Tree) -> Tensor:
        """The loss of each example (example,), twice differentiable."""


@runtime_checkable
class ReadingLoss(Protocol):
    """A training loss that looks into the network that is trained, beside what that gives."""

    def read(self, task: AbstractTask, network: AbstractNetwork, params: Tree, batch: Batch) -> Tensor:
        """The loss of each example (example,) of a batch as `labelled` gives it, twice differentiable."""


class ByTask(NamedTuple):
    """The loss of the task itself."""

    def each(self, task: AbstractTask, outputs: Tensor, targets: Tree) -> Tensor:
        """What the task says."""
        return task.loss(outputs, targets)


def labelled(batch: Batch, labels: Tree, rows: Tensor) -> Batch:
    """A batch of items that are the rows `rows` of those that a schedule has labels of, as its loss reads it.

    Its targets are then a dict: its own as "targets", and the labels by their names; without labels it stays as it is.
    """
    if not labels:
        return batch
    return batch._replace(targets={"targets": batch.targets, **tree.rows(labels, rows)})


class Schedule(NamedTuple):
    """How a synthetic set is meant to be trained on: part of what is distilled."""

    learning_rates: Float[Tensor, " step"]
    order: Int[Tensor, "row seen"]
    """Which items a step sees, on the CPU: step t takes row t modulo the number of rows, where -1 is no item."""
    rule: UpdateRule
    loss: TrainingLoss = ByTask()
    labels: Tree = {}
    """What the loss holds more than outputs against, each (item, ...) by its name; empty where that is nothing."""

    def for_count(self, made_for: int, count: int) -> Schedule:
        """The schedule of a set of `made_for` items, for `count`: itself, or its rates and rule with all items."""
        return self if made_for == count else self.of_others()._replace(order=torch.arange(count)[None])

    def of_others(self) -> Schedule:
        """The schedule for other items than the set's: itself, but for labels, which are of those alone."""
        return self._replace(loss=ByTask(), labels={}) if self.labels else self

    def to_tensors(self) -> dict[str, Tensor]:
        """The tensors by path: learning_rates, order, rule/NAME for each hyper-parameter, and labels/NAME."""
        return tree.flatten(self)

    @classmethod
    def from_tensors(
        cls, parts: Tree, rule: Callable[..., UpdateRule], loss: Callable[..., TrainingLoss] = ByTask
    ) -> Schedule:
        """The inverse of `to_tensors`, from nested dicts; ValueError where one is not as its field says."""
        numbers = parts.get("rule", {})
        expected = {"learning_rates": (1, True), "order": (2, False)} | {f"rule/{name}": (0, True) for name in numbers}
        flat = tree.flatten(parts)
        for name, (dimensions, floating) in expected.items():
            value = flat.get(name)
            if value is None or value.dim() != dimensions or not value.numel():
                shape = None if value is None else tuple(value.shape)
                raise ValueError(
                    f"schedule/{name} has the shape {shape}, expected {dimensions} axes that are not empty"
                )
            if value.is_floating_point() is not floating or value.dtype is torch.bool or value.is_complex():
                raise ValueError(f"schedule/{name} has the type {value.dtype}")
        return cls(parts["learning_rates"], parts["order"], rule(**numbers), loss(), parts.get("labels", {}))
