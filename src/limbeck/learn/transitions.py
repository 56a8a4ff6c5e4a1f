"""What somebody did in a world: observations, actions, rewards, and what came of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Transitions:
    """Recorded steps in the order of their episodes; rows are those of a task's training examples."""

    observations: Float[Tensor, "row number"]
    actions: Float[Tensor, "row output"]
    """A choice as weights over all choices, or an action's numbers."""
    rewards: Float[Tensor, " row"]
    after: Float[Tensor, "row number"]
    """The observation that followed; where none was recorded, any."""
    followed: Bool[Tensor, " row"]
    """Whether an observation that followed was recorded, or the episode was over for good."""
    over: Bool[Tensor, " row"]
    """Whether the episode was over for good, so that nothing more was to be gathered."""
    last: Bool[Tensor, " row"]
    """Whether it is the last row of its episode, over or cut off."""
    discrete: bool
    """Whether actions are choices."""
    policy: Float[Tensor, "row output"] | None = None
    """What an expert would do at each observation, as `actions`; None: nobody said."""
    values: Float[Tensor, " row"] | None = None
    """What the expert would gather from there on, its action taken first; None: nobody said."""

    def to(self, device: torch.device) -> Transitions:
        """All of it on a device."""
        return self._each(lambda leaf: leaf.to(device))

    def rows(self, index: Int[Tensor, " some"]) -> Transitions:
        """Those rows."""
        return self._each(lambda leaf: leaf[index])

    def _each(self, change: Callable[[Tensor], Tensor]) -> Transitions:
        leaves: dict[str, Any] = {
            name: change(value) for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, **leaves)

    def returns(self, discount: float) -> Float[Tensor, " row"]:
        """The rewards from each row to the last of its episode, each step's worth `discount` of the step before."""
        total, found = 0.0, []
        for reward, last in zip(self.rewards.flip(0).tolist(), self.last.flip(0).tolist(), strict=True):
            total = reward + discount * total * (not last)
            found.append(total)
        return torch.tensor(found[::-1]).to(self.rewards)
