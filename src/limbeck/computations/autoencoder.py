"""An autoencoder of the real examples."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.computations.contract import AbstractOfReal, ProbeContext
from limbeck.computations.sources import training_count
from limbeck.computations.training import STEP
from limbeck.core import tree
from limbeck.core.contracts import AbstractTask, Batch
from limbeck.core.key import Key
from limbeck.core.progress import went
from limbeck.core.tree import Tree
from limbeck.learn.autoencoder import begun, bound
from limbeck.learn.compiled import Operations
from limbeck.learn.footprint import ADAM
from limbeck.learn.optim import Adam
from limbeck.learn.peak import FEW, Peak, grown

KEY = Key(("autoencoder",))


@dataclass(frozen=True)
class AbstractAutoencoder(AbstractOfReal):
    """The parameters of an encoder and a decoder of the train split.

    They are trained by Adam for so many steps, each on a batch of `batch` examples, drawn evenly and with replacement.
    The outcome is {"decoder": {name: tensor}, "encoder": {name: tensor}}, on the CPU.
    """

    doing = "training an autoencoder"

    code: int
    """Numbers of a code."""
    width: int
    """Of its middle layer: channels, or numbers."""
    steps: int
    learning_rate: float = 0.002
    batch: int = 128

    @abstractmethod
    def begun(self, task: AbstractTask) -> dict[str, Tree]:
        """The parameters before the first step."""

    @abstractmethod
    def loss(self, task: AbstractTask, params: dict[str, Tree], examples: Batch, key: Key) -> Float[Tensor, ""]:
        """What training goes down, by a key of the step."""

    def passes(self, context: ProbeContext) -> float:
        """Its steps."""
        return float(self.steps)

    def flops(self, context: ProbeContext) -> float:
        """The operations of its steps."""
        task = context.problem.task
        with torch.no_grad(), Operations() as counted:
            self.loss(task, self.begun(task), _zeros(task, 1), KEY)
        return float(counted.count) * STEP * self.batch * self.steps

    def bytes(self, context: ProbeContext, together: int = 1) -> float:
        """Those of a step, which goes back through a whole batch at once."""
        task = context.problem.task
        with Peak() as begun:
            params = self.begun(task)
        courses = []
        # What is made once and kept is made by the first of all.
        for few in (FEW[0], *FEW):
            with Peak() as step:
                self._slopes(task, params, _zeros(task, few), 0)
            courses.append(step.course)
        told = grown(courses[1:], self.batch)
        assert told is not None, "the same is done to however many examples"
        return ADAM * begun.now + told

    def run(self, context: ProbeContext) -> Tree:
        """Train it."""
        problem, optimizer = context.problem, Adam(self.learning_rate)
        task, device = problem.task, problem.device
        kind = tree.leaves(task.load("train", torch.tensor([0])).inputs)[0].dtype
        params = tree.map(lambda leaf: leaf.to(device, kind), self.begun(task))
        count, state = training_count(task), optimizer.init(params)
        for step in range(self.steps):
            rows = KEY.fold("rows", step).integers(count, self.batch)
            examples = task.load_on(device, "train", rows)
            params, state = optimizer.step(params, self._slopes(task, params, examples, step), state)
            went(step + 1, self.steps)
        return tree.move(params, torch.device("cpu"))

    def _slopes(self, task: AbstractTask, params: dict[str, Tree], examples: Batch, step: int) -> Tree:
        free = tree.map(lambda leaf: leaf.detach().requires_grad_(), params)
        loss = self.loss(task, free, examples, KEY.fold("codes", step))
        slopes = torch.autograd.grad(loss, tree.leaves(free))
        return tree.unflatten(free, dict(zip(tree.flatten(free), slopes, strict=True)))


@dataclass(frozen=True)
class Autoencoder(AbstractAutoencoder):
    """A variational autoencoder (Kingma & Welling, ICLR 2014) of the train split, which are images."""

    def begun(self, task: AbstractTask) -> dict[str, Tree]:
        """The parameters before the first step."""
        shape: Any = task.shape
        return begun(shape, self.code, self.width, KEY)

    def loss(self, task: AbstractTask, params: dict[str, Tree], examples: Batch, key: Key) -> Float[Tensor, ""]:
        """The bound of how unlikely images are."""
        return bound(params, examples.inputs, self.code, self.width, key)


def _zeros(task: AbstractTask, count: int) -> Batch:
    """So many examples of zeros, each of the first class."""
    targets = torch.zeros(count, len(task.classes))
    targets[:, 0] = 1.0
    inputs = tree.build(task.shape, count, lambda _, shape: torch.zeros(shape))
    return Batch(inputs, targets, torch.zeros(count, dtype=torch.int64))
