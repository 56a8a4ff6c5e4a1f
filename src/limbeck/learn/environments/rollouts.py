"""Episodes of policies, many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from limbeck.core.key import Key
from limbeck.core.later import without_gradients
from limbeck.core.placing import onto
from limbeck.learn.environments.contract import AbstractEnvironment

Policy = Callable[[Tensor], Tensor]
"""policy(observations (*run, number)) -> the logarithms of unnormalised probabilities (*run, action)."""


class Moment(NamedTuple):
    """A step of all episodes."""

    seen: Float[Tensor, "*run number"]
    """What the policy saw."""
    action: Int[Tensor, "*run"]
    reward: Float[Tensor, "*run"]
    """What came of it; 0 where the episode was over before."""
    alive: Bool[Tensor, "*run"]
    """Whether the episode was not yet over before the step."""


@without_gradients
def played(
    environment: AbstractEnvironment, policy: Policy, start: Tensor, key: Key, greedy: bool = False
) -> Iterator[Moment]:
    """An episode from each of `start`, step by step, until all are over or cut off; where the environment keeps them.

    Actions are drawn from the policy by the key, the same for all but the last axis of `run`, so that policies are
    compared under equal luck; `greedy` takes the likeliest.
    """
    state, alive = environment.begin(start), None
    for number in range(environment.longest):
        seen = environment.observe(state)
        outputs = policy(seen)
        action = outputs.argmax(-1) if greedy else sampled(outputs, key.fold("action", number))
        state, reward, over = environment.step(state, action)
        if alive is None:
            alive = torch.ones_like(over)
        yield Moment(seen, action, reward * alive, alive)
        alive = alive & ~over
        if not bool(alive.any()):
            break


def returns(
    environment: AbstractEnvironment, policy: Policy, start: Tensor, key: Key, greedy: bool = False
) -> Float[Tensor, "*run"]:
    """The sum of rewards of an episode from each of `start`, as `played`."""
    moments = played(environment, policy, start, key, greedy)
    total = next(moments).reward
    for moment in moments:
        total = total + moment.reward
    return total


def sampled(outputs: Float[Tensor, "*run action"], key: Key) -> Int[Tensor, "*run"]:
    """An action of each from its probabilities, by the draws of the last axis of `run`."""
    luck = onto(key.uniform(*outputs.shape[-2:]).to(outputs.dtype), outputs.device)
    # The largest of logits and Gumbel noise falls on each action with its probability.
    return (outputs - (-luck.clamp(min=1e-12).log()).clamp(min=1e-12).log()).argmax(-1)
