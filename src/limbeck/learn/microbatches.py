"""Many examples in microbatches."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.budget import FLOAT
from limbeck.core.contracts import AbstractTask, Problem
from limbeck.core.tree import Tree

NUMBERS = 100_000
"""Real numbers of input in one pass, 32 images of CIFAR. Measured on one core, ConvNet width 32 (128): the gradient on
256 images takes 195 (1134) ms in one pass and 92 (759) in passes of 32, where each asks the system for memory; in a
process that keeps what it freed (`core/memory.py`) 83 (535) and 92 (559), and the size of a pass matters little."""
HELD = 2**28
"""Bytes of real examples that are held at a time: a thousand classes of 256 small images are gigabytes."""
ACCELERATED = 40
"""How many times as many another device takes, to fill its cores: four million, 1,302 images of CIFAR. A gradient of
ConvNet width 128 then holds two gigabytes, and a product with a Hessian some more, however many examples there are."""


def microbatch_size(shape: Tree, device: torch.device) -> int:
    """How many inputs of a shape go through at once: more on a device with cores to fill, and any number of a graph.

    >>> microbatch_size((3, 32, 32), torch.device("cpu")), microbatch_size((3, 32, 32), torch.device("cuda"))
    (32, 1302)
    """
    if tree.joined(shape):
        return 2**63 - 1
    return max(1, NUMBERS * (1 if device.type == "cpu" else ACCELERATED) // tree.numel(shape))


def held_at_once(problem: Problem) -> int:
    """How many real examples are held at a time, where each is seen by itself: whole passes, of at most `HELD` bytes.

    All, where a network or a task sees them by one another.
    """
    size = microbatch_size(problem.task.shape, problem.device)
    if problem.network.keeps_statistics or tree.joined(problem.task.shape) or problem.task.tied:
        return 2**63 - 1
    return size * max(1, HELD // (FLOAT * tree.numel(problem.task.shape) * size))


def microbatch_limit(problem: Problem, count: int) -> int:
    """How many of `count` examples go through together to a loss.

    All, where the network normalises by statistics of the batch, or the loss of an example is of what else is there.
    """
    return count if problem.network.keeps_statistics else loss_size(problem.task, problem.device)


def loss_size(task: AbstractTask, device: torch.device) -> int:
    """Of how many examples of a task a loss is taken at once: all, where it is of what else is in the batch."""
    return 2**63 - 1 if task.tied else microbatch_size(task.shape, device)


def microbatches(rows: Int[Tensor, " example"], most: int) -> tuple[Int[Tensor, " some"], ...]:
    """The rows in as few passes of at most `most` as there can be, whose sizes differ by one at most.

    Code is compiled for a shape, and two serve any count. A short last pass would cost more than its share: on one
    core, ConvNet width 16, compiled, the gradient on 99 images takes 14.8 ms so, and 18.0 as 32, 32, 32 and 3.

    >>> sizes = lambda count, most: [len(part) for part in microbatches(torch.arange(count), most)]
    >>> sizes(6, 4), sizes(99, 32)
    ([3, 3], [25, 25, 25, 24])
    """
    return rows.tensor_split(-(-len(rows) // most))
