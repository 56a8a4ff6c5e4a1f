"""The cart-pole of Barto, Sutton & Anderson (1983), in any number of dimensions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.learn.environments.contract import AbstractEnvironment, Step

GRAVITY, CART, POLE, HALF_LENGTH, FORCE, SECONDS = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02
"""Metres a second squared, kilogrammes, metres, newtons, and the time of a step."""
FURTHEST, STEEPEST = 2.4, 12 * 2 * math.pi / 360
"""Metres from the middle and radians from upright at which an episode is over."""
AROUND = 0.05
"""Episodes start with every number drawn from U(-AROUND, AROUND)."""

NUMBERS = ("position", "velocity", "angle", "angular velocity")
"""What a state has along each dimension, in metres, radians and seconds."""

States = Float[Tensor, "*run dimension 4"]
"""Position, velocity, angle and angular velocity along each dimension."""


@dataclass(frozen=True)
class CartPole(AbstractEnvironment):
    """A pole upright on a cart that is pushed along one of `dimensions` directions at each step.

    Each direction is a cart-pole of its own (Wilhelm & Ventura 2025); with one, it is CartPole-v1 of gymnasium, step
    for step. Action k pushes along direction k // 2, with a positive force where k is odd; along the others nothing
    pushes. The reward is 1 a step; an episode is over when the cart has left the track or a pole has fallen along any
    direction, and is cut off after 500 steps.
    """

    dimensions: int = 1

    def __post_init__(self) -> None:
        at_least(self, 1, "dimensions")

    @property
    def name(self) -> str:  # type: ignore[override]
        """With its dimensions where there are several."""
        return "cartpole" if self.dimensions == 1 else f"cartpole-{self.dimensions}d"

    @property
    def observation(self) -> int:
        """Four numbers a dimension."""
        return 4 * self.dimensions

    @property
    def names(self) -> tuple[str, ...]:
        """Those along each dimension."""
        along = [""] if self.dimensions == 1 else [f" along {place + 1}" for place in range(self.dimensions)]
        return tuple(number + each for each in along for number in NUMBERS)

    @property
    def actions(self) -> int:
        """Two a dimension."""
        return 2 * self.dimensions

    @property
    def longest(self) -> int:
        """As CartPole-v1."""
        return 500

    def start(self, count: int, key: Key) -> States:
        """Near upright, near the middle, nearly still."""
        return (2 * key.uniform(count, self.dimensions, 4) - 1) * AROUND

    def observe(self, state: States) -> Float[Tensor, "*run number"]:
        """All of it."""
        return state.flatten(-2)

    def step(self, state: States, action: Int[Tensor, "*run"]) -> Step:
        """The states a step of Euler's method later."""
        pushed = torch.arange(self.dimensions, device=state.device) == (action // 2)[..., None]
        force = torch.where(pushed, (2 * (action % 2) - 1)[..., None] * FORCE, 0.0).to(state)
        place, speed, angle, turning = state.unbind(-1)
        sine, cosine = angle.sin(), angle.cos()
        mass = CART + POLE
        pulled = (force + POLE * HALF_LENGTH * turning**2 * sine) / mass
        swing = (GRAVITY * sine - cosine * pulled) / (HALF_LENGTH * (4 / 3 - POLE * cosine**2 / mass))
        thrust = pulled - POLE * HALF_LENGTH * swing * cosine / mass
        after = torch.stack(
            [
                place + SECONDS * speed,
                speed + SECONDS * thrust,
                angle + SECONDS * turning,
                turning + SECONDS * swing,
            ],
            -1,
        )
        over = ((after[..., 0].abs() > FURTHEST) | (after[..., 2].abs() > STEEPEST)).any(-1)
        return Step(after, torch.ones_like(after[..., 0, 0]), over)
