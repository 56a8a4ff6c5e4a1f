"""Matching the gradients of each class under a network that is being trained, on the synthetic set or on real data."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core import ranks, tree
from limbeck.core.contracts import (
    AbstractAugmentation,
    AbstractNetwork,
    AbstractObjective,
    AbstractTask,
    Batch,
    Problem,
    Synthetic,
)
from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.augment import Siamese
from limbeck.learn.compiled import compiled, compiles, gradient_function_of, joined, parted, training_loss
from limbeck.learn.distances import AbstractDistance, RowCosine
from limbeck.learn.epochs import shuffled_epochs
from limbeck.learn.microbatches import loss_size, microbatches
from limbeck.learn.rules import Momentum
from limbeck.learn.sensitivity import Loss, mean_loss, over_parts, surrogate, vjp
from limbeck.learn.training import Learner, fresh, going_on, last, row_loader
from limbeck.objectives.real_training import RealTraining

CALIBRATION = 16
"""Real images of each class that set the running statistics of a network before its gradients are matched."""

Leaves = dict[str, Tensor]
"""The leaves of a batch by path."""
Gradients = tuple[Leaves, Tensor]
DistanceAndGradient = Callable[[Tree, Leaves, Leaves, Tree], Gradients]


class GradientState(NamedTuple):
    """The network in training, and how many steps of the set it has seen."""

    learner: Learner
    age: Int[Tensor, ""]
    """On the CPU."""
    velocity: Tree
    """Of its training on real data; empty where it has none."""


@dataclass(frozen=True)
class Gradient(AbstractObjective):
    """Distance of the gradients of each class under a network in training (Zhao et al., ICLR 2021).

    loss = sum over classes c of D(d L(A_c(T_c)) / d theta, d L(A_c(S_c)) / d theta)

    L is the mean loss of a batch, T_c are `per_class` real images of the class (all, where it has fewer),
    S_c all its synthetic images, of which every class must have some, and A_c one augmentation drawn for the class
    and shared by both sides (Zhao & Bilen, ICML 2021), or none. Nodes of a graph are seen amid all of its nodes.
    After each step of the set the network is trained on the set as it now is, by plain gradient descent for `inner`
    epochs, each image augmented for itself; after `outer` steps of the set a fresh network takes its place.

    A network with running statistics is matched by them, frozen: just before, they take in one batch of 16
    real images of each class, as published, so its first gradients are by statistics that have hardly moved
    from their start. The loss can be differentiated once.
    """

    shared = "the classes"
    distance: AbstractDistance = RowCosine()
    """How far gradients are from one another."""
    augment: AbstractAugmentation | None = field(default_factory=Siamese)
    """None: the images as they are (Zhao et al., ICLR 2021)."""
    per_class: int = 256
    """Real images of each class that a step sees."""
    outer: int = 10
    """Steps of the set for one network."""
    inner: int = 50
    """Epochs of training between two steps of the set."""
    learning_rate: float = 0.01
    """Of that training."""
    batch: int = 256
    """Synthetic images that one training step sees."""
    training: RealTraining | None = None
    """On real images; None: on the set."""

    def __post_init__(self) -> None:
        at_least(self, 1, "outer", "inner", "per_class", "batch")
        positive(self, "learning_rate")

    def init(self, problem: Problem, key: Key) -> GradientState:
        """A fresh network."""
        learner = fresh(problem.network, key.fold("network"), problem.device)
        velocity = {} if self.training is None else self.training.optimizer.init(learner.params)
        return GradientState(learner, torch.tensor(0), velocity)

    def loss(self, state: GradientState, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The distance, summed over classes."""
        params, statistics = calibrated(state.learner, problem, key)

        def plain(params: Tree, batch: Batch) -> Tensor:
            readout = problem.network.apply(params, batch.inputs, statistics)
            return problem.task.loss(readout.outputs, batch.targets).mean()

        loss: Loss = plain
        distance_and_gradient: DistanceAndGradient = functools.partial(eager_distance, plain, self.distance)
        if compiles(problem):
            loss, distance_and_gradient = (
                training_loss(problem),
                compiled_distance(problem.task, problem.network, self.distance),
            )

        def shown(batch: Batch) -> Batch:
            return problem.task.augment(batch, key.fold("augment"), batch.classes, self.augment)

        real, held = problem.real(key.fold("real"), self.per_class), shown(synthetic.batch)
        microbatch_limit = loss_size(problem.task, problem.device)
        total, task = torch.zeros((), dtype=tree.leaves(params)[0].dtype, device=problem.device), problem.task
        for label in ranks.mine(range(len(problem.task.classes))):
            parts = [shown(task.take(real, rows)) for rows in microbatches(_rows(real, label), microbatch_limit)]
            _, aim = over_parts(loss, params, parts)
            total = total + matched(distance_and_gradient, params, task.amid(held, _rows(held, label)), aim)
        return summed_over_ranks(total, held)

    def advance(self, state: GradientState, problem: Problem, synthetic: Synthetic, key: Key) -> GradientState:
        """The network trained on the set as it now is, or on real images, or a fresh one in its place."""
        if int(state.age) + 1 >= self.outer:
            return self.init(problem, key.fold("respawn"))
        if self.training is not None:
            learner, velocity = self.training.train(problem, state.learner, state.velocity, key.fold("train"))
            return GradientState(learner, state.age + 1, velocity)
        learner = calibrated(state.learner, problem, key)
        learner = self._train(learner, problem, synthetic.batch, key.fold("train"))
        return GradientState(learner, state.age + 1, state.velocity)

    def _train(self, learner: Learner, problem: Problem, batch: Batch, key: Key) -> Learner:
        """The network after the epochs between two steps on `batch`."""
        count, plain = len(batch.classes), Momentum(0.0).rule()
        schedule = shuffled_epochs(count, self.inner, self.batch, self.learning_rate, plain, key.fold("order"))
        task, gradient_of = problem.task, gradient_function_of(problem)
        augment = None if self.augment is None else self.augment.batchwise()
        return last(going_on(task, gradient_of, learner, row_loader(task, batch), schedule, key, augment))


def calibrated(learner: Learner, problem: Problem, key: Key) -> Learner:
    """The learner whose running statistics, if it has any, have taken in a batch of real images of every class."""
    if not learner.statistics:
        return learner
    real = problem.real(key.fold("calibration"), CALIBRATION)
    with torch.no_grad():
        _, statistics = problem.network.track(learner.params, real.inputs, learner.statistics)
    return learner._replace(statistics=statistics)


def matched(distance_and_gradient: DistanceAndGradient, params: Tree, batch: Batch, aim: Tree) -> Float[Tensor, ""]:
    """The distance from `aim` of the gradient at `batch`, with its derivative in what of the batch is learned.

    The derivative is taken here and now, so that the graph of both passes is gone before the next class begins:
    the memory of one class instead of all.
    """
    learned, rest = parted(batch)
    gradients, value = distance_and_gradient(params, learned, rest, aim)
    return surrogate(value, learned, gradients)


def summed_over_ranks(value: Tensor, batch: Batch) -> Float[Tensor, ""]:
    """The sum of what processes have of a loss, with its derivative in what of the batch is learned."""
    if not ranks.shared():
        return value
    learned, _ = parted(batch)
    value, slopes = ranks.summed((value.detach(), vjp([value], [torch.ones_like(value)], learned)))
    return surrogate(value, learned, slopes)


def eager_distance(
    loss: Loss, distance: AbstractDistance, params: Tree, learned: Leaves, rest: Leaves, aim: Tree
) -> Gradients:
    """The gradient, in the learned leaves, of the distance of the gradient at a batch from an aim; and the distance."""
    at, learned = tree.map(lambda leaf: leaf.detach().requires_grad_(), (params, learned))
    with torch.enable_grad():
        loss_here = loss(at, joined(learned, rest))
        value = distance.distance(aim, vjp([loss_here], [torch.ones_like(loss_here)], at, create_graph=True))
    return tree.detach((vjp([value], [torch.ones_like(value)], learned), value))


@functools.lru_cache(maxsize=4)
def compiled_distance(task: AbstractTask, network: AbstractNetwork, distance: AbstractDistance) -> DistanceAndGradient:
    """`eager_distance` of the mean loss, compiled: a function of (params, learned, rest, aim)."""
    loss = mean_loss(task, network)

    def distance_and_gradient(params: Tree, learned: Leaves, rest: Leaves, aim: Tree) -> Gradients:
        return torch.func.grad_and_value(
            lambda free: distance.distance(aim, torch.func.grad(loss)(params, joined(free, rest)))
        )(learned)

    return compiled(distance_and_gradient)


def _rows(batch: Batch, label: int) -> Int[Tensor, " item"]:
    """The rows of the items made for a class."""
    return (batch.classes == label).nonzero()[:, 0]
