"""Matching the mean features of each class under networks that are being trained on the real data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractAugmentation, AbstractObjective, Batch, Problem, Synthetic
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.core.placing import onto
from limbeck.core.tree import Tree
from limbeck.learn.augment import Siamese
from limbeck.learn.compiled import gradient_function_of
from limbeck.learn.microbatches import microbatch_size
from limbeck.learn.optim import SGD
from limbeck.learn.training import Learner, fresh
from limbeck.statistics.groups import group_means

FIRST = 4
"""Networks at the start."""


class Queue(NamedTuple):
    """Networks in training, stacked along a first axis `slot`; the n-th to arrive has slot n modulo their number."""

    learners: Learner
    velocities: Tree
    accuracies: Float[Tensor, " slot"]
    """The share of the training images that each network has named rightly, over all its training so far."""
    batches: Float[Tensor, " slot"]
    """How many batches each network has been trained on, on the CPU."""
    age: Int[Tensor, ""]
    """Steps of the set so far, on the CPU."""


@dataclass(frozen=True)
class TrainedDistribution(AbstractObjective):
    """Squared distance of class-mean features under a partly trained network, and its loss (Zhao et al., CVPR 2023).

    loss = sum over classes c of || mean_{x in T_c} phi(A_c(x)) - mean_{s in S_c} phi(A_c(s)) ||^2
           + weight * accuracy * mean_{s in S_c} L(A_c(s))

    phi is the penultimate layer of one network drawn from a queue, L its loss, `accuracy` the share of real training
    images that it has named rightly while it was trained, in [0, 1]; T_c, S_c and A_c are as in distribution
    matching. After each step of the set `trained` networks of the queue take `steps` steps on real images; every
    `interval` steps a fresh network joins, in place of the oldest where the queue is full.

    Two things differ from the published code: the real batches hold equally many images of every class, and the
    accuracies are never reset. The splitting of each image into tiles that goes with the method is not part of it.
    """

    augment: AbstractAugmentation = field(default_factory=Siamese)
    """How real images and synthetic ones are varied alike."""
    per_class: int = 256
    """Real examples of each class a step."""
    weight: float = 50.0
    """Of the loss. Published code multiplies by an accuracy in percent, so that its 0.5 is 50 here."""
    queue: int = 100
    """The most networks there are at once."""
    interval: int = 30
    """Steps of the set between two fresh networks."""
    trained: int = 2
    """Networks of the queue that are trained after each step."""
    steps: int = 10
    """How many steps each of them takes."""
    batch: int = 256
    """Real images of such a step."""
    optimizer: SGD = SGD(learning_rate=0.01, momentum=0.9, weight_decay=5e-4)
    """What steps these networks."""

    def __post_init__(self) -> None:
        at_least(self, FIRST, "queue")
        at_least(self, 1, "per_class", "interval", "trained", "steps", "batch")
        at_least(self, 0, "weight")

    def init(self, problem: Problem, key: Key) -> Queue:
        """The first networks, fresh, and empty places for the others."""
        first = [fresh(problem.network, key.fold("network", slot), problem.device) for slot in range(FIRST)]

        def stacked(*leaves: Tensor) -> Tensor:
            return torch.cat([torch.stack(leaves), leaves[0].new_zeros(self.queue - FIRST, *leaves[0].shape)])

        learners = tree.map(stacked, *first)
        accuracies, batches = torch.zeros(self.queue, device=problem.device), torch.zeros(self.queue)
        return Queue(learners, tree.map(torch.zeros_like, learners.params), accuracies, batches, torch.tensor(0))

    def loss(self, state: Queue, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The squared distance and the weighted loss, summed over classes."""
        slot = int(key.fold("member").permutation(self._present(state))[0])
        params, statistics = _member(state.learners, slot)
        count = len(problem.task.classes)

        def read(batch: Batch) -> tuple[Tensor, Tensor]:
            shown = problem.task.augment(batch, key.fold("augment"), batch.classes, self.augment)
            return problem.network.apply(params, shown.inputs, statistics)

        real = problem.real(key.fold("real"), self.per_class)
        with torch.no_grad():
            microbatch_limit = microbatch_size(problem.task.shape, problem.device)
            rows = torch.arange(len(real.classes)).split(microbatch_limit)
            target = torch.cat([read(problem.task.take(real, part))[0] for part in rows])
        features, outputs = read(synthetic.batch)
        classes = synthetic.batch.classes
        apart = group_means(target, real.classes, count) - group_means(features, classes, count)
        losses = group_means(problem.task.loss(outputs, synthetic.batch.targets)[:, None], classes, count)
        return apart.square().sum() + self.weight * state.accuracies[slot] * losses.sum()

    def advance(self, state: Queue, problem: Problem, synthetic: Synthetic, key: Key) -> Queue:
        """The queue after training, and after a fresh network has joined where one is due."""
        for slot in key.fold("train").permutation(self._present(state))[: self.trained].tolist():
            state = self._trained(state, problem, slot, key.fold("train", slot))
        age = int(state.age) + 1
        state = state._replace(age=state.age + 1)
        if age % self.interval:
            return state
        slot = (FIRST + age // self.interval - 1) % self.queue
        learner = fresh(problem.network, key.fold("network"), problem.device)
        still = self.optimizer.init(learner.params)
        return _put(state, slot, learner, still, torch.zeros((), device=problem.device), 0.0)

    def _present(self, state: Queue) -> int:
        """How many networks are in the queue."""
        return min(self.queue, FIRST + int(state.age) // self.interval)

    def _trained(self, state: Queue, problem: Problem, slot: int, key: Key) -> Queue:
        """The queue after one of its networks took its steps on real images."""
        task, network, descent = problem.task, problem.network, gradient_function_of(problem)
        learner, velocity = Learner(*_member(state.learners, slot)), _member(state.velocities, slot)
        seen = float(state.batches[slot])
        right = state.accuracies[slot] * seen
        for step in range(self.steps):
            real = problem.real(key.fold("batch", step), -(-self.batch // len(task.classes)))
            with torch.no_grad():
                named = network.track(learner.params, real.inputs, learner.statistics)[0].outputs.argmax(1)
            right = right + (named == onto(real.classes, named.device)).to(right.dtype).mean()
            gradient_of, statistics = descent(learner, real)
            params, velocity = self.optimizer.step(learner.params, gradient_of, velocity)
            learner = Learner(params, statistics)
        seen += self.steps
        return _put(state, slot, learner, velocity, right / seen, seen)


def _member(stacked: Tree, slot: int) -> Tree:
    """The tree of one slot."""
    return tree.map(lambda leaf: leaf[slot], stacked)


def _put(state: Queue, slot: int, learner: Learner, velocity: Tree, accuracy: Tensor, batches: float) -> Queue:
    """The queue with one slot replaced; the queue given is left as it is."""
    before = (state.learners, state.velocities, state.accuracies, state.batches)
    now = (learner, velocity, accuracy, torch.full_like(state.batches[slot], batches))
    index = torch.tensor([slot])

    def replaced(leaf: Tensor, new: Tensor) -> Tensor:
        return leaf.index_copy(0, onto(index, leaf.device), new[None].to(leaf.dtype))

    learners, velocities, accuracies, counts = tree.map(replaced, before, now)
    return Queue(learners, velocities, accuracies, counts, state.age)
