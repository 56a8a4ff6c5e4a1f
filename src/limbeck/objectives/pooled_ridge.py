"""The real error of a ridge regression on the features of networks of several ages, which learn from the set."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from limbeck.core.contracts import AbstractObjective, Problem, Synthetic
from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.learn.compiled import shared_features_of
from limbeck.learn.optim import Adam
from limbeck.learn.ridge import number_each, ridge_outputs
from limbeck.objectives.pool import Pool, beside_mirror_images


@dataclass(frozen=True)
class PooledRidge(AbstractObjective):
    """Squared error of a ridge regression on features of networks that learn from the set (Zhou et al., NeurIPS 2022).

    loss = mean over real x of |f(x) - (y - 1/C)|^2 / 2 - mean over the set of min(y_1 - y_2, 1/C)
    f(x) = k(x)' (K + ridge tr(K) / n I)^-1 (Y - 1/C)

    K are the inner products of the features of the n items, k(x) theirs with those of x, Y their targets, C how many
    outputs there are, y_1 and y_2 the two largest targets of an item. The regression is solved in double precision.
    The features are those of a network that the step draws from a pool: it stands for one that has learned from the set
    for a while, and the regression for the rest of its training.

    After the step this network takes one step down the set's own training loss, on at most `batch` of its items. Ages
    begin at 0, longest / pool, 2 longest / pool and so on, of networks that are all fresh; one whose age is above
    `longest` gives way to a fresh one of age 0. A network with running statistics normalises by them.
    """

    shared = "the features of real examples"
    per_class: int = 102
    """Real images of each class that the error is of."""
    ridge: float = 1e-6
    """As a share of the mean squared norm of the features of an item."""
    pool: int = 10
    """Networks at once."""
    longest: int = 100
    """The age in steps at which a network gives way to a fresh one."""
    batch: int = 1000
    """Items that a network learns from in a step; all, where the set has fewer."""
    optimizer: Adam = Adam(learning_rate=3e-4)
    """What trains the networks."""
    mirrored: bool = True
    """Whether items go into the regression beside their mirror images, where those are of the same class."""

    def __post_init__(self) -> None:
        at_least(self, 1, "per_class", "pool", "longest", "batch")
        positive(self, "ridge")

    def init(self, problem: Problem, key: Key) -> Pool:
        """Fresh networks of staggered ages."""
        return Pool.begun(problem, self.optimizer, self.pool, self.longest, key)

    def loss(self, state: Pool, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The mean error and the margin; InputError for targets that are not a number for each output."""
        params, statistics = state.members[state.drawn(key)].learner
        shown, real = synthetic.batch, problem.real(key.fold("real"), self.per_class)
        if self.mirrored:
            shown = beside_mirror_images(problem, shown)
        theirs = shared_features_of(problem, params, real.inputs, statistics)
        ours, outputs = problem.network.apply(params, shown.inputs, statistics)
        count = outputs.shape[1]
        targets = number_each(shown.targets, len(ours), count, "objective pooled-ridge", "choose --objective unrolled")
        aims = number_each(real.targets, len(theirs), count, "objective pooled-ridge", "choose --objective unrolled")
        found = ridge_outputs(theirs, ours, targets - 1 / count, self.ridge)
        error = (found - (aims - 1 / count)).square().sum(1).mean() / 2
        return error - margins(targets, 1 / count).mean() if count > 1 else error

    def advance(self, state: Pool, problem: Problem, synthetic: Synthetic, key: Key) -> Pool:
        """The pool after its drawn network has learned from the set, or given way."""
        goal = problem.trained_by(synthetic.schedule)
        return state.learned(goal, synthetic.batch, self.optimizer, self.longest, self.batch, key)


def margins(targets: Float[Tensor, "item output"], most: float) -> Float[Tensor, " item"]:
    """How far the largest target of each item is above the next, at most `most`.

    >>> import torch
    >>> margins(torch.tensor([[0.9, 0.1], [0.5, 0.25]]), 0.5)
    tensor([0.5000, 0.2500])
    """
    first, second = targets.topk(2, dim=1).values.unbind(1)
    return (first - second).clamp(max=most)
