"""What acts in a world: states, discrete actions, and rewards until it is over."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NamedTuple

from jaxtyping import Bool, Float, Int
from torch import Tensor

from limbeck.core.expect import AbstractPart
from limbeck.core.key import Key


class Step(NamedTuple):
    """What an action comes to."""

    state: Any
    """The states after it."""
    reward: Float[Tensor, "*run"]
    over: Bool[Tensor, "*run"]
    """Whether an episode is over."""


class AbstractEnvironment(AbstractPart):
    """Many episodes at once, each by itself: states are batched along any leading axes `run`."""

    name: str
    """What it is called, with its version."""

    @property
    @abstractmethod
    def observation(self) -> int:
        """How many numbers a policy sees."""

    @property
    @abstractmethod
    def actions(self) -> int:
        """How many actions there are."""

    @property
    @abstractmethod
    def longest(self) -> int:
        """After how many steps an episode is cut off."""

    @abstractmethod
    def start(self, count: int, key: Key) -> Any:
        """The states in which `count` episodes begin, drawn by the key."""

    @abstractmethod
    def observe(self, state: Any) -> Float[Tensor, "*run number"]:
        """What a policy sees of each state."""

    @abstractmethod
    def step(self, state: Any, action: Int[Tensor, "*run"]) -> Step:
        """What an action in each state comes to."""
