"""Teachers: networks trained on the real training data, which say of any item how likely each class is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.computations.contract import ProbeContext
from limbeck.computations.features import BATCH
from limbeck.computations.training import Training, teacher_by
from limbeck.core.contracts import AbstractAugmentation, Problem
from limbeck.core.errors import InputError
from limbeck.core.expect import AbstractPart, at_least, fraction, positive
from limbeck.core.family import VALUES
from limbeck.core.tree import Tree
from limbeck.learn.population import read
from limbeck.learn.rules import Momentum
from limbeck.learn.training import Learner
from limbeck.protocols import Epochs


@VALUES.register
@dataclass(frozen=True)
class Teacher(AbstractPart):
    """A network trained on the train split by SGD in shuffled batches, and frozen.

    It is one network for a task and these fields, trained once and kept. How long it is trained is part of what it
    teaches: a young one says less, and that more evenly, which suits fewer items better (Qin et al., NeurIPS 2024).
    """

    network: str = ""
    """Which network; "" is the one that is distilled with."""
    epochs: int = 5
    """How long it is trained; at least 150 steps, so that small data are seen more often."""
    learning_rate: float = 0.01
    """The length of a step."""
    momentum: float = 0.9
    """The share of the last step that the next one keeps."""
    weight_decay: float = 0.0
    """How strongly parameters are drawn to zero."""
    batch: int = BATCH
    """Examples a step."""
    augment: AbstractAugmentation | None = None
    """How its images are varied; none: as they are."""

    def __post_init__(self) -> None:
        at_least(self, 1, "epochs", "batch")
        at_least(self, 0, "weight_decay")
        positive(self, "learning_rate")
        fraction(self, "momentum")

    def training(self) -> Training:
        """Its training, of which the end is kept."""
        protocol = Epochs(
            learning_rate=self.learning_rate,
            optimizer=Momentum(self.momentum, self.weight_decay),
            augment=self.augment,
            full_batch=self.batch,
            full_epochs=self.epochs,
        )
        return teacher_by(protocol, self.network)

    def under(self, problem: Problem) -> Problem:
        """The problem with its network; InputError where the data have no classes, of which it could say anything."""
        count, targets = len(problem.task.classes), problem.task.load("train", torch.tensor([0])).targets
        if count < 2 or not isinstance(targets, Tensor) or targets.shape != (1, count):
            raise InputError(
                f"teacher: found {problem.task.name}, whose targets are not weights of classes, expected data of "
                "classes; choose a recipe without a teacher"
            )
        return ProbeContext(problem).under(self.network).problem

    def learner(self, problem: Problem) -> Learner:
        """What it has become, on the problem's device; trained where it is not kept yet."""
        return self.training().kept(ProbeContext(problem))

    def reader(self, problem: Problem) -> Callable[[Tree], Float[Tensor, "example output"]]:
        """A function from any number of inputs to its logits of them, on the CPU; by running statistics if it has any.

        It is trained where it is not kept yet.
        """
        learner, under = self.learner(problem), ProbeContext(problem).under(self.network).problem
        return lambda inputs: read(under, learner, inputs).outputs
