"""Soft labels that are learned with the inputs."""

from __future__ import annotations

from dataclasses import dataclass, field

from limbeck.core.contracts import AbstractParameterization, Batch, Budget
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.parameterizations.pixels import Pixels


@dataclass(frozen=True)
class SoftTargets(AbstractParameterization):
    """The items of another parameterization under learned soft labels (Sucholutsky & Schonlau, IJCNN 2021).

    Beside what `inner` learns, the parameters hold `targets` (item, output), which render as targets =
    sqrt(pace) `targets` and start at those of the start, hard or soft. They are free numbers: nothing keeps a
    row positive or its sum at 1. By the chain rule a step of gradient descent moves the targets by `pace`
    times the learning rate that it has for the rest.
    """

    inner: AbstractParameterization = field(default_factory=Pixels)
    pace: float = 1.0
    """The learning rate of the targets relative to that of the inputs, which is far larger."""

    def __post_init__(self) -> None:
        if not self.pace > 0:
            raise InputError(f"soft-targets: found pace {self.pace:g}, expected a positive number")

    def init(self, start: Batch, key: Key) -> Tree:
        """The parameters of the items, and the targets of the start."""
        return {"items": self.inner.init(start, key), "targets": start.targets.detach() / self.pace**0.5}

    def render(self, params: Tree, key: Key) -> Batch:
        """The items under the learned targets."""
        return self.inner.render(params["items"], key)._replace(targets=params["targets"] * self.pace**0.5)

    def cost(self, params: Tree) -> Budget:
        """What the items cost, and a float32 for each output of each item."""
        items, targets = self.inner.cost(params["items"]), Budget.of(params["targets"])
        return Budget(items.scalars + targets.scalars, items.bytes + targets.bytes)
