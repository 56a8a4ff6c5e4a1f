"""What somebody did on the cart-pole, as an archive of transitions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import torch

from limbeck.core.key import Key
from limbeck.learn.environments import CartPole
from limbeck.tasks import load

KEY = Key(("recordings",))


def arrays(episodes: int = 60, erring: float = 0.5) -> dict[str, Any]:
    """Observations, actions, rewards, terminals and timeouts of a controller that often acts by chance."""
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


def write(path: Path, **changed: Any) -> Path:
    """An archive of those, of which some are changed; None: left out."""
    found = {name: array for name, array in {**arrays(), **changed}.items() if array is not None}
    numpy.savez(path, **found)
    return path
