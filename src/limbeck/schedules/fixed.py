"""A schedule that is given and stays."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from limbeck.core.contracts import AbstractSchedule, Schedule
from limbeck.core.expect import FieldError, at_least, positive
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.epochs import shuffled_order
from limbeck.learn.losses import AbstractTrainingLoss, TaskLoss
from limbeck.learn.rules import AbstractInnerOptimizer, Momentum


@dataclass(frozen=True)
class Fixed(AbstractSchedule):
    """Given steps of one size; by default those of Yang et al. (ICML 2024), all items at once."""

    steps: int = 300
    """Steps of training on the set."""
    learning_rate: float = 0.01
    """The length of a step."""
    optimizer: AbstractInnerOptimizer = Momentum(0.9)
    """The rule by which they are made."""
    per_class: int = 0
    """How many items of each class a step sees; 0: all items."""
    batch: int = 0
    """How many items a step sees, whatever their classes: the next of a shuffle of all; 0: as `per_class` says."""
    loss: AbstractTrainingLoss = TaskLoss()
    """What the steps go down."""
    binding: bool = False
    """Whether a set is meant to be trained on exactly so, and is scored so by default."""
    in_turn: bool = False
    """Whether the items of a class take turns in their order, over and over (Wang et al. 2018), or are drawn."""

    def __post_init__(self) -> None:
        at_least(self, 1, "steps")
        positive(self, "learning_rate")
        at_least(self, 0, "per_class", "batch")
        if self.batch and (self.per_class or self.in_turn):
            raise FieldError(self, "batch", "0 beside per_class and in_turn, which say it too")

    def init(self, count: int, key: Key) -> Tree:
        """Nothing is learned."""
        return {}

    def render(self, params: Tree, classes: Int[Tensor, " item"], key: Key) -> Schedule:
        """The given schedule, its order drawn by the key where items do not take turns."""
        return Schedule(
            learning_rates=torch.full((self.steps,), self.learning_rate),
            order=self._order(classes, key),
            rule=self.optimizer.rule(),
            loss=self.loss.loss(),
        )

    def _order(self, classes: Int[Tensor, " item"], key: Key) -> Int[Tensor, "row seen"]:
        """The items of each step; one row where all steps see the same."""
        if self.in_turn:
            return order_in_turn(classes, self.per_class, self.steps)
        if self.batch:
            return shuffled_order(len(classes), self.batch, self.steps, key)
        return balanced_order(classes, self.per_class, self.steps, key)


def balanced_order(classes: Int[Tensor, " item"], per_class: int, steps: int, key: Key) -> Int[Tensor, "row seen"]:
    """For each step, `per_class` items of every class drawn without replacement; one row of all items for 0.

    A class with no more than `per_class` items gives them all.
    """
    labels = classes.unique().tolist()
    most = max(int((classes == label).sum()) for label in labels)
    if per_class == 0 or per_class >= most:
        return torch.arange(len(classes))[None]
    columns = []
    for label in labels:
        items = (classes == label).nonzero()[:, 0]
        ranks = key.fold("order", label).uniform(steps, len(items)).argsort(1)[:, :per_class]
        columns.append(items[ranks])
    return torch.cat(columns, 1)


def order_in_turn(classes: Int[Tensor, " item"], per_class: int, steps: int) -> Int[Tensor, "row seen"]:
    """For each step, the next `per_class` items of every class, from the first again after the last.

    One row of all items for 0.
    """
    if per_class == 0:
        return torch.arange(len(classes))[None]
    turns = torch.arange(steps * per_class).reshape(steps, per_class)
    columns = []
    for label in classes.unique().tolist():
        items = (classes == label).nonzero()[:, 0]
        columns.append(items[turns % len(items)])
    return torch.cat(columns, 1)
