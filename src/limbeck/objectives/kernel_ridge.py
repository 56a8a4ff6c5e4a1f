"""The real loss of kernel ridge regression on the set."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractObjective, Piece, Problem, Synthetic
from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.kernel_machine import centred
from limbeck.learn.kernels import AbstractKernel, NeuralTangent
from limbeck.learn.ridge import ridge_weights

ASKED_BY = "objective kernel-ridge"
MUCH, PIECE = 1e12, 5e9
"""Floating point operations of the kernel in a step from which that may be long work, and of a piece of it."""


@dataclass(frozen=True)
class KernelRidge(AbstractObjective):
    """The squared error, on real examples, of kernel ridge regression on the set (Nguyen, Chen & Lee, ICLR 2021).

    loss = 1/2 mean (K_ts (K_ss + ridge tr(K_ss) / n I)^-1 y_s - y_t)^2

    over real examples t, `per_class` of every class drawn for the step (fewer where those are more than `most`), and
    outputs; s are the n items of the set. y are weights of the classes less 1 / number of classes. No network is asked
    for; all is done in float64.
    """

    kernel: AbstractKernel = NeuralTangent()
    """The kernel of the regression."""
    ridge: float = 1e-6
    """In units of the mean of k(x, x) over the set."""
    per_class: int = 500
    """Real examples of each class that the loss is of."""
    most: int = 5_000
    """Real examples of all classes together at most, but one of each: as many as the published ones of ten classes."""

    def __post_init__(self) -> None:
        at_least(self, 1, "per_class", "most")
        positive(self, "ridge")

    def init(self, problem: Problem, key: Key) -> Tree:
        """None is needed; InputError for inputs that the kernel is not of."""
        self.kernel.check(problem.task.shape)
        return {}

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The loss; InputError for inputs that are not numbers and for targets that are not weights of classes."""
        items, labels = centred(problem.task, synthetic.batch, ASKED_BY)
        real, wanted = centred(problem.task, problem.real(key.fold("real"), self.of_each(problem)), ASKED_BY)
        weights = ridge_weights(self.kernel.between(items, items), labels, self.ridge)
        return (self.kernel.between(real, items) @ weights - wanted).square().mean() / 2

    def of_each(self, problem: Problem) -> int:
        """Real examples of each class that a step sees, where the class has so many."""
        return min(self.per_class, max(1, self.most // len(problem.task.groups("train"))))

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        """Nothing is kept."""
        return state

    def piece(self, problem: Problem, items: int) -> Piece | None:
        """The kernel between a few inputs, and its derivative; none where all of that is little."""
        each_class = self.of_each(problem)
        real = sum(min(each_class, len(rows)) for rows in problem.task.groups("train"))
        shape, pairs = problem.task.shape, items * (items + real)
        each = self.kernel.flops(shape)
        if each * pairs < MUCH:
            return None
        side = max(2, round((PIECE / each) ** 0.5))

        def do() -> Tensor:
            drawn = tree.build(shape, side, lambda path, sizes: Key(("piece", path)).normal(*sizes).double())
            inputs = tree.map(lambda leaf: leaf.to(problem.device).requires_grad_(), drawn)
            total = self.kernel.between(inputs, tree.detach(inputs)).sum()
            return torch.autograd.grad(total, tree.leaves(inputs))[0].sum()

        # What each input has with itself is as much work as another pair.
        return Piece(do, pairs / (side**2 + side))
