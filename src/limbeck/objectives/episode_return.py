"""What policies that are trained on a set gather in a world: the task itself, which has no derivative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractObjective, Batch, Problem, Synthetic
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.environments import returns, world_of
from limbeck.learn.sensitivity import mean_loss
from limbeck.learn.training import rows_of


@dataclass(frozen=True)
class EpisodeReturn(AbstractObjective):
    """Less the mean return of policies that were trained on the set by its schedule (Lupu et al., ICLR 2024).

    loss = - mean over `learners` initialisations and `episodes` starts of the sum of rewards of an episode, over the
    most steps that one takes; actions are drawn from the policy. It has no derivative: choose --estimator evolution.
    The candidates of an estimate meet equal initialisations, starts and luck, and are trained and run side by side.
    """

    learners: int = 2
    """Initialisations that a loss is over, drawn anew for each step."""
    episodes: int = 4
    """Episodes of each."""

    def __post_init__(self) -> None:
        at_least(self, 1, "learners", "episodes")

    def init(self, problem: Problem, key: Key) -> Tree:
        """Nothing is remembered; InputError for a task without episodes."""
        world_of(problem.task, "objective episode-return")
        return {}

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """Less the mean return, over the longest episode."""
        return self.losses(state, problem, [synthetic], key)[0]

    def losses(
        self, state: Tree, problem: Problem, candidates: Sequence[Synthetic], key: Key
    ) -> Float[Tensor, " candidate"]:
        """The loss of each of several sets, under equal draws."""
        world = world_of(problem.task, "objective episode-return")
        networks = [
            tree.move(problem.network.init(key.fold("network", number)), problem.device)
            for number in range(self.learners)
        ]
        params = trained(problem, tree.map(lambda *leaves: torch.stack(leaves), *networks), candidates)

        def policy(seen: Tensor) -> Tensor:
            # (candidate, learner, episode, number): one pass for all.
            seen = seen.to(problem.device).float()
            return torch.func.vmap(torch.func.vmap(lambda at, inputs: problem.network.apply(at, inputs).outputs))(
                params, seen
            )

        start = world.start(self.episodes, key.fold("start")).to(problem.device)
        start = start.expand(len(candidates), self.learners, *start.shape)
        found = returns(world, policy, start, key.fold("luck")).to(problem.device)
        return -found.mean((1, 2)) / world.longest

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        """Nothing changes."""
        return state


def trained(problem: Problem, starts: Tree, candidates: Sequence[Synthetic]) -> Tree:
    """The parameters (candidate, learner, ...) of learners from `starts` (learner, ...) on each set, by its schedule.

    The sets have as many items each and see them in one order; their rates may differ.
    """
    batches = [each.batch for each in candidates]
    schedule = candidates[0].schedule
    rates = torch.stack([each.schedule.learning_rates for each in candidates])
    stacked = tree.map(lambda *leaves: torch.stack(leaves), *batches)
    slope = torch.func.grad(mean_loss(problem.task, problem.network, schedule.loss))

    def one(params: Tree, batch: Batch, rates: Tensor) -> Tree:
        state = schedule.rule.init(params)
        for step in range(len(rates)):
            shown = problem.task.take(batch, rows_of(schedule, step))
            params, state = schedule.rule.update(params, slope(params, shown), state, rates[step])
        return params

    over_learners = torch.func.vmap(one, (0, None, None))
    with torch.no_grad():
        return torch.func.vmap(over_learners, (None, 0, 0))(starts, stacked, rates)
