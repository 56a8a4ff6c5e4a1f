"""What somebody did, as archives of transitions: on the cart-pole, and where a point is pushed back to the middle."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy
import torch

from limbeck.core.key import Key
from limbeck.learn.environments import CartPole
from limbeck.tasks import load

KEY = Key(("recordings",))


@functools.cache
def choices(episodes: int = 60, erring: float = 0.5) -> dict[str, Any]:
    """A controller of the cart-pole that often acts by chance, each episode after the other."""
    world, controller = CartPole(), load("cartpole").controller  # type: ignore[attr-defined]
    state, alive = world.start(episodes, KEY), torch.ones(episodes, dtype=torch.bool)
    rows: list[tuple[torch.Tensor, ...]] = []
    for step in range(world.longest):
        seen, luck = world.observe(state), KEY.fold(step)
        action = torch.where(
            luck.fold("errs").uniform(episodes) < erring, luck.fold("action").integers(2, episodes), controller(seen)
        )
        state, reward, over = world.step(state, action)
        cut = ~over & (step + 1 == world.longest)
        rows.append((seen, action, reward, over.long(), cut.long(), alive))
        alive = alive & ~over
    kept = torch.stack([row[-1] for row in rows], 1)
    names = ("observations", "actions", "rewards", "terminals", "timeouts")
    leaves = [torch.stack([row[place] for row in rows], 1)[kept] for place in range(len(names))]
    return {name: leaf.numpy() for name, leaf in zip(names, leaves, strict=True)}


@functools.cache
def numbers(episodes: int = 20, steps: int = 12) -> dict[str, Any]:
    """Pushes in two directions, linear in three observed numbers; an episode is cut off, never over."""
    seen = KEY.fold("seen").normal(episodes * steps, 3)
    pushes = seen @ torch.tensor([[-0.5, 0.0], [0.2, -0.4], [0.0, 0.3]])
    ends = torch.zeros(episodes, steps)
    return {
        "observations": seen.numpy(),
        "actions": pushes.numpy(),
        "rewards": -seen.square().sum(1).numpy(),
        "terminals": ends.flatten().numpy(),
        "timeouts": torch.cat([ends[:, 1:], torch.ones(episodes, 1)], 1).flatten().numpy(),
    }


def write(path: Path, arrays: dict[str, Any], **changed: Any) -> str:
    """The name of an archive of those arrays, of which some are changed; None: left out."""
    numpy.savez(path, **{name: array for name, array in {**arrays, **changed}.items() if array is not None})
    return f"npz:{path}"
