"""The real loss of a regression on features and tangents of networks of several ages, which learn from the set."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractObjective, Batch, Problem, Synthetic
from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.compiled import gradient_function_of, joined, parted
from limbeck.learn.conjugate_gradients import conjugate_gradients
from limbeck.learn.microbatches import microbatch_limit
from limbeck.learn.optim import Adam
from limbeck.learn.ridge import number_each, with_ones
from limbeck.learn.sensitivity import surrogate, vjp
from limbeck.learn.tangents import Tangents
from limbeck.learn.training import Learner
from limbeck.objectives.pool import Member, Pool, beside_mirror_images
from limbeck.objectives.pooled_ridge import margins

SCALES = 100.0
"""The largest scale of outputs, and one over the smallest."""
HALVINGS = 25
"""How often the range of scales is halved: what is left of its logarithm is below one millionth."""

Leaves = dict[str, Tensor]


class Slopes(NamedTuple):
    """The derivatives of a loss in what is learned of a set."""

    direct: Leaves
    """Where the tangent stays."""
    implicit: Leaves
    """By what the set does to the tangent."""


@dataclass(frozen=True)
class TangentRidge(AbstractObjective):
    """Real loss of a regression on features and tangents of networks that learn from the set (Loo et al., ICML 2023).

    loss = least over s of mean over real x of L(s f(x), y) - mean over the set of min(y_1 - y_2, 1 / 2C)
    f(x) = J(x) t + k(x)' A^-1 (Y - 1/C - J t),  A = K + ridge items I
    t = the tangent at which tr (Y - 1/C - J t)' A^-1 (Y - 1/C - J t) + |t|^2 is least

    This is training of the network linear in all its parameters, its output at first taken off, under weight decay: K
    and k are inner products of features and a one, so A^-1 is the last layer in closed form, and J is the derivative of
    outputs in the other parameters. That training is convex. Y are the targets of the items, C how many outputs there
    are, y_1 and y_2 the two largest targets of an item, L the task's loss. A is solved in double precision, t by
    conjugate gradients.

    The derivative in the set is the direct one, where t stays, and the implicit one through t, which is that of
    tr (J u)' A^-1 (Y - 1/C - J t) where u and t stay: u + J'A^-1 J u = v, with v the derivative of the loss in t, is
    solved as t is. Every tensor of the implicit one is scaled to a norm of at most `most` times that of the direct one,
    so that the gradient is not the loss's own where it was longer, or where `steps` are too few.

    After the step the network that it drew takes 1 to `updates` steps, evenly drawn, down the set's own training loss.
    One of an age of `longest` such steps gives way to a fresh one. A network with running statistics normalises by
    them.

    In the published code both systems are solved by 20 steps of Adam, at rates found by trial: conjugate gradients need
    none, and are nearer. There log s takes a step of AdaBelief for each of the set's; here s is the best in
    [1/100, 100] for the real images of the step.
    """

    per_class: int = 102
    """Real images of each class that the loss is of."""
    ridge: float = 5e-4
    """The weight decay, for each item; mirror images do not count."""
    steps: int = 20
    """Of conjugate gradients, for t and for u each; 0: features alone."""
    most: float = 1.0
    """The largest norm of a tensor of the implicit derivative, in norms of the direct one; 0: any."""
    pool: int = 30
    """Networks at once."""
    longest: int = 100
    """The age in steps at which a network gives way to a fresh one."""
    updates: int = 15
    """The most steps that a network takes between two of the set."""
    optimizer: Adam = Adam(learning_rate=5e-5)
    """What trains the networks."""
    mirrored: bool = True
    """Whether items go in beside their mirror images, where those are of the same class."""

    def __post_init__(self) -> None:
        at_least(self, 1, "per_class", "pool", "longest", "updates")
        at_least(self, 0, "steps", "most")
        positive(self, "ridge")

    def init(self, problem: Problem, key: Key) -> Pool:
        """Fresh networks of age 0."""
        members = tuple(Member.fresh(problem, self.optimizer, key.fold(slot)) for slot in range(self.pool))
        return Pool(members, torch.zeros(self.pool, dtype=torch.int64))

    def loss(self, state: Pool, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The loss and the margin; InputError for targets that are not a number for each output."""
        learner = state.members[state.drawn(key)].learner
        real = problem.real(key.fold("real"), self.per_class)
        value, slopes = self.value_and_slopes(learner, problem, synthetic.batch, real)
        implicit = {path: self._held(slope, slopes.direct[path]) for path, slope in slopes.implicit.items()}
        gradients = tree.map(torch.add, slopes.direct, implicit)
        return surrogate(value, parted(synthetic.batch)[0], gradients)

    def advance(self, state: Pool, problem: Problem, synthetic: Synthetic, key: Key) -> Pool:
        """The pool after its drawn network has learned from the set, or given way."""
        slot = state.drawn(key)
        updates = 1 + int(key.fold("updates").integers(self.updates))
        age = int(state.ages[slot]) + updates
        if age >= self.longest:
            return state.put(slot, Member.fresh(problem, self.optimizer, key.fold("respawn")), 0)
        learner, optimizer = state.members[slot]
        shown = self._shown(problem, synthetic.batch)
        gradient_of = gradient_function_of(problem.trained_by(synthetic.schedule))
        for _ in range(updates):
            slopes, statistics = gradient_of(learner, shown)
            params, optimizer = self.optimizer.step(learner.params, slopes, optimizer)
            learner = Learner(params, statistics)
        return state.put(slot, Member(learner, optimizer), age)

    def value_and_slopes(
        self, learner: Learner, problem: Problem, batch: Batch, real: Batch
    ) -> tuple[Float[Tensor, ""], Slopes]:
        """The loss of a set under one network, cut from any graph, and its derivatives in the leaves that are learned.

        Nothing of the implicit one is scaled.
        """
        with torch.enable_grad():
            return self._value_and_slopes(learner, problem, batch, real)

    def _value_and_slopes(
        self, learner: Learner, problem: Problem, batch: Batch, real: Batch
    ) -> tuple[Float[Tensor, ""], Slopes]:
        leaves, rest = parted(batch)
        learned = tree.map(lambda leaf: leaf.detach().requires_grad_(), leaves)
        shown = self._shown(problem, joined(learned, tree.detach(rest)))
        ours = Tangents(problem.network, learner.params, shown.inputs, learner.statistics)
        fit = Fit(ours, shown.targets, self.ridge * len(batch.classes))
        tangent = fit.solved(fit.pull, self.steps)
        change = ours.change(tangent, create_graph=True)
        weights = fit.weights(change)
        theirs = Theirs(problem, learner, real.inputs, ours.paths)
        features, moved = theirs.read(tangent)
        found = moved + (features @ fit.features.T).double() @ weights
        scale = best_scale(lambda by: problem.task.loss(by * found.detach(), real.targets).mean(), found)
        value = problem.task.loss(scale * found, real.targets).mean()
        count = found.shape[1]
        if count > 1:
            value = value - margins(shown.targets, 1 / (2 * count)).mean()
        if not learned:
            return value.detach(), Slopes({}, {})
        one = torch.ones_like(value)
        slopes = vjp([value], [one], {"learned": learned, "ours": change, "theirs": moved}, again=True)
        adjoint = fit.solved(ours.back(slopes["ours"]) + theirs.back(slopes["theirs"]), self.steps)
        crossed = (ours.change(adjoint, create_graph=True) * weights).sum()
        return value.detach(), Slopes(slopes["learned"], vjp([crossed], [torch.ones_like(crossed)], learned))

    def _shown(self, problem: Problem, batch: Batch) -> Batch:
        """What the regression is on."""
        return beside_mirror_images(problem, batch) if self.mirrored else batch

    def _held(self, implicit: Tensor, direct: Tensor) -> Tensor:
        """The implicit derivative in a tensor, no longer than it may be."""
        if not self.most:
            return implicit
        norm, most = implicit.norm(), self.most * direct.norm()
        return implicit * torch.where(norm > most, most / norm, 1.0)


class Fit:
    """The regression on the items of a set under one network, with a graph in what is learned of them."""

    def __init__(self, tangents: Tangents, targets: Tree, decay: float) -> None:
        self.tangents = tangents
        self.features = with_ones(tangents.features)
        items, count = tangents.outputs.shape
        numbers = number_each(targets, items, count, "objective tangent-ridge", "choose --objective unrolled")
        self._aims = numbers.double() - 1 / count
        gram = self.features.double() @ self.features.double().T
        eye = torch.eye(items, dtype=gram.dtype, device=gram.device)
        # Whether it could be factored is not asked: the answer would be waited for.
        self._factor = torch.linalg.cholesky_ex(gram + decay * eye)[0]

    @property
    def pull(self) -> Float[Tensor, " parameter"]:
        """J'A^-1 (Y - 1/C): down the loss of training, from where the tangent is 0."""
        return self._back(self._aims.detach())

    def weights(self, change: Float[Tensor, "item output"]) -> Float[Tensor, "item output"]:
        """A^-1 (Y - 1/C - change): what each item counts for in the last layer."""
        return torch.cholesky_solve(self._aims - change, self._factor)

    def solved(self, right: Float[Tensor, " parameter"], steps: int) -> Float[Tensor, " parameter"]:
        """The u of u + J'A^-1 J u = right, by so many steps."""
        return conjugate_gradients(lambda u: u + self._back(self.tangents.change(u)), right, steps)

    def _back(self, outputs: Float[Tensor, "item output"]) -> Float[Tensor, " parameter"]:
        """J'A^-1 outputs."""
        solved = torch.cholesky_solve(outputs.double(), self._factor.detach())
        return self.tangents.back(solved.to(self.features.dtype))


class Theirs:
    """Real examples under one network, in passes of a size, none of which is kept."""

    def __init__(self, problem: Problem, learner: Learner, inputs: Tree, paths: Sequence[str]) -> None:
        self._parts = tree.split(inputs, microbatch_limit(problem, tree.length(inputs)))
        self._of = lambda part: Tangents(problem.network, learner.params, part, learner.statistics, paths)

    def read(
        self, tangent: Float[Tensor, " parameter"]
    ) -> tuple[Float[Tensor, "example feature_and_one"], Float[Tensor, "example output"]]:
        """Their features, and how outputs change along a tangent, a leaf of a graph."""
        found = [(each.features.detach(), each.change(tangent)) for each in map(self._of, self._parts)]
        features, moved = (torch.cat(pieces) for pieces in zip(*found, strict=True))
        return with_ones(features), moved.requires_grad_()

    def back(self, weights: Float[Tensor, "example output"]) -> Float[Tensor, " parameter"]:
        """The gradient of the weighted sum of outputs in the parameters of the body."""
        pieces = weights.split([tree.length(part) for part in self._parts])
        return torch.stack([self._of(part).back(piece) for part, piece in zip(self._parts, pieces, strict=True)]).sum(0)


def best_scale(loss: Callable[[Tensor], Tensor], like: Tensor) -> Float[Tensor, ""]:
    """Where in [1/100, 100] a convex function of a scale is least, of the type and device of `like`; unread.

    >>> best_scale(lambda scale: (scale - 5) ** 2, torch.zeros(1)).item() - 5 < 1e-4
    True
    """
    low, high = (torch.full_like(like[:1].sum(), side * math.log(SCALES)) for side in (-1, 1))
    for _ in range(HALVINGS):
        middle = ((low + high) / 2).detach().requires_grad_()
        with torch.enable_grad():
            (slope,) = torch.autograd.grad(loss(middle.exp()), middle)
        low, high = torch.where(slope < 0, middle, low), torch.where(slope < 0, high, middle)
    return ((low + high) / 2).detach().exp()
