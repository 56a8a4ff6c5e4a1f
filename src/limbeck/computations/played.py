"""Episodes of a policy that was trained."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.record import END
from limbeck.computations.training import FORWARD, STEP, Training
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.environments import played, world_of
from limbeck.learn.population import operations, read


@dataclass(frozen=True)
class Played(AbstractComputation):
    """Episodes of the policy that a training came to, and the first of them step by step.

    Their starts and their luck depend on the task and the split alone, so that policies are compared under equal ones.
    The outcome is "returns" (episode,), "steps" (episode,), "seen" (step, number), what the policy saw in the first
    episode, and "actions" (step,), what it did.
    """

    doing = "playing episodes"

    training: Training
    step: int = END
    """Of the training, one of those that it keeps."""
    episodes: int = 20

    @property
    def depends_on_set(self) -> bool:
        """Where the training does."""
        return self.training.depends_on_set

    def needs(self) -> tuple[AbstractComputation, ...]:
        """The training."""
        return (self.training,)

    def passes(self, context: ProbeContext) -> float:
        """A small forward pass for each step of an episode."""
        return world_of(context.problem.task, "episodes").longest * FORWARD / STEP

    def flops(self, context: ProbeContext) -> float:
        """The operations of the passes."""
        return (
            FORWARD * operations(context.problem) * self.episodes * world_of(context.problem.task, "episodes").longest
        )

    def run(self, context: ProbeContext) -> Tree:
        """Play all side by side."""
        world, problem = world_of(context.problem.task, "episodes"), context.problem
        step = self.training.last_kept(context) if self.step == END else self.step
        learner = self.training.kept(context, step)

        def policy(seen: Tensor) -> Tensor:
            return read(problem, learner, seen.float()).outputs.cpu()

        luck = Key(("control", world.name, context.split, "evaluate"))
        moments = list(played(world, policy, world.start(self.episodes, luck), luck))
        alive = torch.stack([moment.alive for moment in moments])
        first = alive[:, 0]
        return {
            "returns": torch.stack([moment.reward for moment in moments]).double().sum(0),
            "steps": alive.sum(0),
            "seen": torch.stack([moment.seen[0] for moment in moments])[first].double(),
            "actions": torch.stack([moment.action[0] for moment in moments])[first],
        }
