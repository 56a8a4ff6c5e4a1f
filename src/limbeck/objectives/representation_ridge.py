"""The real error in representations of a ridge regression on the features of networks that learn from the set."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.computations.sources import training_count
from limbeck.computations.twins import Twins
from limbeck.core.contracts import AbstractAugmentation, AbstractObjective, Problem, Synthetic
from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.learn.augment import Siamese
from limbeck.learn.compiled import features_of
from limbeck.learn.losses import BySquaredError
from limbeck.learn.networks.network import ending_in
from limbeck.learn.optim import SGD, AbstractOptimizer
from limbeck.learn.ridge import number_each, ridge_outputs, with_ones
from limbeck.objectives.pool import Pool


@dataclass(frozen=True)
class RepresentationRidge(AbstractObjective):
    """Squared error in a teacher's representations of a ridge regression on features (Lee et al., ICLR 2024).

    loss = mean over real x and numbers of (f(x) - g(x))^2,  f(x) = k(x)' (K + ridge tr(K) / n I)^-1 Y

    g are representations of a network that learned without labels, x real images under `augment`, Y the targets of the
    n items, K the inner products of the features of items and a constant 1, k(x) theirs with those of x. The regression
    is solved in double precision. The features are those of a network that the step draws from a pool, as those of
    `pooled-ridge` are; a network there has as many outputs as a representation has numbers, and learns from the set by
    squared error. Of the real data no label is read.

    A set begins at the start `representations`, whose teacher is the same.
    """

    teacher: Twins = field(default_factory=Twins)
    """The network whose representations are to be met."""
    examples: int = 256
    """Real images of a step, drawn evenly and with replacement."""
    ridge: float = 1e-6
    """As a share of the mean squared norm of the features of an item."""
    pool: int = 10
    """Networks at once."""
    longest: int = 1000
    """Steps after which a network gives way to a fresh one."""
    batch: int = 1000
    """Items that a network learns from in a step; all, where the set has fewer."""
    optimizer: AbstractOptimizer = SGD(learning_rate=0.1, momentum=0.9)
    """What trains the networks."""
    augment: AbstractAugmentation | None = Siamese(("crop", "flip"))
    """What real examples undergo before they are represented."""

    def __post_init__(self) -> None:
        at_least(self, 1, "examples", "pool", "longest", "batch")
        positive(self, "ridge")

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """The training of the teacher; InputError for what is no image."""
        self._regressing(problem)
        return (self.teacher,)

    def init(self, problem: Problem, key: Key) -> Pool:
        """Fresh networks of staggered ages."""
        return Pool.begun(self._regressing(problem), self.optimizer, self.pool, self.longest, key)

    def loss(self, state: Pool, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The mean error; InputError for targets that are not representations by this teacher."""
        params, statistics = state.members[state.drawn(key)].learner
        under, task, shown = self._regressing(problem), problem.task, synthetic.batch
        rows = key.fold("real").integers(training_count(task), self.examples)
        real = task.load_on(problem.device, "train", rows)
        real = task.augment(real, key.fold("augment"), torch.arange(self.examples), self.augment)
        aims = self.teacher.reader(problem)(real.inputs)
        theirs = features_of(under, params, real.inputs, statistics)
        ours = under.network.apply(params, shown.inputs, statistics).features
        targets = number_each(
            shown.targets, len(ours), aims.shape[1], "objective representation-ridge",
            "choose --start representations, of the same teacher",
        )  # fmt: skip
        return (ridge_outputs(with_ones(theirs), with_ones(ours), targets, self.ridge) - aims).square().mean()

    def advance(self, state: Pool, problem: Problem, synthetic: Synthetic, key: Key) -> Pool:
        """The pool after its drawn network has learned from the set, or given way."""
        under = self._regressing(problem)
        return state.learned(under, synthetic.batch, self.optimizer, self.longest, self.batch, key)

    def _regressing(self, problem: Problem) -> Problem:
        """The problem of a network that learns representations by squared error."""
        numbers = self.teacher.reads(problem.task)
        return replace(problem, network=ending_in(problem.network, numbers), goal=BySquaredError())
