"""Matching the means and the covariances of the features of each class."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import (
    AbstractAugmentation,
    AbstractNetwork,
    AbstractObjective,
    AbstractTask,
    Batch,
    Problem,
    Synthetic,
)
from limbeck.core.expect import at_least, expect
from limbeck.core.key import Key
from limbeck.core.placing import onto
from limbeck.core.tree import Tree
from limbeck.learn.compiled import features_of
from limbeck.statistics.groups import group_means

OWN = "module:"
"""What the name of a network of one's own begins with; its source is part of no objective's address."""


@dataclass(frozen=True)
class CovarianceDistribution(AbstractObjective):
    """Squared distance of the class means and covariances of features under a fresh random network.

    loss = sum over classes c of || m(T_c) - m(S_c) ||^2 + weight || C(T_c) - C(S_c) ||_F^2

    m is the mean over the examples of phi(A_c(x)), and C that of (phi - m)(phi - m)^T. phi is the penultimate layer of
    a network drawn anew at each step and never trained; T_c are `per_class` real examples of the class (all, where it
    has fewer), S_c all its synthetic ones, A_c one augmentation drawn for the class and shared by both sides. The first
    term is that of `distribution` (Zhao & Bilen, WACV 2023); the covariance beside it is how TAME matches tables. One
    item of a class has no covariance, and the second term is then a number that no item changes.
    """

    weight: float = 1.0
    """How much covariances count."""
    per_class: int = 256
    """Real examples of each class that a step sees."""
    networks: tuple[str, ...] = ()
    """Networks by name, of which each step draws one, whatever is distilled with; none: the network that is."""
    augment: AbstractAugmentation | None = None
    """How real examples and synthetic ones are varied alike, where the task has a way to; none: as they are."""

    def __post_init__(self) -> None:
        at_least(self, 1, "per_class")
        at_least(self, 0, "weight")
        own = any(name.startswith(OWN) for name in self.networks)
        expect(self, "networks", not own, "names of `limbeck list networks` (one of your own goes to --network)")

    def init(self, problem: Problem, key: Key) -> Tree:
        """Nothing is kept; InputError where one of the networks is unknown or does not take such inputs."""
        for name in self.networks:
            _network(problem.task, name)
        return {}

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The squared distances of means and covariances, summed over classes."""
        problem, count = self._under(problem, key), len(problem.task.classes)
        params = tree.move(problem.network.init(key.fold("network")), problem.device)
        real = problem.real(key.fold("real"), self.per_class)
        aims = moments(features_of(problem, params, self._shown(problem, real, key)), real.classes, count)
        features = problem.network.apply(params, self._shown(problem, synthetic.batch, key)).features
        means, covariances = (
            (aim - own).square().sum()
            for aim, own in zip(aims, moments(features, synthetic.batch.classes, count), strict=True)
        )
        return means + self.weight * covariances

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        """As it was."""
        return state

    def _under(self, problem: Problem, key: Key) -> Problem:
        """The problem with the network of a step."""
        if not self.networks:
            return problem
        name = self.networks[int(key.fold("which").integers(len(self.networks)))]
        return replace(problem, network=_network(problem.task, name))

    def _shown(self, problem: Problem, batch: Batch, key: Key) -> Tree:
        """The inputs of a batch, varied as a draw says."""
        return problem.task.augment(batch, key.fold("augment"), batch.classes, self.augment).inputs


def moments(
    features: Float[Tensor, "example feature"], classes: Int[Tensor, " example"], count: int
) -> tuple[Float[Tensor, "class feature"], Float[Tensor, "class feature feature"]]:
    """The mean and the covariance, over the number of examples, of each of `count` classes; every class must have some.

    >>> moments(torch.tensor([[1.0], [3.0]]), torch.tensor([0, 0]), 1)
    (tensor([[2.]]), tensor([[[1.]]]))
    """
    means: Tensor = group_means(features, classes, count)
    covariances = []
    for label, mean in enumerate(means):
        off = features[onto((classes == label).nonzero()[:, 0], features.device)] - mean
        covariances.append(off.T @ off / len(off))
    return means, torch.stack(covariances)


@functools.lru_cache(maxsize=8)
def _network(task: AbstractTask, name: str) -> AbstractNetwork:
    return task.network(name)
