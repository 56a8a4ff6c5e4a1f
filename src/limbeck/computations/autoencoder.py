"""An autoencoder of the real images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from limbeck.computations.contract import AbstractOfReal, ProbeContext
from limbeck.computations.sources import training_count
from limbeck.computations.training import STEP
from limbeck.core import tree
from limbeck.core.key import Key
from limbeck.core.progress import went
from limbeck.core.tree import Tree
from limbeck.learn.autoencoder import begun, bound
from limbeck.learn.compiled import Operations
from limbeck.learn.footprint import ADAM
from limbeck.learn.networks.layers import Shape
from limbeck.learn.optim import Adam
from limbeck.learn.peak import FEW, Peak, grown

KEY = Key(("autoencoder",))


@dataclass(frozen=True)
class Autoencoder(AbstractOfReal):
    """The parameters of a variational autoencoder (Kingma & Welling, ICLR 2014) of the train split, which are images.

    It is trained by Adam for so many steps, each on a batch of `batch` images, drawn evenly and with replacement. The
    outcome is {"decoder": {name: tensor}, "encoder": {name: tensor}}, on the CPU.
    """

    doing = "training an autoencoder"

    code: int
    """Numbers of a code."""
    width: int
    """Channels of its middle layer."""
    steps: int
    learning_rate: float = 0.002
    batch: int = 128

    def begun(self, shape: Shape) -> dict[str, Tree]:
        """The parameters before the first step."""
        return begun(shape, self.code, self.width, KEY)

    def passes(self, context: ProbeContext) -> float:
        """Its steps."""
        return float(self.steps)

    def flops(self, context: ProbeContext) -> float:
        """The operations of its steps."""
        shape: Any = context.problem.task.shape
        with torch.no_grad(), Operations() as counted:
            bound(self.begun(shape), torch.zeros(1, *shape), self.code, self.width, KEY)
        return float(counted.count) * STEP * self.batch * self.steps

    def bytes(self, context: ProbeContext, together: int = 1) -> float:
        """Those of a step, which goes back through a whole batch at once."""
        shape: Any = context.problem.task.shape
        with Peak() as begun:
            params = self.begun(shape)
        courses = []
        # What is made once and kept is made by the first of all.
        for few in (FEW[0], *FEW):
            with Peak() as step:
                self._slopes(params, torch.zeros(few, *shape), 0)
            courses.append(step.course)
        told = grown(courses[1:], self.batch)
        assert told is not None, "the same is done to however many images"
        return ADAM * begun.now + told

    def run(self, context: ProbeContext) -> Tree:
        """Train it."""
        problem, optimizer = context.problem, Adam(self.learning_rate)
        task, device = problem.task, problem.device
        shape: Any = task.shape
        kind = tree.leaves(task.load("train", torch.tensor([0])).inputs)[0].dtype
        params = tree.map(lambda leaf: leaf.to(device, kind), self.begun(shape))
        count, state = training_count(task), optimizer.init(params)
        for step in range(self.steps):
            rows = KEY.fold("rows", step).integers(count, self.batch)
            images = task.load_on(device, "train", rows).inputs
            params, state = optimizer.step(params, self._slopes(params, images, step), state)
            went(step + 1, self.steps)
        return tree.move(params, torch.device("cpu"))

    def _slopes(self, params: dict[str, Tree], images: Tensor, step: int) -> Tree:
        free = tree.map(lambda leaf: leaf.detach().requires_grad_(), params)
        loss = bound(free, images, self.code, self.width, KEY.fold("codes", step))
        slopes = torch.autograd.grad(loss, tree.leaves(free))
        return tree.unflatten(free, dict(zip(tree.flatten(free), slopes, strict=True)))
