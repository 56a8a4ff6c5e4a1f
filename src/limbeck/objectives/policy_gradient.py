"""The clipped policy gradient of what a policy gathers that was trained on the set."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractNetwork, AbstractObjective, Batch, Problem, Synthetic
from limbeck.core.expect import at_least, expect, fraction, positive
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.compiled import training_loss
from limbeck.learn.environments import world_of
from limbeck.learn.environments.transitions import Runs, advantages, begun, entropy, gather, log_probability
from limbeck.learn.epochs import shuffled_order
from limbeck.learn.networks import vectors
from limbeck.learn.optim import Adam
from limbeck.learn.sensitivity import gradient
from limbeck.learn.unroll import InnerState, advance, initial_state, rows_of_view, unroll


class Rows(NamedTuple):
    """What a policy did, flat over steps and runs."""

    observation: Float[Tensor, "row number"]
    action: Int[Tensor, " row"]
    log_probability: Float[Tensor, " row"]
    """Of each action under the policy, in nats."""
    advantage: Float[Tensor, " row"]
    """Of mean 0 and standard deviation 1 over all rows that were gathered."""
    worth: Float[Tensor, " row"]
    """What the critic is to say: the discounted rewards to come, over those of a reward of 1 for ever."""


class Gathered(NamedTuple):
    """What one policy did, and in which order it is looked at."""

    start: Tree
    """The initialisation that the policy was trained from."""
    rows: Rows
    order: Int[Tensor, "step seen"]
    """The rows that each step of the set sees, on the CPU; -1 for none."""

    def seen(self, age: int) -> Rows:
        """What the step of the set at that age sees; the first after a gathering is at age 1."""
        row = self.order[(age - 1) % len(self.order)]
        shown: Rows = tree.rows(self.rows, row[row >= 0])
        return shown


class PolicyState(NamedTuple):
    """What was gathered last, the episodes under way, and the critic with the state of its optimizer."""

    gathered: Gathered
    runs: Runs
    critic: Tree
    optimizer: Tree
    age: Int[Tensor, ""]
    """Steps of the set so far, on the CPU."""


@dataclass(frozen=True)
class PolicyGradient(AbstractObjective):
    """Less the clipped policy gradient's gain, through training on the set (Wilhelm & Ventura, ECAI 2025).

    loss = - mean over rows of min(r A, clip(r, 1 - clip, 1 + clip) A) - entropy * mean over rows of H

    A policy is trained on the set by its schedule from a fresh initialisation, and acts for `steps` steps in each of
    `environments` environments, whose episodes go on from one gathering to the next. What it did are the rows of
    `epochs` shuffled passes in minibatches, one for each step of the set. r is the probability of an action under the
    policy that the set as it now is gives from the same initialisation, over that under the policy that took it, and
    H the entropy of the former, in nats (Schulman et al., PPO, 2017). A are generalised advantages under a critic,
    brought to mean 0 and standard deviation 1. After each step the critic learns from the same rows; after the last
    pass there is another gathering. Before the first step no set has acted yet: what is gathered for it is used once.
    """

    environments: int = 10
    """Environments that the policy acts in side by side."""
    steps: int = 200
    """Steps of each environment between two gatherings."""
    epochs: int = 4
    """Passes over what was gathered."""
    minibatch: int = 512
    """Rows that a step of the set sees."""
    clip: float = 0.2
    """How far from 1 a ratio may go and still count."""
    entropy: float = 0.01
    """The weight of the entropy."""
    discount: float = 0.99
    """What a reward is worth a step earlier."""
    trace: float = 0.95
    """How far advantages trust rewards rather than the critic, lambda; 1: wholly."""
    critic: Adam = Adam(learning_rate=1e-3)
    """What steps the critic."""

    def __post_init__(self) -> None:
        at_least(self, 1, "environments", "steps", "epochs", "minibatch")
        at_least(self, 0, "entropy", "trace")
        expect(self, "trace", self.trace <= 1, "a number from 0 to 1")
        positive(self, "clip")
        fraction(self, "discount")

    def init(self, problem: Problem, key: Key) -> PolicyState:
        """A fresh critic, episodes about to begin, nothing gathered; InputError for a task without episodes."""
        world, device, count = (
            world_of(problem.task, "objective policy-gradient"),
            problem.device,
            self.environments * self.steps,
        )
        critic = tree.move(critic_of(world.observation).init(key.fold("critic")), device)
        like = tree.leaves(critic)[0]
        none = like.new_zeros(count)
        rows = Rows(like.new_zeros(count, world.observation), none.long(), none, none, none)
        start = tree.map(torch.zeros_like, tree.move(problem.network.init(key), device))
        runs = begun(world, self.environments, key.fold("start"), like)
        gathered = Gathered(start, rows, self._order(key))
        return PolicyState(gathered, runs, critic, self.critic.init(critic), torch.tensor(0))

    def loss(self, state: PolicyState, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The loss of the rows whose turn it is."""
        age = int(state.age)
        gathered = state.gathered if age else self._gather(state, problem, synthetic, key.fold("first"))[0]
        shown = gathered.seen(age)
        policy = _trained(unroll, problem, synthetic, gathered.start)
        outputs = problem.network.apply(policy, shown.observation).outputs
        return clipped_loss(outputs, shown, self.clip) - self.entropy * entropy(outputs).mean()

    def advance(self, state: PolicyState, problem: Problem, synthetic: Synthetic, key: Key) -> PolicyState:
        """The state after the critic has learned, and after another gathering where the passes are over."""
        age = int(state.age)
        if age:
            state = self._learned(state)
        if age % len(state.gathered.order) == 0:
            gathered, runs = self._gather(state, problem, synthetic, key)
            state = state._replace(gathered=gathered, runs=runs)
        return state._replace(age=state.age + 1)

    def _gather(self, state: PolicyState, problem: Problem, synthetic: Synthetic, key: Key) -> tuple[Gathered, Runs]:
        """What a policy does that the set as shown gives from a fresh initialisation, and the episodes then."""
        start = tree.move(problem.network.init(key.fold("network")), problem.device)
        acting = _trained(advance, problem, synthetic, start)

        def policy(seen: Tensor) -> Tensor:
            return problem.network.apply(acting, seen).outputs

        made, runs = gather(
            world_of(problem.task, "objective policy-gradient"), policy, state.runs, self.steps, key.fold("act")
        )
        for_ever = 1 / (1 - self.discount)
        with torch.no_grad():
            value, following = (for_ever * worth(state.critic, seen) for seen in (made.observation, made.following))
        better = advantages(made, value, following, self.discount, self.trace)
        # A spread of zero, where nothing is better than anything else, stays zero.
        even = (better - better.mean()) / (better.std(correction=0) + 1e-8)
        columns = (made.observation, made.action, made.log_probability, even, (better + value) / for_ever)
        return Gathered(start, Rows(*(each.flatten(0, 1) for each in columns)), self._order(key)), runs

    def _order(self, key: Key) -> Int[Tensor, "step seen"]:
        """The rows of the steps between two gatherings: an epoch after the other."""
        count = self.environments * self.steps
        steps = self.epochs * -(-count // self.minibatch)
        return shuffled_order(count, self.minibatch, steps, key.fold("order")).expand(steps, -1)

    def _learned(self, state: PolicyState) -> PolicyState:
        """The state after a step of the critic."""
        shown = state.gathered.seen(int(state.age))
        batch = Batch(shown.observation, shown.worth, torch.zeros(len(shown.worth), dtype=torch.int64))
        slopes = gradient(_critic_error, state.critic, batch)
        critic, optimizer = self.critic.step(state.critic, slopes, state.optimizer)
        return state._replace(critic=critic, optimizer=optimizer)


def clipped_loss(outputs: Float[Tensor, "row action"], shown: Rows, clip: float) -> Float[Tensor, ""]:
    """Less the clipped gain of a policy with these outputs; the ratio is 1 for the policy that acted."""
    ratio = (log_probability(outputs, shown.action) - shown.log_probability).exp()
    return -torch.minimum(ratio * shown.advantage, ratio.clamp(1 - clip, 1 + clip) * shown.advantage).mean()


@functools.lru_cache(maxsize=4)
def critic_of(numbers: int) -> AbstractNetwork:
    """The network that says what is to come where so many numbers are seen."""
    return vectors("mlp-w64-tanh-orthogonal", numbers, 1)


def worth(critic: Tree, seen: Float[Tensor, "*run number"]) -> Float[Tensor, "*run"]:
    """What a critic says of states: the discounted rewards to come, over those of a reward of 1 for ever.

    So what it has to learn is near 1, however far it looks ahead.
    """
    return critic_of(seen.shape[-1]).apply(critic, seen.flatten(0, -2)).outputs.reshape(seen.shape[:-1])


def _critic_error(critic: Tree, batch: Batch) -> Tensor:
    """The mean squared error of a critic."""
    return (worth(critic, batch.inputs) - batch.targets).square().mean()


def _trained(by: Callable[..., InnerState], problem: Problem, synthetic: Synthetic, start: Tree) -> Tree:
    """The parameters that training on the set from `start` ends at: `by` advance without a graph, or by unroll."""
    loss, schedule = training_loss(problem.trained_by(synthetic.schedule)), synthetic.schedule
    view = rows_of_view(problem.task, synthetic)
    return by(loss, initial_state(start, schedule.rule), synthetic.source, schedule, view=view).params
