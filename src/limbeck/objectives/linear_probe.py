"""The real loss of the linear probe that the set gives on the features of an encoder that stays as it is."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.computations.features import CHUNK, Networks
from limbeck.computations.sources import training_count
from limbeck.core import tree
from limbeck.core.contracts import AbstractObjective, Batch, Problem, Synthetic
from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.compiled import features_of
from limbeck.learn.ridge import number_each, ridge_outputs
from limbeck.learn.training import Learner, fresh

ROOM = 2**29
"""Bytes up to which the features of all real images are kept in memory: those of CIFAR-10 at width 128."""
BITS = 32
UNTRAINED = Key(("encoder",))


class Encoder(NamedTuple):
    """The network of the features, and those of all real examples where there is room for them."""

    learner: Learner
    real: Batch | None
    """Its inputs are features."""


@dataclass(frozen=True)
class LinearProbe(AbstractObjective):
    """Real loss of the linear probe that the set gives on a frozen encoder (Peng et al., CLP-DD, 2026).

    loss = mean over real x of L(W phi(x) / temperature, y),  W = Y' (Z Z' + ridge tr(Z Z') / n I)^-1 Z

    Z are the features phi of the n items, Y their targets, and L is the task's loss, of classes cross-entropy: the rows
    of W are anchors of the classes among the features. The probe is solved in double precision.

    The encoder is the network of the problem, trained for `epochs` on the real data as that of the selections is, once,
    and kept. A network of your own with parameters that need no gradient keeps those as its factory has set them: with
    `epochs` 0 a pretrained body is the encoder as it comes, and learners of a set train what is not frozen alone.
    Running statistics are normalised by. The features of real images are found once where they fit into 512 MB.
    """

    per_class: int = 256
    """Real images of each class that the loss is of."""
    ridge: float = 0.1
    """As a share of the mean squared norm of the features of an item."""
    temperature: float = 0.1
    """What the outputs of the probe are divided by."""
    epochs: int = 5
    """How long the encoder is trained on the real data, at least 150 steps; 0: it stays as it begins."""

    def __post_init__(self) -> None:
        at_least(self, 1, "per_class")
        at_least(self, 0, "epochs")
        positive(self, "ridge", "temperature")

    def init(self, problem: Problem, key: Key) -> Tree:
        """Nothing is remembered from step to step; the encoder is found."""
        self._encoder(problem)
        return {}

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The mean real loss; InputError for targets that are not a number for each output."""
        encoder, shown = self._encoder(problem), synthetic.batch
        params, statistics = encoder.learner
        rows = problem.real_rows(key.fold("real"), self.per_class)
        real = encoded(problem, encoder.learner, rows) if encoder.real is None else tree.rows(encoder.real, rows)
        ours, outputs = problem.network.apply(params, shown.inputs, statistics)
        targets = number_each(
            shown.targets, len(ours), outputs.shape[1], "objective linear-probe", "choose --objective unrolled"
        )
        found = ridge_outputs(real.inputs, ours, targets, self.ridge)
        return problem.task.loss(found / self.temperature, real.targets).mean()

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        """Nothing changes."""
        return state

    def _encoder(self, problem: Problem) -> Encoder:
        """The encoder, the same whether or not steps are compiled."""
        return encoder_of(replace(problem, compiled=False), self.epochs)


@functools.lru_cache(maxsize=2)
def encoder_of(problem: Problem, epochs: int) -> Encoder:
    """The encoder of a problem."""
    if epochs:
        (learner,) = Networks().learners(problem, epochs)
    else:
        learner = fresh(problem.network, UNTRAINED, problem.device)
    count, one = training_count(problem.task), encoded(problem, learner, torch.arange(1)).inputs
    if tree.joined(problem.task.shape) or count * one.nbytes > ROOM:
        return Encoder(learner, None)
    parts = [encoded(problem, learner, rows) for rows in torch.arange(count).split(CHUNK)]
    return Encoder(learner, tree.cat(parts))


def encoded(problem: Problem, learner: Learner, rows: Int[Tensor, " row"]) -> Batch:
    """Training examples, whose inputs are their features."""
    real = problem.task.load_on(problem.device, "train", rows)
    return real._replace(inputs=features_of(problem, learner.params, real.inputs, learner.statistics))
