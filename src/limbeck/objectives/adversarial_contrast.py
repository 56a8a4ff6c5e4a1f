"""Another objective, and how alike an adversary finds items that are variations of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from limbeck.core import tree
from limbeck.core.batch import within_class
from limbeck.core.contracts import AbstractAugmentation, AbstractObjective, Batch, Piece, Problem, Synthetic
from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.core.placing import onto
from limbeck.core.tree import Tree
from limbeck.learn.augment import Siamese
from limbeck.learn.optim import SGD, AbstractOptimizer
from limbeck.learn.sensitivity import gradient
from limbeck.objectives.distribution import Distribution


class ContrastState(NamedTuple):
    """The state of the objective within, and the adversary with its optimizer."""

    around: Tree
    adversary: Tree
    optimizer: Tree


@dataclass(frozen=True)
class AdversarialContrast(AbstractObjective):
    """Another objective, and how alike an adversary finds two items of one basis (Liu et al., HaBa, NeurIPS 2022).

    loss = loss of `around` + weight * mean over bases of (1 + cos(f(x), f(x'))) / 2

    x and x' are two items that are variations of one, such as what two of `hallucinators` make of a basis, drawn for
    the step; f are the features of a network, the adversary. After a step of the set the adversary takes one down

        naming * L(x, x') + likeness * mean of (1 - cos(f(x), f(x'))) / 2 + contrast * C(f(x), f(x')),

    on two items of each basis drawn anew, all augmented each by itself: L is the task's loss of both, C the supervised
    contrastive loss of both among all (Khosla et al., NeurIPS 2020). So the adversary brings together what the set is
    to keep apart. Of a set of which no two items are variations of one this is `around` alone.
    """

    around: AbstractObjective = field(default_factory=Distribution)
    """The objective that it is added to."""
    weight: float = 0.1
    """Of likeness in the loss of the set."""
    naming: float = 1.0
    """Of the task's loss in that of the adversary."""
    likeness: float = 0.1
    """Of what is missing of likeness in the loss of the adversary."""
    contrast: float = 0.1
    """Of the supervised contrastive loss in the loss of the adversary."""
    temperature: float = 0.07
    """What cosines are divided by in the contrastive loss."""
    optimizer: AbstractOptimizer = field(default_factory=lambda: SGD(learning_rate=0.001, momentum=0.9))
    """What trains the adversary."""
    augment: AbstractAugmentation | None = field(default_factory=lambda: Siamese(together=True))
    """How images that the adversary sees are varied; none: they are as they are."""

    def __post_init__(self) -> None:
        at_least(self, 0, "weight", "naming", "likeness", "contrast")
        positive(self, "temperature")

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """As `around`."""
        return self.around.needs(problem)

    def initialisation(self, problem: Problem) -> Tree | None:
        """As `around`."""
        return self.around.initialisation(problem)

    def piece(self, problem: Problem, items: int) -> Piece | None:
        """As `around`."""
        return self.around.piece(problem, items)

    def init(self, problem: Problem, key: Key) -> ContrastState:
        """The state of `around`, and a fresh adversary."""
        adversary = tree.move(problem.network.init(key.fold("adversary")), problem.device)
        return ContrastState(self.around.init(problem, key), adversary, self.optimizer.init(adversary))

    def loss(self, state: ContrastState, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The loss of `around`, and how alike two items of a basis are."""
        within = self.around.loss(state.around, problem, synthetic, key)
        return within + self.alike(state, problem, synthetic, key)

    def losses(
        self, state: ContrastState, problem: Problem, candidates: Sequence[Synthetic], key: Key
    ) -> Float[Tensor, " candidate"]:
        """Those of `around`, and what is added to each."""
        within = self.around.losses(state.around, problem, candidates, key)
        return within + torch.stack([self.alike(state, problem, each, key) for each in candidates])

    def alike(self, state: ContrastState, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """What is added: the weight times how alike they are, as a share from 0 to 1."""
        seen = self._pairs(problem, synthetic, key.fold("contrast"))
        if seen is None:
            return torch.zeros((), device=problem.device)
        return self.weight * (1 + _cosines(problem.network.apply(state.adversary, seen.inputs).features)).mean() / 2

    def advance(self, state: ContrastState, problem: Problem, synthetic: Synthetic, key: Key) -> ContrastState:
        """The state of `around` after the step, and the adversary after its own."""
        around = self.around.advance(state.around, problem, synthetic, key)
        seen = self._pairs(problem, synthetic, key.fold("adversary"))
        if seen is None:
            return state._replace(around=around)
        slope = gradient(self._against(problem), state.adversary, seen)
        return ContrastState(around, *self.optimizer.step(state.adversary, slope, state.optimizer))

    def _pairs(self, problem: Problem, synthetic: Synthetic, key: Key) -> Batch | None:
        """Two items of each basis, first one of each and then the other, augmented; None where no basis has two."""
        if synthetic.origins is None:
            return None
        rows = drawn_pairs(synthetic.origins, key.fold("pairs")).flatten()
        if not len(rows):
            return None
        shown = problem.task.take(synthetic.batch, rows)
        if self.augment is None:
            return shown
        return problem.task.augment(shown, key.fold("augment"), torch.arange(len(rows)), self.augment)

    def _against(self, problem: Problem) -> Any:
        """What the adversary goes down."""

        def loss(params: Tree, shown: Batch) -> Tensor:
            features, outputs = problem.network.apply(params, shown.inputs)
            named = problem.task.loss(outputs, shown.targets).mean()
            apart = (1 - _cosines(features)).mean() / 2
            among = contrastive_loss(features, shown.classes, self.temperature)
            return self.naming * named + self.likeness * apart + self.contrast * among

        return loss


def drawn_pairs(origins: Int[Tensor, " item"], key: Key) -> Int[Tensor, "2 pair"]:
    """Two different items of every origin that has two, in the order of origins; any two are as likely as others.

    >>> drawn_pairs(torch.tensor([3, 0, 3, 1]), Key()).sort(0).values.tolist()
    [[0], [2]]
    """
    order = (origins + key.uniform(len(origins)).double()).argsort()
    place = within_class(origins[order])
    first, second = order[place == 0], order[place == 1]
    return torch.stack([first[torch.isin(origins[first], origins[second])], second])


def _cosines(features: Float[Tensor, "example feature"]) -> Float[Tensor, " pair"]:
    """Of the features of each of the first half of examples with that of the second."""
    first, second = features.chunk(2)
    return nn.functional.cosine_similarity(first, second)


def contrastive_loss(
    features: Float[Tensor, "example feature"], classes: Int[Tensor, " example"], temperature: float
) -> Float[Tensor, ""]:
    """The supervised contrastive loss of examples of which none is the only one of its class (Khosla et al. 2020).

    The mean over examples i of the mean over others j of its class of -log(exp s_ij / sum over k != i of exp s_ik),
    where s are cosines divided by the temperature.
    """
    directions = nn.functional.normalize(features)
    itself = torch.eye(len(features), dtype=torch.bool, device=features.device)
    scores = (directions @ directions.T / temperature).masked_fill(itself, -torch.inf)
    likely = scores.log_softmax(1).masked_fill(itself, 0)
    mates = onto(classes[:, None] == classes, features.device) & ~itself
    return -(likely * mates).sum(1).div(mates.sum(1)).mean()
