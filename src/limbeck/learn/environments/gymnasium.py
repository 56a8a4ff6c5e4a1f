"""Environments of the package gymnasium, stepped one by one on the CPU."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from limbeck.core.errors import InputError, unknown
from limbeck.core.key import Key
from limbeck.learn.environments.cartpole import NUMBERS
from limbeck.learn.environments.contract import AbstractEnvironment, Step

PREFIX = "gym:"
UNLIMITED = 1000
"""Steps after which an episode is cut off where the environment itself has no limit."""
SEEDS = 2**31
"""Episodes are seeded by numbers below this."""


class Running(NamedTuple):
    """Episodes on their way. Their worlds move on with each step, so each value of this is used once."""

    worlds: tuple[Any, ...]
    """One for each episode, in the order of `seen` laid flat."""
    seen: Float[Tensor, "*run number"]
    """What a policy sees now, on the CPU."""
    over: Bool[Tensor, "*run"]
    """Whether each is over, on the CPU."""


@dataclass(frozen=True)
class Gymnasium(AbstractEnvironment):
    """An environment of gymnasium (Towers et al., 2024) with discrete actions, whose observations are a row of numbers.

    An episode begins with a seed, by which the environment draws whatever it draws, so episodes of equal seeds and
    equal actions are equal. It is over when the environment ends it or cuts it off; one that has no limit of its own is
    cut off after 1,000 steps. Raises InputError where gymnasium is not installed or has no such environment, where that
    cannot be made, and for other actions and observations than these.
    """

    id: str = "CartPole-v1"
    """Its name in the registry of gymnasium, with its version."""

    def __post_init__(self) -> None:
        self._check_spaces()

    @property
    def name(self) -> str:  # type: ignore[override]
        """With its kind."""
        return f"{PREFIX}{self.id}"

    @property
    def observation(self) -> int:
        """The length of the row."""
        return int(self._one.observation_space.shape[0])

    @property
    def names(self) -> tuple[str, ...]:
        """Those of the cart-pole; what others see has no names in gymnasium."""
        return NUMBERS if self.id.startswith("CartPole-") else super().names

    @property
    def actions(self) -> int:
        """Those of its space."""
        return int(self._one.action_space.n)

    @functools.cached_property
    def longest(self) -> int:
        """Its own limit, else 1,000."""
        return int(self._spec.max_episode_steps or UNLIMITED)

    def start(self, count: int, key: Key) -> Int[Tensor, " episode"]:
        """A seed for each episode."""
        return key.integers(SEEDS, count)

    def begin(self, start: Int[Tensor, "*run"]) -> Running:
        """Worlds of their own, each reset by its seed."""
        seeds = start.flatten().tolist()
        worlds = tuple(self._make(self._spec) for _ in seeds)
        rows = [world.reset(seed=seed)[0] for world, seed in zip(worlds, seeds, strict=True)]
        return Running(worlds, self._seen(rows, start.shape), torch.zeros(start.shape, dtype=torch.bool))

    def again(self, state: Running, over: Bool[Tensor, "*run"], start: Int[Tensor, "*run"]) -> Running:
        """New episodes where they are over, which go on with the draws of those before them."""
        seen = state.seen.clone()
        rows = seen.view(-1, self.observation)
        for place in over.flatten().nonzero()[:, 0].tolist():
            rows[place] = torch.as_tensor(state.worlds[place].reset()[0])
        return Running(state.worlds, seen, state.over & ~over)

    def observe(self, state: Running) -> Float[Tensor, "*run number"]:
        """The last observations, in single precision."""
        return state.seen

    def step(self, state: Running, action: Int[Tensor, "*run"]) -> Step:
        """What the worlds make of it; where an episode is over nothing happens, and the reward is 0."""
        first, seen, over = int(self._one.action_space.start), state.seen.clone(), state.over.clone()
        reward = torch.zeros(over.shape)
        # The same memory: through torch a step of CartPole-v1 takes 14 us on one core, so 8.
        rows, ends, gains = seen.view(-1, self.observation).numpy(), over.view(-1).numpy(), reward.view(-1).numpy()
        for place, (chosen, ended) in enumerate(zip(action.flatten().tolist(), ends.tolist(), strict=True)):
            if not ended:
                rows[place], gains[place], terminated, truncated, _ = state.worlds[place].step(first + chosen)
                ends[place] = terminated or truncated
        return Step(Running(state.worlds, seen, over), reward, over)

    def _seen(self, rows: list[Any], run: torch.Size) -> Float[Tensor, "*run number"]:
        return torch.stack([torch.as_tensor(row).float() for row in rows]).reshape(*run, self.observation)

    @functools.cached_property
    def _spec(self) -> Any:
        try:
            import gymnasium
        except ImportError as error:
            raise InputError(
                f"{self.name} acts in an environment of gymnasium, which is not installed; "
                'run pip install "limbeck[gym]"'
            ) from error
        if self.id not in gymnasium.registry:
            raise unknown("environment of gymnasium", self.id, gymnasium.registry)
        return gymnasium.registry[self.id]

    def _make(self, spec: Any) -> Any:
        import gymnasium

        return gymnasium.make(spec, max_episode_steps=self.longest, disable_env_checker=True)

    @functools.cached_property
    def _one(self) -> Any:
        """A world that is only looked at."""
        spec = self._spec
        try:
            return self._make(spec)
        except Exception as error:  # whatever the code of an environment raises
            why = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(
                f"{self.name}: gymnasium cannot make it ({why}); install what it needs, or choose another"
            ) from error

    def _check_spaces(self) -> None:
        actions, seen = self._one.action_space, self._one.observation_space
        from gymnasium.spaces import Box, Discrete

        if not isinstance(actions, Discrete):
            kind = "continuous actions" if isinstance(actions, Box) else "actions of another kind"
            raise InputError(
                f"{self.name}: found {kind}, {actions}, expected discrete ones; choose another environment"
            )
        if not isinstance(seen, Box) or len(seen.shape) != 1:
            images = isinstance(seen, Box)
            found = f"images or the like, of shape {seen.shape}" if images else f"of the kind {type(seen).__name__}"
            raise InputError(
                f"{self.name}: found observations {found}, expected a row of numbers (a Box of one axis); "
                "choose another environment"
            )
