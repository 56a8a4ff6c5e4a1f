"""Episodes of policies, many at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.key import Key
from limbeck.learn.environments.contract import AbstractEnvironment

Policy = Callable[[Tensor], Tensor]
"""policy(observations (*run, number)) -> the logarithms of unnormalised probabilities (*run, action)."""


@torch.no_grad()
def returns(
    environment: AbstractEnvironment, policy: Policy, start: Tensor, key: Key, greedy: bool = False
) -> Float[Tensor, "*run"]:
    """The sum of rewards of an episode from each of `start`, where the environment keeps rewards.

    Actions are drawn from the policy by the key, the same for all but the last axis of `run`, so that policies are
    compared under equal luck; `greedy` takes the likeliest. Ends when all episodes are over, or cut off.
    """
    state, total, alive = environment.begin(start), None, None
    for number in range(environment.longest):
        outputs = policy(environment.observe(state))
        action = outputs.argmax(-1) if greedy else sampled(outputs, key.fold("action", number))
        state, reward, over = environment.step(state, action)
        if total is None or alive is None:
            total, alive = torch.zeros_like(reward), torch.ones_like(over)
        total = total + reward * alive
        alive = alive & ~over
        if not bool(alive.any()):
            break
    assert total is not None
    return total


def sampled(outputs: Float[Tensor, "*run action"], key: Key) -> Int[Tensor, "*run"]:
    """An action of each from its probabilities, by the draws of the last axis of `run`."""
    luck = key.uniform(*outputs.shape[-2:]).to(outputs)
    # The largest of logits and Gumbel noise falls on each action with its probability.
    return (outputs - (-luck.clamp(min=1e-12).log()).clamp(min=1e-12).log()).argmax(-1)
