"""How a network is trained on real data between two steps of a set."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from limbeck.core.contracts import AbstractAugmentation, Problem
from limbeck.core.expect import AbstractPart, at_least
from limbeck.core.family import VALUES
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.augment import Siamese
from limbeck.learn.compiled import gradient_function_of
from limbeck.learn.optim import SGD
from limbeck.learn.training import Learner
from limbeck.learn.views import CutMix, InTurn


@VALUES.register
@dataclass(frozen=True)
class RealTraining(AbstractPart):
    """Some steps on real examples after each step of the set (Kim et al., ICML 2022).

    Each sees a batch of its own with equally many examples of every class, each augmented by itself. The velocity of
    the optimizer is kept from one step of the set to the next, and is new where the network is.
    """

    steps: int = 32
    batch: int = 64
    """Real examples of a step, rounded up to equally many of every class."""
    optimizer: SGD = SGD(learning_rate=0.01, momentum=0.9, weight_decay=5e-4)
    augment: AbstractAugmentation | None = InTurn((Siamese(("color",)), Siamese(("crop",)), CutMix(0.5)))

    def __post_init__(self) -> None:
        at_least(self, 1, "steps", "batch")

    def train(self, problem: Problem, learner: Learner, velocity: Tree, key: Key) -> tuple[Learner, Tree]:
        """The learner and the velocity after so many steps."""
        task, gradient_of = problem.task, gradient_function_of(problem)
        for step in range(self.steps):
            at = key.fold(step)
            real = problem.real(at.fold("real"), -(-self.batch // len(task.classes)))
            if self.augment is not None:
                real = task.augment(real, at.fold("augment"), torch.arange(len(real.classes)), self.augment)
            gradients, statistics = gradient_of(learner, real)
            params, velocity = self.optimizer.step(learner.params, gradients, velocity)
            learner = Learner(params, statistics)
        return learner, velocity
