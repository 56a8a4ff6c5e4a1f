"""What enters the normalisations of a network that has learned the real training data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.features import CHUNK
from limbeck.computations.training import FORWARD, Training
from limbeck.core.contracts import Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.later import without_gradients
from limbeck.core.progress import went
from limbeck.core.tree import Tree
from limbeck.learn.microbatches import microbatch_size
from limbeck.learn.population import operations
from limbeck.learn.training import Learner


class Moments(NamedTuple):
    """The mean and the variance of each channel, over examples and places; the variance divides by their number."""

    mean: Float[Tensor, " channel"]
    variance: Float[Tensor, " channel"]

    @classmethod
    def of(cls, entering: Float[Tensor, "example channel ..."]) -> Moments:
        """Of what enters one normalisation; differentiable."""
        by_channel = entering.movedim(1, 0).flatten(1)
        return cls(by_channel.mean(1), by_channel.var(1, unbiased=False))


@dataclass(frozen=True)
class EnteringMoments(AbstractComputation):
    """The mean and the variance of what enters each normalisation, over all real training data, exactly.

    They are those of a learner at the end of a training, as it reads the plain data: a network with running statistics
    normalises by them. The outcome has "means" and "variances", and in each by the number of the normalisation in the
    order of computation ("000", ...) a float64 vector (channel,).

    Running statistics are estimates of the same: a decaying mean over the batches of training, some of them seen while
    the network was another, augmented as in training, under normalisation by each batch; and variances that divide by
    one less. They say nothing of a network without, whose group, instance or layer norms have these moments all the
    same. Sums are in double precision, so that only rounding depends on the parts that data are read in.
    """

    doing = "reading images"

    learner: Training

    @property
    def depends_on_set(self) -> bool:
        """As the training does."""
        return self.learner.depends_on_set

    @property
    def evaluates(self) -> bool:
        """Evaluation examples are not read."""
        return False

    def needs(self) -> tuple[AbstractComputation, ...]:
        """The training."""
        return (self.learner,)

    def flops(self, context: ProbeContext) -> float:
        """The operations of reading all real training data."""
        count = sum(map(len, context.problem.task.groups("train")))
        return FORWARD * operations(context.under(self.learner.network).problem) * count

    def run(self, context: ProbeContext) -> Tree:
        """Read the data part by part; InputError where the network has no normalisation that is seen."""
        problem = context.under(self.learner.network).problem
        check_normalises(problem)
        task, device, learner = problem.task, problem.device, self.learner.kept(context)
        every = torch.cat(task.groups("train"))
        parts = every.split(min(CHUNK, microbatch_size(task.shape, device)))
        sums: list[Sums] = []
        for done, rows in enumerate(parts):
            found = sums_of(problem, learner, task.load_on(device, "train", rows).inputs)
            sums = [before.joined(more) for before, more in zip(sums, found, strict=True)] if sums else found
            went(done + 1, len(parts))
        return {
            "means": {f"{index:03d}": each.mean.cpu() for index, each in enumerate(sums)},
            "variances": {f"{index:03d}": (each.squares / each.number).cpu() for index, each in enumerate(sums)},
        }


def check_normalises(problem: Problem) -> None:
    """InputError where nothing is seen to enter a normalisation of a problem's network."""
    network, task = problem.network, problem.task
    inputs = task.load("train", torch.tensor([0])).inputs
    with torch.no_grad():
        _, entering = network.entering(network.init(Key(("normalises",))), inputs, network.statistics())
    if not entering:
        raise InputError(
            f"network {network.name}: has no normalisation that is seen, expected modules of torch.nn such as "
            "BatchNorm2d or GroupNorm, whose statistics images are to match; choose another, such as convnet-batch"
        )


class Sums(NamedTuple):
    """What the moments of a part of the data are made of, by channel, in double precision."""

    number: int
    mean: Tensor
    squares: Tensor
    """Of deviations from the mean, summed."""

    def joined(self, other: Sums) -> Sums:
        """Of two parts together (Chan, Golub & LeVeque, 1979)."""
        number = self.number + other.number
        apart = other.mean - self.mean
        squares = self.squares + other.squares + apart.square() * (self.number * other.number / number)
        return Sums(number, self.mean + apart * (other.number / number), squares)


@without_gradients
def sums_of(problem: Problem, learner: Learner, inputs: Tree) -> list[Sums]:
    """The sums of what enters each normalisation on some inputs."""
    _, entering = problem.network.entering(learner.params, inputs, learner.statistics)
    found = []
    for each in entering:
        moments = Moments.of(each.to(torch.float64))
        count = each.numel() // each.shape[1]
        found.append(Sums(count, moments.mean, moments.variance * count))
    return found
