"""How much memory a network takes: to read, to learn from and to be curved over many examples, told by very few.

What a pass takes grows evenly with its examples. It is measured once for each network, on two and on three examples
of zeros: the activations that are kept for the way back are the same whatever the numbers are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch

from limbeck.core import tree
from limbeck.core.contracts import AbstractNetwork, AbstractTask, Problem
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.microbatches import microbatch_limit
from limbeck.learn.peak import FEW, Peak

FLOAT = 4
"""Bytes of a number."""
COPIES, STACKED, CURVED = 6, 7, 11
"""How often learning holds the parameters, about: themselves, their gradient and that of a part, a velocity, and the
next ones; in a stack, which is made of learners that stay; and in products with a Hessian, a few directions at once."""
ADAM = 10
"""The same by Adam, which keeps two moments."""
KEY = Key(("footprint",))

Work = Callable[[AbstractNetwork, Tree, Tree], object]
"""What is done with a network, its parameters and some inputs."""


def parameter_bytes(problem: Problem) -> float:
    """What the parameters of a learner take, and its running statistics."""
    return float(_parameters(problem.task, problem.network))


def example_bytes(task: AbstractTask, count: float) -> float:
    """What so many examples take as a network sees them, each with a weight for every class."""
    return FLOAT * (tree.numel(task.shape) + len(task.classes)) * float(count)


def feature_bytes(problem: Problem, count: float) -> float:
    """What the features and outputs of so many examples take."""
    return FLOAT * _features(problem.task, problem.network) * float(count)


def reading_bytes(problem: Problem, count: int) -> float:
    """What reading `count` examples takes, in passes, beside the parameters."""
    return _pass(problem, count, _read)


def said_bytes(problem: Problem, count: int) -> float:
    """What reading so many examples takes, and all that the network says of them, part by part and then joined."""
    return reading_bytes(problem, count) + 2 * feature_bytes(problem, count)


def learning_bytes(problem: Problem, count: int, learners: int = 1) -> float:
    """What a step of learning from `count` examples takes, in passes, parameters included; of a stack, all learners."""
    copies = COPIES if learners == 1 else STACKED
    return copies * parameter_bytes(problem) * learners + _pass(problem, count * learners, _learn)


def learning_bytes_each(problem: Problem) -> float:
    """What learning takes for each example of those that go through at once."""
    return float(_each(problem.task, problem.network, _learn))


def curving_bytes(problem: Problem, count: int) -> float:
    """What products with a Hessian over `count` examples take, in passes, parameters included."""
    return CURVED * parameter_bytes(problem) + _pass(problem, count, _curve)


def _pass(problem: Problem, count: int, work: Work) -> float:
    return _each(problem.task, problem.network, work) * min(count, microbatch_limit(problem, count))


@functools.lru_cache(maxsize=128)
def _each(task: AbstractTask, network: AbstractNetwork, work: Work) -> int:
    """What each example of a pass takes."""
    params = network.init(KEY)
    taken = []
    for count in FEW:
        with Peak() as peak:
            work(network, params, tree.build(task.shape, count, lambda _, shape: torch.zeros(shape)))
        taken.append(peak.most)
    return max(0, taken[1] - taken[0])


def _read(network: AbstractNetwork, params: Tree, inputs: Tree) -> None:
    with torch.no_grad():
        network.apply(params, inputs, network.statistics())


def _learn(network: AbstractNetwork, params: Tree, inputs: Tree) -> None:
    at = tree.map(lambda leaf: leaf.detach().requires_grad_(), params)
    torch.autograd.grad(network.apply(at, inputs).outputs.square().sum(), tree.leaves(at), allow_unused=True)


def _curve(network: AbstractNetwork, params: Tree, inputs: Tree) -> None:
    at = tree.map(lambda leaf: leaf.detach().requires_grad_(), params)
    loss = network.apply(at, inputs).outputs.square().sum()
    slopes = torch.autograd.grad(loss, tree.leaves(at), create_graph=True, allow_unused=True)
    along = [each.sum() for each in slopes if each is not None and each.requires_grad]
    # Kept for the next direction, as where several go through one graph.
    torch.autograd.grad(torch.stack(along).sum(), tree.leaves(at), allow_unused=True, retain_graph=True)


@functools.lru_cache(maxsize=128)
def _parameters(task: AbstractTask, network: AbstractNetwork) -> int:
    found = (*tree.leaves(network.init(KEY)), *tree.leaves(network.statistics()))
    return sum(leaf.numel() * leaf.element_size() for leaf in found)


@functools.lru_cache(maxsize=128)
def _features(task: AbstractTask, network: AbstractNetwork) -> int:
    """How many numbers a network says of an example: its features and its outputs."""
    with torch.no_grad():
        inputs = tree.build(task.shape, FEW[0], lambda _, shape: torch.zeros(shape))
        said = network.apply(network.init(KEY), inputs, network.statistics())
    return (said.features.numel() + said.outputs.numel()) // FEW[0]
