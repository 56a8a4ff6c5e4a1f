"""What examples do to others of their own class and of other classes, from a matrix of influences."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from limbeck.statistics.repeatability import finite_mean

TOP10, TOP100 = "in class of top 10", "in class of top 100"
NAMES = ("mean influence in class", "mean influence out of class", TOP10, TOP100)
"""What the numbers of each example are called, after its class."""


class Effects(NamedTuple):
    """What examples do to evaluation examples of their own class and of others, one number for each."""

    classes: Int[Tensor, " item"]
    own: Float[Tensor, " item"]
    """The mean influence on evaluation examples of the item's class; NaN where there are none."""
    others: Float[Tensor, " item"]
    top10: Float[Tensor, " item"]
    """The share of the item's class among the 10 evaluation examples that it helps most."""
    top100: Float[Tensor, " item"]

    @classmethod
    def of(
        cls,
        influence: Float[Tensor, "item example"],
        classes: Int[Tensor, " item"],
        own: Bool[Tensor, "item example"],
    ) -> Effects:
        """The effects of examples of those classes; `own` says which evaluation examples are of an item's class."""
        order = influence.argsort(dim=1, descending=True, stable=True)
        tops = [own.gather(1, order[:, :most]).double().mean(1) for most in (10, 100)]
        means = [(influence * side).sum(1) / side.sum(1) for side in (own, ~own)]
        return cls(classes, *means, *tops)

    def of_one(self, index: int) -> tuple[float | None, float | None, float | None, float | None]:
        """The numbers of one example, in the order of `NAMES`; None where one is not finite."""
        own, others, top10, top100 = (
            float(values[index]) if bool(torch.isfinite(values[index])) else None for values in self[1:]
        )
        return own, others, top10, top100

    def means(self) -> dict[str, float]:
        """The means over examples, by name."""
        numbers = (self.own, self.others, self.top10, self.top100)
        return {name: finite_mean(values) for name, values in zip(NAMES, numbers, strict=True)}
