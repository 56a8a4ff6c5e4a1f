"""Soft labels that stay as they are."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from limbeck.core.contracts import AbstractParameterization, Batch, Budget
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.parameterizations.pixels import Pixels

BITS = {torch.float32: torch.int32, torch.float64: torch.int64}
"""Integers as wide as the floats whose bits they hold."""
FLOATS = {integer: real for real, integer in BITS.items()}


@dataclass(frozen=True)
class FixedTargets(AbstractParameterization):
    """The items of another parameterization under the labels of the start, which are not learned (Cui et al. 2023).

    Beside what `inner` learns, the parameters hold `targets` (item, output): the bits of the float32 targets of the
    start, hard or soft, as int32. Whatever is stored as floats is learned; as integers they are kept to the last bit.
    """

    inner: AbstractParameterization = field(default_factory=Pixels)

    def init(self, start: Batch, key: Key) -> Tree:
        """The parameters of the items, and the bits of the targets of the start."""
        targets = start.targets.detach().contiguous()
        return {"items": self.inner.init(start, key), "targets": targets.view(BITS[targets.dtype]).clone()}

    def render(self, params: Tree, key: Key) -> Batch:
        """The items under the targets of the start."""
        targets: Tensor = params["targets"]
        return self.inner.render(params["items"], key)._replace(targets=targets.view(FLOATS[targets.dtype]))

    def cost(self, params: Tree) -> Budget:
        """What the items cost, and four bytes for each output of each item."""
        items, targets = self.inner.cost(params["items"]), Budget.of(params["targets"])
        return Budget(items.scalars + targets.scalars, items.bytes + targets.bytes)
