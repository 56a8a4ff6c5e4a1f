"""Learners of a problem: trained step by step, and read."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractNetwork, AbstractTask, Batch, Problem, Readout, Schedule
from limbeck.core.key import Key
from limbeck.core.later import without_gradients
from limbeck.core.tree import Tree
from limbeck.learn.compiled import Operations, gradient_function_of
from limbeck.learn.microbatches import microbatch_size, microbatches
from limbeck.learn.training import Learner, RowLoader, going_on


def training(problem: Problem, learner: Learner, loader: RowLoader, schedule: Schedule, key: Key) -> Iterator[Learner]:
    """A learner before its first step on the items that `loader` gives and after each, as `schedule` says.

    Compiled where the problem is. Nothing is augmented, so of the key nothing is drawn but what a network draws.
    """
    return going_on(
        problem.task,
        gradient_function_of(problem.trained_by(schedule)),
        learner,
        lambda rows, step: loader(rows, step).to(problem.device),
        schedule,
        key,
        None,
    )


@without_gradients
def read(problem: Problem, learner: Learner, inputs: Tree) -> Readout:
    """What a learner says of many inputs, on the CPU: normalised by its running statistics if it keeps any."""
    return Readout(*(torch.cat(leaves).cpu() for leaves in zip(*_read(problem, learner, inputs), strict=True)))


def outputs_of(problem: Problem, learner: Learner, inputs: Tree) -> Float[Tensor, "example output"]:
    """What `read` has of outputs alone: features, which are many times as much, stay where they are."""
    with torch.no_grad():
        return torch.cat([each.outputs for each in _read(problem, learner, inputs)]).cpu()


def _read(problem: Problem, learner: Learner, inputs: Tree) -> list[Readout]:
    parts = tree.split(inputs, microbatch_size(problem.task.shape, problem.device))
    return [
        problem.network.apply(learner.params, tree.move(part, problem.device), learner.statistics) for part in parts
    ]


def labelling(problem: Problem, teacher: Learner, temperature: float) -> Callable[[Batch], Batch]:
    """A function that gives examples, where they lie, the labels of a teacher of just these inputs.

    targets = softmax(outputs of the teacher / temperature); it normalises by its running statistics if it keeps any.
    """
    most = microbatch_size(problem.task.shape, problem.device)

    @without_gradients
    def label(batch: Batch) -> Batch:
        parts = [problem.task.take(batch, rows) for rows in microbatches(torch.arange(len(batch.classes)), most)]
        said = [problem.network.apply(teacher.params, each.inputs, teacher.statistics).outputs for each in parts]
        return batch._replace(targets=(torch.cat(said) / temperature).softmax(-1))

    return label


def losses_of(problem: Problem, outputs: Float[Tensor, "example output"], targets: Tree) -> Float[Tensor, " example"]:
    """The task's loss of each example."""
    with torch.no_grad():
        return problem.task.loss(outputs, targets)


def operations(problem: Problem) -> float:
    """The floating point operations of convolutions and matrix products in reading one input."""
    return _operations(problem.task, problem.network)


@functools.lru_cache(maxsize=64)
def _operations(task: AbstractTask, network: AbstractNetwork) -> float:
    with torch.no_grad(), Operations() as counted:
        network.apply(
            network.init(Key(("operations",))),
            tree.build(task.shape, 1, lambda _, shape: torch.zeros(shape)),
            network.statistics(),
        )
    return float(counted.count)
