"""How close an image is to being taken for another class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least
from limbeck.learn.microbatches import microbatch_size
from limbeck.starts.scores import AbstractScore
from limbeck.starts.seen import Seen

OVERSHOOT = 0.02
"""By which share a step goes on past the boundary that it was taken to, so that it comes to lie behind it."""
FLAT = 1e-20
"""Squared slopes are taken to be at least this: to where nothing slopes no step is taken."""


@dataclass(frozen=True)
class Closeness(AbstractScore):
    """How close an image is to being taken for another class, the nearest first (Ducoffe and Precioso, 2018).

    The smallest change of the image that changes what the network says of it is found as DeepFool finds it
    (Moosavi-Dezfooli et al., CVPR 2016): step by step to the nearest boundary of the network made linear.
    """

    steps: int = 50
    """After how many steps it is given up, at most."""
    rivals: int = 9
    """How many classes, the likeliest after the one that is said, a boundary may be with."""

    def __post_init__(self) -> None:
        at_least(self, 1, "steps", "rivals")

    def check(self, task: AbstractTask) -> None:
        """InputError where outputs are no predictions of classes, and for inputs that cannot be changed a little."""
        super().check(task)
        inputs = task.load("train", torch.tensor([0])).inputs
        if not isinstance(inputs, Tensor) or not inputs.is_floating_point():
            raise InputError(
                "a selection by closeness: expected inputs that are one tensor of fractions, which can be changed a "
                "little; choose another selection, such as random"
            )

    def of(self, seen: Seen) -> Float[Tensor, " example"]:
        """Less the norm of that change, as a network sees images."""
        problem, learner = seen.problem, seen.learners[-1]
        most = microbatch_size(problem.task.shape, problem.device)

        def outputs_of(inputs: Tensor) -> Tensor:
            return problem.network.apply(learner.params, inputs, learner.statistics).outputs

        found = [
            boundary_distance(outputs_of, part.to(problem.device), self.steps, self.rivals).cpu()
            for batch in seen.batches()
            for part in batch.inputs.split(most)
        ]
        return -torch.cat(found)


def boundary_distance(
    outputs_of: Callable[[Tensor], Tensor], inputs: Float[Tensor, "example ..."], steps: int, rivals: int
) -> Float[Tensor, " example"]:
    """The norm of the change of each input after which another output is the largest.

    In each step every input that is not yet there goes to the nearest of the boundaries with `rivals` others, those of
    the largest outputs at first, of the outputs made linear where it is. Of what is not there after so many steps it is
    the norm so far.
    """
    moved = torch.zeros_like(inputs)
    order = outputs_of(inputs).detach().argsort(dim=1, descending=True, stable=True)
    first, others = order[:, :1], order[:, 1 : 1 + rivals]
    for _ in range(steps):
        at = (inputs + (1 + OVERSHOOT) * moved).requires_grad_()
        with torch.enable_grad():
            outputs = outputs_of(at)
            behind = outputs.gather(1, others) - outputs.gather(1, first)
            slopes = [torch.autograd.grad(each.sum(), at, retain_graph=True)[0].flatten(1) for each in behind.unbind(1)]
        there = outputs.argmax(1) != first[:, 0]
        if tree.read(there.all()):
            break
        moved = moved + torch.where(there[:, None], 0, _to_nearest(behind.detach(), torch.stack(slopes, 1))).reshape(
            moved.shape
        )
    return moved.flatten(1).norm(dim=1)


def _to_nearest(
    behind: Float[Tensor, "example rival"], slopes: Float[Tensor, "example rival number"]
) -> Float[Tensor, "example number"]:
    """The smallest change after which the nearest of some linear functions, now below 0, is 0."""
    squares = slopes.square().sum(2).clamp(min=FLAT)
    near = (behind.square() / squares).argmin(1, keepdim=True)
    size = behind.abs().gather(1, near) / squares.gather(1, near)
    return size * slopes.gather(1, near[:, :, None].expand(-1, 1, slopes.shape[2]))[:, 0]
