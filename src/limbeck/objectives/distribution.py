"""Matching the mean features of each class under fresh random networks."""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractAugmentation, AbstractObjective, Batch, Problem, Synthetic
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.augment import Siamese
from limbeck.learn.compiled import features_of
from limbeck.statistics.groups import group_means


@dataclass(frozen=True)
class Distribution(AbstractObjective):
    """Squared distance of class-mean features under a fresh random network (Zhao & Bilen, WACV 2023).

    loss = sum over classes c of || mean_{x in T_c} phi(A_c(x)) - mean_{s in S_c} phi(A_c(s)) ||^2

    phi is the penultimate layer of a network drawn anew at each step and never trained, T_c are
    `per_class` real images of the class (all, where it has fewer), S_c all its synthetic images, and A_c
    one augmentation drawn for the class and shared by both sides. This is the maximum mean discrepancy
    with a linear kernel on phi.
    """

    per_class: int = 256
    """Real images of each class that a step sees."""
    augment: AbstractAugmentation = field(default_factory=Siamese)
    """How real images and synthetic ones are varied alike."""

    def __post_init__(self) -> None:
        at_least(self, 1, "per_class")

    def init(self, problem: Problem, key: Key) -> Tree:
        """Nothing is remembered from step to step."""
        return {}

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The squared distance, summed over classes."""
        params = tree.move(problem.network.init(key.fold("network")), problem.device)
        count, draw = len(problem.task.classes), key.fold("augment")

        def shown(batch: Batch) -> Tree:
            return problem.task.augment(batch, draw, batch.classes, self.augment).inputs

        real = problem.real(key.fold("real"), self.per_class)
        aim = group_means(features_of(problem, params, shown(real)), real.classes, count)
        features = problem.network.apply(params, shown(synthetic.batch)).features
        return (aim - group_means(features, synthetic.batch.classes, count)).square().sum()

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        """Nothing changes."""
        return state
