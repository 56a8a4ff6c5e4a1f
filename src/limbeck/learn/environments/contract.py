"""What acts in a world: states, discrete actions, and rewards until it is over."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError
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
    """Many episodes at once, each by itself: states are batched along any leading axes `run`.

    Where episodes start is a tensor that can be expanded along further axes and moved; a state may be anything, and
    where it is no tensor, each is used once.
    """

    name: str
    """What it is called, with its version."""

    @property
    @abstractmethod
    def observation(self) -> int:
        """How many numbers a policy sees."""

    @property
    def names(self) -> tuple[str, ...]:
        """What each of them is."""
        return tuple(f"number {place}" for place in range(self.observation))

    @property
    @abstractmethod
    def actions(self) -> int:
        """How many actions there are."""

    @property
    @abstractmethod
    def longest(self) -> int:
        """After how many steps an episode is cut off."""

    @abstractmethod
    def start(self, count: int, key: Key) -> Tensor:
        """Where `count` episodes start (episode, ...), drawn by the key."""

    def begin(self, start: Tensor) -> Any:
        """The states of episodes that start there: here `start` itself."""
        return start

    def again(self, state: Any, over: Bool[Tensor, "*run"], start: Tensor) -> Any:
        """The states where episodes that are over have begun anew, from `start` where they are tensors."""
        return torch.where(over.reshape(*over.shape, *[1] * (state.dim() - over.dim())), start, state)

    @abstractmethod
    def observe(self, state: Any) -> Float[Tensor, "*run number"]:
        """What a policy sees of each state."""

    @abstractmethod
    def step(self, state: Any, action: Int[Tensor, "*run"]) -> Step:
        """What an action in each state comes to."""


def environment_of(task: AbstractTask) -> AbstractEnvironment | None:
    """What a task's policies act in; None for a task that has no episodes."""
    found = getattr(task, "environment", None)
    return found if isinstance(found, AbstractEnvironment) else None


def world_of(task: AbstractTask, asked_by: str) -> AbstractEnvironment:
    """What a task's policies act in; InputError, which says who asked, for a task that has no episodes."""
    world = environment_of(task)
    if world is None:
        raise InputError(f"{asked_by}: {task.name} has no episodes; expected a control task, such as cartpole")
    return world
