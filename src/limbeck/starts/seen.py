"""What networks that have learned the real data make of some real examples."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.computations.features import CHUNK
from limbeck.core import tree
from limbeck.core.contracts import AbstractTask, Batch, Problem, Readout
from limbeck.core.errors import InputError
from limbeck.core.placing import cpu
from limbeck.core.tree import Tree
from limbeck.learn.population import read
from limbeck.learn.training import Learner


class Gradients(NamedTuple):
    """The gradient of each example's loss in the last layer, as the two factors that it is the product of.

    The last layer is outputs = W features + b, so the gradient in (W, b) is residual x (features, 1).
    """

    residuals: Float[Tensor, "example output"]
    """The gradient in the outputs; of cross-entropy, probabilities less targets."""
    features: Float[Tensor, "example feature"]

    def products(self, others: Gradients) -> Float[Tensor, "example other"]:
        """The inner product of each gradient with each of others."""
        return (self.residuals @ others.residuals.T) * (self.features @ others.features.T + 1)

    def norms(self) -> Float[Tensor, " example"]:
        """The norm of each gradient."""
        return self.residuals.norm(dim=1) * (self.features.square().sum(1) + 1).sqrt()


class Seen:
    """Real examples of one class as some learners read them, on the CPU, when it is asked for.

    Args:
        problem: Whose examples they are.
        learners: Who reads them, in order; `features`, `outputs` and all that is of them are the last one's.
        rows: The rows of the examples in their split.
        label: The number of their class.
        split: Which split they are of.
    """

    def __init__(
        self,
        problem: Problem,
        learners: Sequence[Learner],
        rows: Int[Tensor, " example"],
        label: int,
        split: str = "train",
    ) -> None:
        self.problem, self.learners, self.rows, self.label, self.split = problem, learners, rows, label, split

    def batches(self) -> Iterator[Batch]:
        """The examples in order, not too many at once."""
        for part in self.rows.split(CHUNK):
            yield self.problem.task.in_place(cpu(), self.split, part)

    def read_by(self, learner: Learner) -> Readout:
        """What a learner says of the examples."""
        parts = [read(self.problem, learner, batch.inputs) for batch in self.batches()]
        return Readout(*(torch.cat(leaves) for leaves in zip(*parts, strict=True)))

    def readouts(self) -> Iterator[Readout]:
        """What each of the learners says of the examples, one after the other."""
        return map(self.read_by, self.learners)

    @functools.cached_property
    def targets(self) -> Tree:
        """The targets of the examples."""
        return tree.cat([batch.targets for batch in self.batches()])

    @functools.cached_property
    def readout(self) -> Readout:
        """What the last learner says of the examples."""
        return self.read_by(self.learners[-1])

    @property
    def features(self) -> Float[Tensor, "example feature"]:
        """What enters the last layer."""
        return self.readout.features

    @property
    def probabilities(self) -> Float[Tensor, "example class"]:
        """How likely each class is said to be."""
        return self.readout.outputs.double().softmax(1)

    @property
    def gradients(self) -> Gradients:
        """The gradient of each example's loss in the last layer."""
        return self.gradients_by(self.readout)

    @property
    def held_out(self) -> Seen:
        """As many validation examples of the class as there are here, or all; these themselves where there are none."""
        rows = self.problem.task.groups("validation")[self.label][: len(self.rows)]
        return Seen(self.problem, self.learners, rows, self.label, "validation") if len(rows) else self

    def gradients_by(self, readout: Readout) -> Gradients:
        """The gradient of each example's loss in the last layer of the learner of a readout, in double precision."""
        found = residuals(self.problem.task, readout.outputs, self.targets)
        return Gradients(found.double(), readout.features.double())


def check_classes(task: AbstractTask) -> None:
    """InputError where targets are not a weight for each of several classes, which outputs would be predictions of."""
    count, targets = len(task.classes), task.load("train", torch.tensor([0])).targets
    if not isinstance(targets, Tensor) or targets.shape != (1, count) or count < 2:
        found = tuple(targets.shape[1:]) if isinstance(targets, Tensor) else "a tree"
        raise InputError(
            f"a selection by predictions: found targets {found}, expected a weight for each of several classes, "
            f"and there {'is' if count == 1 else 'are'} {count}; choose another selection, such as random"
        )


def residuals(
    task: AbstractTask, outputs: Float[Tensor, "example output"], targets: Tree
) -> Float[Tensor, "example output"]:
    """The gradient of each example's loss in its outputs."""
    with torch.enable_grad():
        leaf = outputs.detach().requires_grad_()
        (found,) = torch.autograd.grad(task.loss(leaf, targets).sum(), leaf)
    return found
