"""Schedules whose training holds a network's attention against labels that are distilled with the set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractSchedule, Problem, Schedule
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.attention_labels import ATTENTION, WEIGHT, ByAttention, shape_of
from limbeck.learn.rules import Momentum
from limbeck.schedules.fixed import Fixed
from limbeck.schedules.learned import LearnedRates


@dataclass(frozen=True)
class AttentionLabels(AbstractSchedule):
    """Learned learning rates, and for each item labels of what a transformer attends to (Maekawa et al., ACL 2023).

    Beside its targets an item has a label (layer, head, query, place), the softmax of what is learned of it, that
    begins as standard normal numbers. The inner loss is that of the task + `weight` KL(label || attention), the mean
    over layers, heads and queries, as the released code has it. The labels are of the network that a set is made with
    and of its items: they are stored with the set, count in its bytes, and are of no use to another network, to other
    items, or to a protocol that does not train as the set says.
    """

    around: Fixed = Fixed(steps=10, learning_rate=0.1, optimizer=Momentum(0.0))
    """Where the learning rates start, and everything that is not learned but the loss."""
    shared: bool = False
    """Whether all steps have one learned rate."""
    through: Literal["exponential", "softplus"] = "softplus"
    """What positive function of what is learned the rates are, as of learned-rates."""
    queries: Literal["one", "each"] = "one"
    """Whether an item has a label for what each of its places attends to, or one for the mean of them. As published
    the one is for the first token, which classifies; here all places do, and their mean is what is read."""
    weight: float = 1.0
    """What the divergence counts beside the loss of the task."""

    def __post_init__(self) -> None:
        at_least(self, 0, "weight")

    @property
    def binding(self) -> bool:  # type: ignore[override]
        """Always: other training does without the labels."""
        return True

    @property
    def _rates(self) -> LearnedRates:
        return LearnedRates(self.around, self.shared, self.through)

    def init(self, count: int, key: Key) -> Tree:
        """What the learning rates are the function of; the labels are of a problem."""
        return self._rates.init(count, key)

    def begin(self, problem: Problem, count: int, key: Key) -> Tree:
        """That and the labels (item, layer, head, query, place); InputError for a network without attention."""
        params = tree.move(problem.network.init(key.fold("network")), problem.device)
        layers, heads, places = shape_of(problem, params)
        labels = key.fold(ATTENTION).normal(count, layers, heads, 1 if self.queries == "one" else places, places)
        return {**self.init(count, key), ATTENTION: labels}

    def render(self, params: Tree, classes: Int[Tensor, " item"], key: Key) -> Schedule:
        """The given schedule at the learned rates and with the labels, differentiable in both."""
        made = self._rates.render(params, classes, key)
        if ATTENTION not in params:
            return made
        raw = params[ATTENTION]
        return made._replace(
            loss=ByAttention(),
            labels={ATTENTION: raw, WEIGHT: torch.full((len(raw),), self.weight, dtype=raw.dtype, device=raw.device)},
        )
