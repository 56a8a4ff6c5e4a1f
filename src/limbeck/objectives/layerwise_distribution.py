"""Matching the mean of each class in every layer, under a network that is being trained on the synthetic set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractAugmentation, AbstractObjective, Batch, Problem, Synthetic
from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.core.later import without_gradients
from limbeck.core.placing import onto
from limbeck.core.tree import Tree
from limbeck.learn.augment import Siamese
from limbeck.learn.compiled import gradient_function_of
from limbeck.learn.epochs import shuffled_epochs
from limbeck.learn.microbatches import microbatch_limit
from limbeck.learn.rules import Momentum
from limbeck.learn.training import Learner, going_on, last, row_loader
from limbeck.statistics.groups import group_means, group_shares


class LayerwiseState(NamedTuple):
    """The network in training, and how well it named real images of late."""

    params: Tree
    accuracies: Float[Tensor, " recent"]
    """After each of the last steps of the set, the latest at the end; NaN where there was none yet. On the CPU."""


@dataclass(frozen=True)
class LayerwiseDistribution(AbstractObjective):
    """Squared distance of class means in every layer, and how they classify real images (Wang et al., CVPR 2022).

    loss = sum over layers l, classes c of w_l || mean_{x in T_c} f_l(A_c(x)) - mean_{s in S_c} f_l(A_c(s)) ||^2
           + discrimination * sum over real x of L(<f(A(x)), m>, y(x)),  m_c = mean_{s in S_c} f(A_c(s))

    f_l is what the l-th activation of the network gives, unpooled, and f, the last of the layers, what enters its
    last linear layer; w_l are `weights`. L is the task's loss, whose outputs are here the inner products of a real
    feature with the mean synthetic features of all classes; T_c are `per_class` real images of the class (all, where
    it has fewer), S_c all its synthetic images, of which every class must have some, A_c one augmentation drawn for
    the class and shared by both sides, or none.

    The network decides by itself how long it is trained, by its accuracy on `judged` real training images of every
    class. After each step of the set: where the last `window` accuracies differ by less than `settled`, a fresh
    network takes its place; else it is trained on the set as it now is, by plain gradient descent, until its
    accuracies after the last `window` epochs differ by more than `moved`. It normalises by its batch throughout.

    What differs from the published code: there an accuracy also holds a share, one over the number of classes, of
    the one before it, as a sum is not set back; training has no `longest` and need not end; and the real images' own
    loss is added, which does not depend on the set. There the pooled maps of the last block are matched twice, flat and
    not, which is here the weight 2 of the features.
    """

    weights: tuple[float, ...] = (0.1, 0.1, 1.0, 2.0)
    """Of the layers, the features last. A network with more layers has the first weight for those before, one with
    fewer has the last ones. As published for three blocks."""
    discrimination: float = 0.01
    """The weight of how class means classify real images."""
    augment: AbstractAugmentation | None = field(default_factory=Siamese)
    """None: the images as they are."""
    per_class: int = 256
    """Real examples of each class a step."""
    window: int = 10
    """Accuracies that are looked back on."""
    settled: float = 0.04
    """Accuracies are in [0, 1]."""
    moved: float = 0.03
    """How far these may differ before the set is stepped again."""
    judged: int = 128
    """Real images of each class that accuracy is measured on."""
    learning_rate: float = 0.01
    """The learning rate of the network."""
    batch: int = 256
    """Synthetic images that one training step sees."""
    longest: int = 20
    """The most epochs between two steps of the set; ours. On 10 times 128 images chance alone mostly ends it sooner."""

    def __post_init__(self) -> None:
        at_least(self, 1, "per_class", "judged", "batch", "longest")
        at_least(self, 2, "window")
        at_least(self, 0, "discrimination", "settled", "moved")
        positive(self, "learning_rate")
        at_least(self, 0, "weights")

    def weighted(self, count: int) -> tuple[float, ...]:
        """The weights of `count` layers.

        >>> LayerwiseDistribution().weighted(5), LayerwiseDistribution().weighted(2)
        ((0.1, 0.1, 0.1, 1.0, 2.0), (1.0, 2.0))
        """
        return ((self.weights[0],) * (count - len(self.weights)) + self.weights)[-count:]

    def init(self, problem: Problem, key: Key) -> LayerwiseState:
        """A fresh network, of which nothing is known."""
        params = tree.move(problem.network.init(key.fold("network")), problem.device)
        return LayerwiseState(params, self._unknown())

    def loss(self, state: LayerwiseState, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The distance summed over layers and classes, and the loss of the real images."""

        def read(batch: Batch) -> tuple[Tensor, ...]:
            shown = problem.task.augment(batch, key.fold("augment"), batch.classes, self.augment)
            return tuple(layer.flatten(1) for layer in problem.network.layers(state.params, shown.inputs))

        count, shown = len(problem.task.classes), synthetic.batch
        real = problem.real(key.fold("real"), self.per_class)
        share = group_shares(real.classes, count, torch.float64)
        most = microbatch_limit(problem, len(real.classes))
        aims: tuple[Tensor, ...] = ()
        features = []
        with torch.no_grad():
            for rows in torch.arange(len(real.classes)).split(most):
                layers = read(problem.task.take(real, rows))
                sums = tuple(onto(share[rows].to(layer.dtype), layer.device).T @ layer for layer in layers)
                aims = tuple(map(torch.add, aims, sums)) if aims else sums
                features.append(layers[-1])
        means = [group_means(layer, shown.classes, count) for layer in read(shown)]
        apart = [
            weight * (aim - mean).square().sum()
            for weight, aim, mean in zip(self.weighted(len(means)), aims, means, strict=True)
        ]
        named = problem.task.loss(torch.cat(features) @ means[-1].T, real.targets).sum()
        return torch.stack(apart).sum() + self.discrimination * named

    def advance(self, state: LayerwiseState, problem: Problem, synthetic: Synthetic, key: Key) -> LayerwiseState:
        """The network trained on the set as it now is, or a fresh one where it has settled."""
        accuracies = _pushed(state.accuracies, self._accuracy(state.params, problem, key.fold("judged")))
        if _spread(accuracies) < self.settled:
            return self.init(problem, key.fold("respawn"))
        return LayerwiseState(self._trained(state.params, problem, synthetic.batch, key.fold("train")), accuracies)

    def _trained(self, params: Tree, problem: Problem, batch: Batch, key: Key) -> Tree:
        """The network after as many epochs on `batch` as it takes to move it."""
        accuracies = self._unknown()
        for epoch in range(self.longest):
            params = self._seen_once(params, problem, batch, key.fold(epoch))
            accuracies = _pushed(accuracies, self._accuracy(params, problem, key.fold("judged", epoch)))
            if _spread(accuracies) > self.moved:
                break
        return params

    def _seen_once(self, params: Tree, problem: Problem, batch: Batch, key: Key) -> Tree:
        """The network after one epoch on `batch`."""
        count, plain = len(batch.classes), Momentum(0.0).rule()
        schedule = shuffled_epochs(count, 1, self.batch, self.learning_rate, plain, key.fold("order"))
        task, gradient_of, learner = problem.task, gradient_function_of(problem), Learner(params, {})
        augment = None if self.augment is None else self.augment.batchwise()
        return last(going_on(task, gradient_of, learner, row_loader(task, batch), schedule, key, augment)).params

    @without_gradients
    def _accuracy(self, params: Tree, problem: Problem, key: Key) -> float:
        """The share of some real training images that the network names rightly."""
        real = problem.real(key, self.judged)
        most = microbatch_limit(problem, len(real.classes))
        named = torch.cat(
            [problem.network.apply(params, inputs).outputs.argmax(1) for inputs in tree.split(real.inputs, most)]
        )
        return tree.read((named == onto(real.classes, named.device)).float().mean())

    def _unknown(self) -> Tensor:
        """The accuracies of a window before any is known."""
        return torch.full((self.window,), torch.nan)


def _pushed(accuracies: Tensor, latest: float) -> Tensor:
    """The accuracies with the latest at the end, in place of the oldest."""
    return torch.cat([accuracies[1:], accuracies.new_tensor([latest])])


def _spread(accuracies: Tensor) -> float:
    """The highest less the lowest; NaN, which is neither less nor more than anything, where one is not yet known."""
    return float(accuracies.max() - accuracies.min())
