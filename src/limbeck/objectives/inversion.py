"""Images or series that a trained teacher takes for their class, and that look in its layers as real ones do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.computations.contract import ProbeContext
from limbeck.computations.entering import EnteringMoments, Moments, check_normalises
from limbeck.computations.teachers import Teacher
from limbeck.core import tree
from limbeck.core.batch import within_class
from limbeck.core.contracts import AbstractAugmentation, AbstractObjective, Batch, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.core.placing import onto
from limbeck.core.tree import Tree
from limbeck.learn.augment import RolledCrops
from limbeck.learn.microbatches import microbatches
from limbeck.learn.sensitivity import surrogate
from limbeck.learn.training import Learner


class InversionState(NamedTuple):
    """What does not change: the teacher, and what real data are in each of its normalisations."""

    teacher: Learner
    means: Tree
    """float64 (channel,) by the number of the normalisation."""
    variances: Tree


@dataclass(frozen=True)
class Inversion(AbstractObjective):
    """How a teacher takes images for their class, and what enters its normalisations (SRe2L, Yin et al., NeurIPS 2023).

    loss = sum over batches B of the set of  mean_{x in B} -log p(class of x | a(x))
           + statistics * sum over normalisations l of w_l (|m_l(B) - m_l(T)| + |v_l(B) - v_l(T)|)
           + variation * sum over directions d of |D_d a(B)|  +  size * mean_{x in B} |a(x)|

    p is the teacher's, a network trained on the real data and frozen; a is an augmentation of each image's own, anew at
    each step. m_l and v_l are the mean and the variance by channel of what enters the l-th normalisation: of B the
    batch's own as it is seen, of T exact ones over all real training data, as they are (`EnteringMoments`, which says
    how they differ from the running statistics of published teachers). w is `first` for the first and 1 for the
    others. D_d is the difference of neighbours to the right, below, and on both diagonals (Yin et al., DeepInversion,
    CVPR 2020); of series, of one time and the next. All |.| are root sums of squares, in the units that a network sees.

    Items are taken class by class in turn, and cut into as few batches of at most `batch` as there can be: of 100
    classes or more one image of each, as published; of fewer classes several, as the moments of ten images say little.
    No batch sees another, and each goes down as it would alone; the memory is that of one. The classes are those that
    items were made for, whatever their targets. Raises InputError for data that are no images or series of classes, and
    for a teacher without normalisations.
    """

    teacher: Teacher = field(default_factory=Teacher)
    """The network that is inverted."""
    statistics: float = 0.05
    """The weight of the statistics of its normalisations."""
    first: float = 10.0
    """How many times the first normalisation counts."""
    variation: float = 1e-4
    """The weight of differences of neighbouring pixels or times."""
    size: float = 1e-5
    """The weight of the size of pixels or numbers."""
    augment: AbstractAugmentation | None = field(default_factory=RolledCrops)
    """None: the images as they are."""
    batch: int = 100
    """Items a step."""

    def __post_init__(self) -> None:
        at_least(self, 0, "statistics", "first", "variation", "size")
        at_least(self, 1, "batch")

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """The training of the teacher, and the moments of real data under it."""
        shape = problem.task.shape
        if not isinstance(shape, tuple) or len(shape) not in (2, 3):
            raise InputError(
                f"objective inversion: found inputs of the shape {shape}, expected images or series; take another"
            )
        check_normalises(self.teacher.under(problem))
        return (self.teacher.training(), self._moments)

    def init(self, problem: Problem, key: Key) -> InversionState:
        """The teacher and the moments of real data; both are made where they are not kept yet."""
        self.needs(problem)
        found = tree.move(ProbeContext(problem).outcome(self._moments), problem.device)
        return InversionState(self.teacher.learner(problem), found["means"], found["variances"])

    def loss(self, state: InversionState, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The loss, summed over batches."""
        batch, augment = synthetic.batch, self.augment and self.augment.at(synthetic.done)
        under, task = self.teacher.under(problem), problem.task
        losses = []
        for rows in microbatches(in_turn(batch.classes), self.batch):
            part = task.take(batch, rows)

            def seen(inputs: Tensor, part: Batch = part, rows: Tensor = rows) -> Tensor:
                shown = task.augment(part._replace(inputs=inputs), key.fold("augment"), rows, augment)
                return self.of_batch(state, under, shown)

            losses.append(_alone(seen, part.inputs))
        return torch.stack(losses).sum()

    def of_batch(self, state: InversionState, problem: Problem, shown: Batch) -> Float[Tensor, ""]:
        """The loss of one batch as the teacher, the network of the problem, sees it; differentiable in the inputs."""
        images, learner = shown.inputs, state.teacher
        readout, entering = problem.network.entering(learner.params, images, learner.statistics)
        classes = onto(shown.classes, images.device)[:, None]
        named = -readout.outputs.log_softmax(1).gather(1, classes).mean()
        apart = [
            _distance(Moments.of(each), Moments(mean, variance)) * (1.0 if index else self.first)
            for index, (each, mean, variance) in enumerate(
                zip(entering, tree.leaves(state.means), tree.leaves(state.variances), strict=True)
            )
        ]
        size = torch.linalg.vector_norm(images.flatten(1), dim=1).mean()
        matched = self.statistics * torch.stack(apart).sum()
        return named + matched + self.variation * total_variation(images) + self.size * size

    def advance(self, state: InversionState, problem: Problem, synthetic: Synthetic, key: Key) -> InversionState:
        """As it was."""
        return state

    @property
    def _moments(self) -> EnteringMoments:
        return EnteringMoments(self.teacher.training())


def in_turn(classes: Int[Tensor, " item"]) -> Int[Tensor, " item"]:
    """The rows of items that go round the classes: the first of each, in their order, then the second of each.

    >>> in_turn(torch.tensor([0, 0, 0, 1, 2, 2])).tolist()
    [0, 3, 4, 1, 5, 2]
    """
    return (within_class(classes) * (int(classes.max()) + 1) + classes).argsort(stable=True)


def total_variation(images: Float[Tensor, "image channel ..."]) -> Float[Tensor, ""]:
    """The norms, over all images, of the differences of neighbours to the right, below, and on both diagonals.

    Of series (item, channel, time), of one time and the next.
    """
    differences = [images[..., 1:] - images[..., :-1]]
    if images.dim() == 4:
        differences += [
            images[..., 1:, :] - images[..., :-1, :],
            images[..., 1:, 1:] - images[..., :-1, :-1],
            images[..., 1:, :-1] - images[..., :-1, 1:],
        ]
    # vector_norm has derivative zero at zero, where the root of a sum of squares has none.
    return torch.stack([torch.linalg.vector_norm(each) for each in differences]).sum()


def _distance(batch: Moments, real: Moments) -> Float[Tensor, ""]:
    """How far the moments of a batch are from those of real data."""
    pairs = zip(batch, real, strict=True)
    return torch.stack([torch.linalg.vector_norm(here - there.to(here)) for here, there in pairs]).sum()


def _alone(loss: Callable[[Tensor], Tensor], inputs: Tensor) -> Float[Tensor, ""]:
    """A loss of inputs, whose derivative is taken here and now, so that its graph is gone before the next one's."""
    if not inputs.requires_grad:
        return loss(inputs)
    at = inputs.detach().requires_grad_()
    value = loss(at)
    (gradient,) = torch.autograd.grad(value, [at])
    return surrogate(value.detach(), inputs, gradient)
