"""What training on a set goes down, as parts that a schedule names: the task's own loss, or another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from limbeck.core.contracts import AbstractTask, ByTask, TrainingLoss
from limbeck.core.errors import InputError
from limbeck.core.expect import AbstractPart
from limbeck.core.family import Family, maker_of
from limbeck.core.tree import Tree
from limbeck.learn.attention_labels import ByAttention
from limbeck.learn.contrast import disagreement


class BySquaredError(NamedTuple):
    """The squared distance of outputs and targets, which are one number for each output."""

    def each(self, task: AbstractTask, outputs: Tensor, targets: Tree) -> Tensor:
        """The mean over outputs of the squared difference."""
        if not isinstance(targets, Tensor) or targets.shape != outputs.shape:
            found = tuple(targets.shape) if isinstance(targets, Tensor) else "a tree"
            raise InputError(
                f"training loss squared-error: found targets {found}, expected one number for each output, "
                f"{tuple(outputs.shape)}; leave the loss to the task (task-loss)"
            )
        return (outputs - targets).square().mean(-1)


class ByLikeness(NamedTuple):
    """How far embeddings are from being as alike as targets say (`limbeck.learn.contrast.disagreement`)."""

    def each(self, task: AbstractTask, outputs: Tensor, targets: Tree) -> Tensor:
        """The share of each pair; InputError for a task whose examples are no pairs."""
        if not isinstance(targets, Tensor) or len(task.sides(outputs)) != 2:
            raise InputError(
                f"training loss likeness: found {task.name}, whose outputs are no two embeddings, expected a task of "
                "pairs, such as emoji; leave the loss to the task (task-loss)"
            )
        return disagreement(outputs, targets)


@dataclass(frozen=True)
class Divergence:
    """How far a network is from what its targets say, both softened (Hinton et al. 2015); no set asks for it itself.

    KL(targets || softmax(outputs / temperature)), where targets are a softmax at the same temperature; in nats, and not
    times the square of the temperature.
    """

    temperature: float = 1.0

    def each(self, task: AbstractTask, outputs: Tensor, targets: Tree) -> Tensor:
        """The divergence of each example; a weight of 0 counts for nothing."""
        entropy = torch.special.entr(targets).sum(-1)
        return -(targets * (outputs / self.temperature).log_softmax(-1)).sum(-1) - entropy


class AbstractTrainingLoss(AbstractPart):
    """What training on a set goes down, as a schedule names it."""

    makes: ClassVar[type]
    """What it is of trees, a named tuple."""

    def loss(self) -> TrainingLoss:
        """What training goes down."""
        made: TrainingLoss = self.makes()
        return made


@dataclass(frozen=True)
class TaskLoss(AbstractTrainingLoss):
    """The loss of the task itself; of classes cross-entropy, under soft targets too."""

    makes: ClassVar[type] = ByTask


@dataclass(frozen=True)
class SquaredError(AbstractTrainingLoss):
    """The mean squared difference of a network's outputs and the targets, which need be no probabilities."""

    makes: ClassVar[type] = BySquaredError


@dataclass(frozen=True)
class Likeness(AbstractTrainingLoss):
    """Of pairs, the weighted binary cross-entropy of how alike all are and how alike targets say (LoRS, ICML 2024)."""

    makes: ClassVar[type] = ByLikeness


@dataclass(frozen=True)
class AttentionLoss(AbstractTrainingLoss):
    """The loss of the task, and how far attention is from the labels that schedule attention-labels has of it."""

    makes: ClassVar[type] = ByAttention


TRAINING_LOSSES = Family("training-loss", AbstractTrainingLoss, TaskLoss, SquaredError, Likeness, AttentionLoss)


def loss_name(loss: TrainingLoss) -> str:
    """The name of a loss in a file: that of the part that makes it."""
    return maker_of(TRAINING_LOSSES, loss, "a training loss")


def loss_named(name: str) -> Callable[..., TrainingLoss]:
    """The loss of that name; InputError for one that no part here makes."""
    return TRAINING_LOSSES[name].makes
