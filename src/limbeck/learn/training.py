"""Training one learner on a set, by a schedule. Real data, baselines and distilled sets all go through here."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractNetwork, AbstractTask, Batch, Schedule
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.augment import Siamese
from limbeck.learn.optim import descend
from limbeck.learn.pieces import passes, piece
from limbeck.learn.sensitivity import Loss, mean_loss, over_parts, pull_back

Take = Callable[[Tensor], Batch]


class Learner(NamedTuple):
    """What a network has learned: its parameters and its running statistics (an empty tree for most)."""

    params: Tree
    statistics: Tree


Slope = Callable[[Learner, Batch], tuple[Tree, Tree]]
"""slope(learner, batch) -> the gradient of the mean loss, and the running statistics after the batch."""


def taking(batch: Batch) -> Take:
    """Rows of a batch that is in memory."""
    return lambda rows: Batch(tree.map(lambda leaf: leaf[rows], batch.inputs), batch.targets[rows], batch.classes[rows])


def rows_of(schedule: Schedule, step: int) -> Int[Tensor, " item"]:
    """The items that a step of `schedule` sees."""
    row = schedule.order[step % len(schedule.order)]
    return row[row >= 0]


def fit(
    task: AbstractTask,
    network: AbstractNetwork,
    take: Take,
    schedule: Schedule,
    key: Key,
    device: torch.device,
    augment: Siamese | None = None,
) -> Learner:
    """A fresh learner trained on the items that `take` gives, by mean loss and SGD as `schedule` says.

    The key draws the initial parameters, and with `augment` each image of each step its own operation.
    """
    return last(fitting(task, network, take, schedule, key, device, augment))


def fitting(
    task: AbstractTask,
    network: AbstractNetwork,
    take: Take,
    schedule: Schedule,
    key: Key,
    device: torch.device,
    augment: Siamese | None = None,
) -> Iterator[Learner]:
    """The learner of `fit` before its first step and after each."""
    fresh = Learner(*tree.move((network.init(key.fold("init")), network.statistics()), device))
    slope = slope_along(mean_loss(task, network), task, network)
    return going_on(slope, fresh, lambda rows: take(rows).to(device), schedule, key, augment, task.mirror)


def going_on(
    slope: Slope, learner: Learner, take: Take, schedule: Schedule, key: Key, augment: Siamese | None, mirror: bool
) -> Iterator[Learner]:
    """A learner at rest before its first step and after each: v <- momentum v + slope + decay p; p <- p - step_size v.

    With `augment` the key draws for each image of each step its own operation.
    """
    velocity = tree.map(torch.zeros_like, learner.params)
    momentum, decay = float(schedule.momentum), float(schedule.decay)
    yield learner
    for step, step_size in enumerate(schedule.step_sizes.tolist()):
        batch = take(rows_of(schedule, step))
        if augment is not None:
            groups = torch.arange(len(batch.classes), device=batch.classes.device)
            inputs = augment.augment(batch.inputs, key.fold("augment", step), groups, mirror)
            batch = batch._replace(inputs=inputs)
        gradients, statistics = slope(learner, batch)
        params, velocity = descend(learner.params, gradients, velocity, step_size, momentum, decay)
        learner = Learner(params, statistics)
        yield learner


def last(learners: Iterator[Learner]) -> Learner:
    """The last of some learners, of whom it holds one at a time."""
    return deque(learners, maxlen=1)[0]


def slope_along(loss: Loss, task: AbstractTask, network: AbstractNetwork) -> Slope:
    """The slope of `loss`, the mean loss of a task's network, in passes (`pieces`).

    A network that normalises by statistics of the batch takes it in one, whether or not the learner keeps running ones.
    """
    whole = bool(network.statistics())

    def slope(learner: Learner, batch: Batch) -> tuple[Tree, Tree]:
        if not whole:
            rows = torch.arange(len(batch.classes), device=batch.classes.device)
            parts = passes(rows, piece(task.shape, rows.device))
            return over_parts(loss, learner.params, [taking(batch)(part) for part in parts])[1], {}
        params = tree.map(lambda leaf: leaf.detach().requires_grad_(), learner.params)
        readout, statistics = network.track(params, batch.inputs, learner.statistics)
        value = task.loss(readout.outputs, batch.targets).mean()
        return pull_back([value], [torch.ones_like(value)], params), statistics

    return slope
