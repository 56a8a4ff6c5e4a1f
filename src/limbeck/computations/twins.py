"""A network that has learned to see the real images without their labels."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.computations.contract import AbstractOfReal, ProbeContext
from limbeck.computations.sources import training_count
from limbeck.computations.training import STEP
from limbeck.core import tree
from limbeck.core.contracts import AbstractAugmentation, AbstractTask, Problem
from limbeck.core.errors import InputError
from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.core.progress import went
from limbeck.core.tree import Tree
from limbeck.learn.augment import Siamese
from limbeck.learn.compiled import features_of
from limbeck.learn.footprint import ADAM, example_bytes, learning_bytes_each, parameter_bytes
from limbeck.learn.optim import Adam
from limbeck.learn.population import operations
from limbeck.learn.training import Learner, fresh
from limbeck.learn.twins import projected, projector, redundancy

KEY = Key(("twins",))


@dataclass(frozen=True)
class Twins(AbstractOfReal):
    """A network that learns from two views of each real image, without labels (Zbontar et al., ICML 2021).

    It goes down `redundancy` of a projector's embeddings, by Adam, on batches of images drawn evenly and with
    replacement; each image of each view has an operation of its own. What it says of an image, its representation, are
    the features that enter its last layer; the projector is thrown away. A network of your own (module:) with
    parameters that need no gradient keeps those as its factory has set them: with `steps` 0 a pretrained body is taken
    as it comes. The outcome is {"params": {name: tensor}, "statistics": {name: tensor}}, on the CPU.
    """

    doing = "training a network without labels"

    network: str = "convnet-w32"
    """Which network it is, whatever is distilled with."""
    steps: int = 600
    learning_rate: float = 0.001
    batch: int = 256
    width: int = 128
    """Numbers of an embedding."""
    off_diagonal: float = 0.005
    """The weight of correlations of different numbers."""
    augment: AbstractAugmentation = Siamese()

    def __post_init__(self) -> None:
        at_least(self, 0, "steps", "off_diagonal")
        at_least(self, 2, "batch")
        at_least(self, 1, "width")
        positive(self, "learning_rate")

    @property
    def other_network(self) -> str:
        """As named."""
        return self.network

    def passes(self, context: ProbeContext) -> float:
        """Its steps, each of two views."""
        return 2.0 * self.steps

    def bytes(self, context: ProbeContext, together: int = 1) -> float:
        """Those of a step, which goes back through both views of a whole batch at once."""
        problem = self.under(context.problem)
        views = 2 * example_bytes(problem.task, self.batch)
        return ADAM * parameter_bytes(problem) + 2 * self.batch * learning_bytes_each(problem) + views

    def flops(self, context: ProbeContext) -> float:
        """The operations of its steps."""
        return operations(self.under(context.problem)) * STEP * 2 * self.batch * self.steps

    def under(self, problem: Problem) -> Problem:
        """The problem with its network; InputError for data that are no images, of which there are no two views."""
        check(problem.task)
        return ProbeContext(problem).under(self.network).problem

    def reads(self, task: AbstractTask) -> int:
        """How many numbers a representation has; InputError where those are as many as there are classes."""
        check(task)
        return _features(task, self.network)

    def run(self, context: ProbeContext) -> Tree:
        """Train it."""
        problem, optimizer = self.under(context.problem), Adam(self.learning_rate)
        task, device = problem.task, problem.device
        params, statistics = fresh(problem.network, KEY.fold("network"), device)
        kind = tree.leaves(params)[0].dtype
        embedding = projector(self.reads(task), self.width, KEY.fold("projector"))
        free = {"network": params, "projector": tree.map(lambda leaf: leaf.to(device, kind), embedding)}
        count, state = training_count(task), optimizer.init(free)
        for step in range(self.steps):
            real = task.load_on(device, "train", KEY.fold("rows", step).integers(count, self.batch))
            each = torch.arange(self.batch)
            views = [task.augment(real, KEY.fold(side, step), each, self.augment).inputs for side in ("one", "other")]
            slopes, statistics = self._slopes(problem, free, statistics, views)
            free, state = optimizer.step(free, slopes, state)
            went(step + 1, self.steps)
        return tree.move({"params": free["network"], "statistics": statistics}, torch.device("cpu"))

    def reader(self, problem: Problem) -> Callable[[Tree], Float[Tensor, "example number"]]:
        """A function from inputs, where the problem is, to representations; it is trained where it is not kept yet."""
        learner, under = _kept(problem, self), self.under(problem)
        return lambda inputs: features_of(under, learner.params, inputs, learner.statistics)

    def _slopes(self, problem: Problem, params: Tree, statistics: Tree, views: list[Tree]) -> tuple[Tree, Tree]:
        """The gradient, and the running statistics after both views, one after the other."""
        free = tree.map(lambda leaf: leaf.detach().requires_grad_(), params)
        embedded = []
        for view in views:
            readout, statistics = problem.network.track(free["network"], view, statistics)
            embedded.append(projected(free["projector"], readout.features))
        loss = redundancy(embedded[0], embedded[1], self.off_diagonal)
        # The last layer of the network has no part in it.
        slopes = torch.autograd.grad(loss, tree.leaves(free), allow_unused=True, materialize_grads=True)
        return tree.unflatten(free, dict(zip(tree.flatten(free), slopes, strict=True))), statistics


def check(task: AbstractTask) -> None:
    """InputError for a task whose inputs are no images, or that is not to name classes."""
    shape: Any = task.shape
    if not isinstance(shape, tuple) or len(shape) != 3 or len(task.classes) < 2:
        found = "several tensors" if not isinstance(shape, tuple) else f"the shape {shape}"
        raise InputError(
            f"twins: found inputs of {found} in {task.name}, expected images (channel, height, width) of classes, of "
            "which there are two views; choose a recipe without representations"
        )


@functools.lru_cache(maxsize=8)
def _features(task: AbstractTask, name: str) -> int:
    """How many features a network has; InputError where those are as many as there are classes."""
    network = task.network(name)
    with torch.no_grad():
        zeros = tree.build(task.shape, 1, lambda _, shape: torch.zeros(shape))
        found = network.apply(network.init(KEY), zeros, network.statistics()).features.shape[1]
    if found == len(task.classes):
        raise InputError(
            f"twins: found {found} features of network {name}, as many as there are classes of {task.name}, so that "
            "they would be read as weights of these; name a wider one"
        )
    return int(found)


@functools.lru_cache(maxsize=2)
def _kept(problem: Problem, twins: Twins) -> Learner:
    """The trained network, on the problem's device."""
    outcome = ProbeContext(problem).outcome(twins)
    return Learner(*tree.move((outcome["params"], outcome.get("statistics", {})), problem.device))
