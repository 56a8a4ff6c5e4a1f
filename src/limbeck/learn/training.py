"""Training one learner on a set, by a schedule. Real data, baselines and distilled sets all go through here."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractAugmentation, AbstractNetwork, AbstractTask, Batch, Schedule, TrainingLoss
from limbeck.core.key import Key
from limbeck.core.schedule import labelled
from limbeck.core.tree import Tree
from limbeck.learn.microbatches import loss_size, microbatches
from limbeck.learn.sensitivity import BY_TASK, Loss, mean_loss, over_parts, vjp

RowLoader = Callable[[Tensor, int], Batch]
"""loader(rows, step) -> the examples that a step of training sees of those rows."""


class Learner(NamedTuple):
    """What a network has learned: its parameters and its running statistics (an empty tree for most)."""

    params: Tree
    statistics: Tree


GradientFunction = Callable[[Learner, Batch], tuple[Tree, Tree]]
"""gradient_of(learner, batch) -> the gradient of the mean loss, and the running statistics after the batch."""


def row_loader(task: AbstractTask, batch: Batch) -> RowLoader:
    """Rows of a batch of a task's that is in memory, the same at every step."""
    return lambda rows, step: task.take(batch, rows)


def rows_of(schedule: Schedule, step: int) -> Int[Tensor, " item"]:
    """The items that a step of `schedule` sees."""
    row = schedule.order[step % len(schedule.order)]
    return row[row >= 0]


def fresh(network: AbstractNetwork, key: Key, device: torch.device) -> Learner:
    """A learner before it has seen anything."""
    return Learner(*tree.move((network.init(key), network.statistics()), device))


def fit(
    task: AbstractTask,
    network: AbstractNetwork,
    loader: RowLoader,
    schedule: Schedule,
    key: Key,
    device: torch.device,
    augment: AbstractAugmentation | None = None,
) -> Learner:
    """A fresh learner trained on the items that `loader` gives, by mean loss, as `schedule` says.

    The key draws the initial parameters, and with `augment` each image of each step its own operation.
    """
    return last(fitting(task, network, loader, schedule, key, device, augment))


def fitting(
    task: AbstractTask,
    network: AbstractNetwork,
    loader: RowLoader,
    schedule: Schedule,
    key: Key,
    device: torch.device,
    augment: AbstractAugmentation | None = None,
) -> Iterator[Learner]:
    """The learner of `fit` before its first step and after each."""
    learner = fresh(network, key.fold("init"), device)
    gradient_of = gradient_function(mean_loss(task, network, schedule.loss), task, network, schedule.loss)
    return going_on(
        task, gradient_of, learner, lambda rows, step: loader(rows, step).to(device), schedule, key, augment
    )


def going_on(
    task: AbstractTask,
    gradient_of: GradientFunction,
    learner: Learner,
    loader: RowLoader,
    schedule: Schedule,
    key: Key,
    augment: AbstractAugmentation | None,
    label: Callable[[Batch], Batch] | None = None,
) -> Iterator[Learner]:
    """A learner at rest before its first step and after each, as `schedule` says.

    With `augment` the key draws for each example of each step its own operation. `label` gives what comes of that the
    targets that the step goes by.
    """
    rule, learning_rates = tree.detach((schedule.rule, schedule.learning_rates))
    state = rule.init(learner.params)
    yield learner
    for step, learning_rate in enumerate(learning_rates):
        rows = rows_of(schedule, step)
        batch = loader(rows, step)
        if augment is not None:
            groups = torch.arange(len(batch.classes))
            batch = task.augment(batch, key.fold("augment", step), groups, augment)
        if label is not None:
            batch = label(batch)
        batch = labelled(batch, schedule.labels, rows)
        gradients, statistics = gradient_of(learner, batch)
        params, state = rule.update(learner.params, gradients, state, learning_rate)
        learner = Learner(params, statistics)
        yield learner


def averaged(learners: Iterator[Learner], decay: float) -> Iterator[Learner]:
    """The running mean of the parameters after each step, in place of these; with a decay of 0 the learners themselves.

    After t steps it is (1 - decay) sum over s of decay^(t - s) p_s / (1 - decay^t), the sum over the steps made: it is
    free of where the learner began, and after one step it is what that came to. Running statistics stay as they are.
    """
    if not decay:
        yield from learners
        return
    mean = next(learners)
    yield mean
    for step, learner in enumerate(learners, 1):
        share = (1 - decay) / (1 - decay**step)
        params = tree.map(lambda old, new, share=share: torch.lerp(old, new, share), mean.params, learner.params)
        mean = learner._replace(params=params)
        yield mean


def last(learners: Iterator[Learner]) -> Learner:
    """The last of some learners, of whom it holds one at a time."""
    return deque(learners, maxlen=1)[0]


def gradient_function(
    loss: Loss, task: AbstractTask, network: AbstractNetwork, goal: TrainingLoss = BY_TASK
) -> GradientFunction:
    """The gradient of `loss`, the mean of what training of a task's network goes down, in microbatches.

    A network that normalises by statistics of the batch takes it in one, whether or not the learner keeps running ones.
    """
    whole = network.keeps_statistics

    def gradient_of(learner: Learner, batch: Batch) -> tuple[Tree, Tree]:
        if not whole:
            most = loss_size(task, tree.leaves(learner.params)[0].device)
            parts = microbatches(torch.arange(len(batch.classes)), most)
            return over_parts(loss, learner.params, [task.take(batch, part) for part in parts])[1], {}
        params = tree.map(lambda leaf: leaf.detach().requires_grad_(), learner.params)
        readout, statistics = network.track(params, batch.inputs, learner.statistics)
        value = goal.each(task, readout.outputs, batch.targets).mean()
        return vjp([value], [torch.ones_like(value)], params), statistics

    return gradient_of
