"""Matching the mean features of each class under fresh random networks."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core import ranks, tree
from limbeck.core.contracts import AbstractAugmentation, AbstractObjective, Batch, Later, Problem, Synthetic
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.core.placing import onto
from limbeck.core.tree import Tree
from limbeck.learn.augment import Siamese
from limbeck.learn.compiled import features_of, shares
from limbeck.learn.microbatches import held_at_once
from limbeck.learn.sensitivity import surrogate, vjp
from limbeck.statistics.groups import group_means, group_shares


@dataclass(frozen=True)
class Distribution(AbstractObjective):
    """Squared distance of class-mean features under a fresh random network (Zhao & Bilen, WACV 2023).

    loss = sum over classes c of || mean_{x in T_c} phi(A_c(x)) - mean_{s in S_c} phi(A_c(s)) ||^2

    phi is the penultimate layer of a network drawn anew at each step and never trained, T_c are
    `per_class` real images of the class (all, where it has fewer), S_c all its synthetic images, and A_c
    one augmentation drawn for the class and shared by both sides. This is the maximum mean discrepancy
    with a linear kernel on phi.
    """

    shared = "the passes over examples"
    per_class: int = 256
    """Real images of each class that a step sees."""
    augment: AbstractAugmentation = field(default_factory=Siamese)
    """How real images and synthetic ones are varied alike."""
    draws: int | None = None
    """How many draws of a network, real images and an augmentation are gone through, over and over; the means of the
    real images are computed at the first time alone. None: a new draw at each step."""

    def __post_init__(self) -> None:
        at_least(self, 1, "per_class")
        if self.draws is not None:
            at_least(self, 1, "draws")

    def init(self, problem: Problem, key: Key) -> Tree:
        """The means of the first draw, and how many steps were made, where draws come again."""
        if self.draws is None:
            return {}
        seed = torch.tensor(key.seed)
        first = self._aim(problem, _draw(seed, 0))
        aims = torch.cat([first[None], first.new_zeros(self.draws - 1, *first.shape)])
        return {"aims": aims, "step": torch.tensor(0), "seed": seed}

    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The squared distance, summed over classes."""
        if self.draws is None:
            aim = self._aim(problem, key)
        else:
            index = int(state["step"]) % self.draws
            aim, key = state["aims"][index], _draw(state["seed"], index)
        if shares(problem, len(synthetic.batch.classes)):
            return self._distance(problem, synthetic.batch, key, aim)
        return (aim - self._means(problem, synthetic.batch, key)).square().sum()

    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        """The next draw, and the means of its real images where it comes for the first time."""
        if self.draws is None:
            return state
        step, aims = int(state["step"]) + 1, state["aims"]
        if step < self.draws:
            aims = aims.clone()
            aims[step] = self._aim(problem, _draw(state["seed"], step))
        return {**state, "aims": aims, "step": torch.tensor(step)}

    def later(self, state: Tree) -> Later | None:
        """Where the means of all draws are known."""
        if self.draws is None:
            return None
        last = self.draws - 1
        return Later(last, {**state, "step": torch.tensor(last)})

    def _aim(self, problem: Problem, key: Key) -> Float[Tensor, "class feature"]:
        """The mean features of real images under the network of a draw."""
        rows, groups = problem.real_rows(key.fold("real"), self.per_class), problem.task.groups("train")
        taken = torch.tensor([min(self.per_class, len(group)) for group in groups])
        classes, network = torch.arange(len(groups)).repeat_interleave(taken), _network(problem, key)
        if not shares(problem, len(rows)):
            return group_means(self._features(problem, network, rows, key), classes, len(groups))
        own = ranks.share(torch.arange(len(rows)))
        features = self._features(problem, network, rows[own], key)
        weights = onto(group_shares(classes, len(groups), features.dtype)[own], features.device)
        return ranks.summed(weights.T @ features)

    def _features(
        self, problem: Problem, network: Tree, rows: Int[Tensor, " row"], key: Key
    ) -> Float[Tensor, "row feature"]:
        """The features of real images, which are not all held at once where they are very many."""
        found = []
        for part in rows.split(held_at_once(problem)):
            real = problem.task.in_place(problem.device, "train", part)
            found.append(features_of(problem, network, self._shown(problem, real, key)))
        return torch.cat(found)

    def _means(self, problem: Problem, batch: Batch, key: Key) -> Float[Tensor, "class feature"]:
        """The mean features of synthetic images, with a graph."""
        features = problem.network.apply(_network(problem, key), self._shown(problem, batch, key)).features
        return group_means(features, batch.classes, len(problem.task.classes))

    def _distance(self, problem: Problem, batch: Batch, key: Key, aim: Tensor) -> Float[Tensor, ""]:
        """The loss, where each process takes its share of the synthetic images through the network and back."""
        shown, rows = self._shown(problem, batch, key), ranks.share(torch.arange(len(batch.classes)))
        held = tree.map(lambda leaf: leaf.detach().requires_grad_(leaf.requires_grad), shown)
        with torch.enable_grad():
            features = problem.network.apply(_network(problem, key), tree.rows(held, rows)).features
            weights = group_shares(batch.classes, len(problem.task.classes), features.dtype)[rows]
            part = onto(weights, features.device).T @ features
        off = ranks.summed(part) - aim
        slopes = ranks.summed(vjp([part], [2 * off], held))
        return surrogate(off.square().sum(), shown, slopes)

    def _shown(self, problem: Problem, batch: Batch, key: Key) -> Tree:
        """The inputs of a batch, varied as a draw says."""
        return problem.task.augment(batch, key.fold("augment"), batch.classes, self.augment).inputs


def _draw(seed: Tensor, index: int) -> Key:
    """The key of a draw that comes again."""
    return Key(("distribution", int(seed), "draw", index))


def _network(problem: Problem, key: Key) -> Tree:
    """The fresh network of a draw."""
    return tree.move(problem.network.init(key.fold("network")), problem.device)
