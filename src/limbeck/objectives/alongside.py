"""What objectives have in common whose network learns beside the set: what it sees, and when a fresh one comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import Batch, Problem
from limbeck.core.key import Key
from limbeck.core.later import without_gradients
from limbeck.core.placing import onto
from limbeck.core.tree import Tree
from limbeck.learn.microbatches import microbatch_limit


class Plateau(NamedTuple):
    """The errors of late, and how long ago their mean was lowest. On the CPU, as Python decides by it."""

    errors: Float[Tensor, " recent"]
    """The latest at the end; NaN where there was none yet."""
    lowest: Float[Tensor, ""]
    """The lowest mean over a full window."""
    since: Int[Tensor, ""]
    """Steps since."""

    @classmethod
    def begun(cls, window: int) -> Plateau:
        """Nothing is known."""
        unknown = torch.full((window,), torch.nan, dtype=torch.float64)
        return cls(unknown, torch.tensor(torch.inf, dtype=torch.float64), torch.tensor(0))

    def after(self, error: float) -> Plateau:
        """With one more error.

        >>> round(Plateau.begun(2).after(0.5).after(0.25).after(0.75).lowest.item(), 3)
        0.375
        """
        errors = torch.cat([self.errors[1:], torch.tensor([error], dtype=torch.float64)])
        mean = errors.mean()
        if bool(mean.isnan()):
            return self._replace(errors=errors)
        if bool(mean < self.lowest):
            return Plateau(errors, mean, torch.tensor(0))
        return Plateau(errors, self.lowest, self.since + 1)

    @property
    def reached(self) -> bool:
        """Whether the mean has not been lower for more steps than the window has."""
        return int(self.since) > len(self.errors)


def drawn_items(batch: Batch, count: int, key: Key) -> Int[Tensor, " item"]:
    """The rows of `count` items that a step sees; of all, where there are fewer."""
    return key.fold("items").permutation(len(batch.classes))[:count]


@without_gradients
def misnamed(problem: Problem, real: Batch, outputs_of: Callable[[Tree], Tensor]) -> float:
    """The share of real examples whose largest output is not that of their class."""
    parts = tree.split(real.inputs, microbatch_limit(problem, len(real.classes)))
    named = torch.cat([outputs_of(inputs).argmax(1) for inputs in parts])
    return tree.read((named != onto(real.classes, named.device)).float().mean())
