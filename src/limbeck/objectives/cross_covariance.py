"""Matching how the two embeddings of each example vary together, under networks that are trained on the real data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.contracts import AbstractAugmentation, AbstractObjective, Batch, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.optim import SGD
from limbeck.learn.training import Learner, fresh
from limbeck.objectives.real_training import RealTraining


class CovarianceState(NamedTuple):
    """The networks in training, and how many steps of the set they have seen."""

    learner: Learner
    velocity: Tree
    age: Int[Tensor, ""]
    """On the CPU."""


@dataclass(frozen=True)
class CrossCovariance(AbstractObjective):
    """Squared distance of cross-covariances of two embeddings (CovMatch, NeurIPS 2025).

    loss = || scale C_T - C_S ||_F^2 + weight ( || mean u_T - mean u_S ||^2 + || mean v_T - mean v_S ||^2 )

    u and v are the two embeddings of an example, as a network gives them (not brought to length 1), C the matrix
    mean (u - mean u) (v - mean v)^T, T a real batch and S the set. Where projections alone are trained under a small
    penalty on their squares, by InfoNCE at a high temperature, the product of those that a set leads to is its C over
    the weight of the penalty, so that sets of equal C lead to the same. After each step of the set the network takes
    steps on real examples; every `renewed` steps a fresh one takes its place. It asks for a task of pairs.
    """

    scale: float = 1.0
    """What the real covariance is multiplied by."""
    weight: float = 0.1
    """Of the distances of means."""
    per_class: int = 256
    """Real examples of each class that a step sees."""
    augment: AbstractAugmentation | None = None
    """How real examples and synthetic ones are varied alike."""
    training: RealTraining = field(
        default_factory=lambda: RealTraining(
            steps=1,
            batch=128,
            optimizer=SGD(learning_rate=0.01, momentum=0.9, weight_decay=5e-4),
            augment=None,
        )
    )
    """Of the networks, after each step of the set."""
    renewed: int = 50
    """Steps of the set for one network."""

    def __post_init__(self) -> None:
        at_least(self, 1, "per_class", "renewed")
        at_least(self, 0, "weight", "scale")

    def init(self, problem: Problem, key: Key) -> CovarianceState:
        """A fresh network; InputError for a task whose outputs are not two embeddings."""
        learner = fresh(problem.network, key.fold("network"), problem.device)
        self._sides(problem, learner, problem.real(key.fold("sides"), 1))
        return CovarianceState(learner, self.training.optimizer.init(learner.params), torch.tensor(0))

    def loss(self, state: CovarianceState, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The distance."""

        def seen(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
            shown = problem.task.augment(batch, key.fold("augment"), batch.classes, self.augment)
            return moments(*self._sides(problem, state.learner, shown))

        with torch.no_grad():
            real = seen(problem.real(key.fold("real"), self.per_class))
        own = seen(synthetic.batch)
        means = sum((there - here).square().sum() for there, here in zip(real[:2], own[:2], strict=True))
        return (self.scale * real[2] - own[2]).square().sum() + self.weight * means

    def advance(self, state: CovarianceState, problem: Problem, synthetic: Synthetic, key: Key) -> CovarianceState:
        """The network after its steps on real examples, or a fresh one in its place."""
        if int(state.age) + 1 >= self.renewed:
            return self.init(problem, key.fold("renewed"))
        learner, velocity = self.training.train(problem, state.learner, state.velocity, key.fold("train"))
        return CovarianceState(learner, velocity, state.age + 1)

    def _sides(self, problem: Problem, learner: Learner, batch: Batch) -> tuple[Tensor, Tensor]:
        readout = problem.network.apply(learner.params, batch.inputs, learner.statistics)
        sides = problem.task.sides(readout.outputs)
        if len(sides) != 2:
            raise InputError(
                f"objective cross-covariance: found {problem.task.name}, whose outputs are no two embeddings, expected "
                "a task of pairs, such as emoji or pairs:FILE.parquet; choose another recipe"
            )
        return sides[0], sides[1]


def moments(
    left: Float[Tensor, "example number"], right: Float[Tensor, "example other"]
) -> tuple[Float[Tensor, " number"], Float[Tensor, " other"], Float[Tensor, "number other"]]:
    """The means of two embeddings and their cross-covariance, over the number of examples."""
    means = left.mean(0), right.mean(0)
    return *means, (left - means[0]).T @ (right - means[1]) / len(left)
