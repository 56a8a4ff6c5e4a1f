"""What policies do step by step, what comes of it, and how much better than expected that was."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.key import Key
from limbeck.core.later import without_gradients
from limbeck.core.placing import onto
from limbeck.learn.environments.contract import AbstractEnvironment
from limbeck.learn.environments.rollouts import Policy, sampled


class Runs(NamedTuple):
    """Episodes under way, side by side."""

    state: Any
    """A tree of tensors with a first axis `run`."""
    age: Int[Tensor, " run"]
    """Steps since the episode of each began."""


class Transitions(NamedTuple):
    """Steps of episodes: an episode follows the one before it along `step`."""

    observation: Float[Tensor, "step run number"]
    action: Int[Tensor, "step run"]
    log_probability: Float[Tensor, "step run"]
    """Of the action under the policy that took it, in nats."""
    reward: Float[Tensor, "step run"]
    following: Float[Tensor, "step run number"]
    """What is seen after the step, before another episode begins."""
    over: Bool[Tensor, "step run"]
    """Whether nothing can follow, so that what follows is worth nothing."""
    ended: Bool[Tensor, "step run"]
    """Whether the next step is of another episode: this one is over, or cut off."""


def begun(environment: AbstractEnvironment, count: int, key: Key, like: Tensor) -> Runs:
    """`count` episodes before their first steps, of the type and on the device of `like`."""
    start = tree.map(lambda leaf: onto(leaf.to(like.dtype), like.device), environment.start(count, key))
    return Runs(start, torch.zeros(count, dtype=torch.int64, device=like.device))


@without_gradients
def gather(
    environment: AbstractEnvironment, policy: Policy, runs: Runs, steps: int, key: Key
) -> tuple[Transitions, Runs]:
    """`steps` steps of every run, a new episode beginning where one ends; and the runs after them.

    The key draws actions from the policy, and where episodes begin. Nothing is read from the device.
    """
    state, age = runs
    taken: list[Transitions] = []
    for number in range(steps):
        seen = environment.observe(state)
        outputs = policy(seen)
        action = sampled(outputs, key.fold("action", number))
        after, reward, over = environment.step(state, action)
        ended = over | (age + 1 >= environment.longest)
        chosen = log_probability(outputs, action)
        taken.append(Transitions(seen, action, chosen, reward, environment.observe(after), over, ended))
        fresh = begun(environment, len(age), key.fold("start", number), seen)
        state, age = tree.map(lambda new, old, ended=ended: _where(ended, new, old), fresh, Runs(after, age + 1))
    made = Transitions(*(torch.stack(column) for column in zip(*taken, strict=True)))
    return made, Runs(state, age)


def log_probability(outputs: Float[Tensor, "*run action"], action: Int[Tensor, "*run"]) -> Float[Tensor, "*run"]:
    """The logarithm of the probability of each action under a policy's outputs, normalised over actions."""
    return outputs.log_softmax(-1).gather(-1, action[..., None])[..., 0]


def entropy(outputs: Float[Tensor, "*run action"]) -> Float[Tensor, "*run"]:
    """The entropy of a policy's actions, in nats; differentiable in its outputs."""
    logarithms = outputs.log_softmax(-1)
    return -(logarithms.exp() * logarithms).sum(-1)


def advantages(
    made: Transitions,
    value: Float[Tensor, "step run"],
    following: Float[Tensor, "step run"],
    discount: float,
    trace: float,
) -> Float[Tensor, "step run"]:
    """Generalised advantages (Schulman et al., ICLR 2016) under the values of what is seen at and after each step.

    A_t = sum over the later steps u of t's episode of (discount * trace)^(u - t) d_u, where
    d_u = reward_u + discount * following_u (nothing where it is over) - value_u. An episode that is cut off goes on in
    the value of what follows. One product for each run, in memory of steps^2 numbers.
    """
    surprise = made.reward + discount * following * ~made.over - value
    steps = torch.arange(len(surprise), device=surprise.device)
    apart = steps - steps[:, None]
    # How many episodes ended before each step.
    episode = made.ended.cumsum(0) - made.ended.long()
    together = (episode == episode[:, None]) & (apart >= 0)[..., None]
    weight = (discount * trace) ** apart.clamp(min=0)[..., None].to(surprise) * together
    return torch.einsum("tur,ur->tr", weight, surprise)


def _where(chosen: Bool[Tensor, " run"], new: Tensor, old: Tensor) -> Tensor:
    """The rows of `new` that are chosen, and those of `old` that are not."""
    return torch.where(chosen.reshape(-1, *[1] * (old.dim() - 1)), new, old)
