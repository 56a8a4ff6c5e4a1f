"""Matching the mean features of each class, and those of its spectra."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractAugmentation, AbstractObjective, Batch, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.augment import Siamese
from limbeck.learn.compiled import features_of
from limbeck.learn.fourier import packed
from limbeck.statistics.groups import group_means


@dataclass(frozen=True)
class SpectralDistribution(AbstractObjective):
    """Squared distance of class-mean features of inputs and of their spectra, under fresh random networks.

    loss = D(T, S; phi) + weight D(F T, F S; psi),
    D(T, S; phi) = sum over classes c of || mean_{x in T_c} phi(A_c(x)) - mean_{s in S_c} phi(A_c(s)) ||^2

    as `distribution` (Zhao & Bilen, WACV 2023) in time and in frequency. F is the orthonormal Fourier transform along
    the last axis, as real numbers of the same shape (`learn/fourier.py`), phi and psi are the penultimate layers of two
    networks of one kind, drawn anew at each step. Two domains are those of CondTSC (Liu et al., KDD 2024); it holds the
    set against itself in them, under two parameters, where this holds it against real data. Raises InputError for
    inputs that are not one tensor of floating numbers.
    """

    per_class: int = 256
    """Real examples of each class that a step sees."""
    weight: float = 1.0
    """How much spectra count."""
    augment: AbstractAugmentation | None = field(default_factory=Siamese)
    """How real examples and synthetic ones are varied alike, where the task has a way to; none: as they are."""

    def __post_init__(self) -> None:
        at_least(self, 1, "per_class")
        at_least(self, 0, "weight")

    def init(self, problem: Problem, key: Key) -> Tree:
        """Nothing is kept; InputError where inputs have no spectrum."""
        check_numbers(problem, "spectral-distribution")
        return {}

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The squared distances in both domains, summed over classes."""
        real = problem.real(key.fold("real"), self.per_class)
        sides = [self._shown(problem, batch, key) for batch in (real, synthetic.batch)]
        apart = []
        for name, factor in (("time", 1.0), ("frequency", self.weight)):
            if factor:
                network = tree.move(problem.network.init(key.fold("network", name)), problem.device)
                inputs = [packed(side) if name == "frequency" else side for side in sides]
                count = len(problem.task.classes)
                aim = group_means(features_of(problem, network, inputs[0]), real.classes, count)
                features = problem.network.apply(network, inputs[1]).features
                means = group_means(features, synthetic.batch.classes, count)
                apart.append(factor * (aim - means).square().sum())
        return torch.stack(apart).sum()

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        """As it was."""
        return state

    def _shown(self, problem: Problem, batch: Batch, key: Key) -> Tensor:
        """The inputs of a batch, varied as a draw says."""
        inputs: Tensor = problem.task.augment(batch, key.fold("augment"), batch.classes, self.augment).inputs
        return inputs


def check_numbers(problem: Problem, objective: str) -> None:
    """InputError, in the name of an objective, where inputs are not one tensor of floating numbers."""
    inputs = problem.task.load("train", torch.tensor([0])).inputs
    if not isinstance(inputs, Tensor) or not inputs.is_floating_point() or inputs.dim() < 2:
        raise InputError(
            f"objective {objective}: found inputs of {problem.task.name} that are not one tensor of numbers, expected "
            "series or images; choose another, such as distribution"
        )
