"""Networks of several ages that learn from the set, of which each step draws one."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import Batch, Problem
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.augment import Mirror
from limbeck.learn.compiled import gradient_function_of
from limbeck.learn.optim import AbstractOptimizer
from limbeck.learn.training import Learner, fresh
from limbeck.objectives.alongside import drawn_items


class Member(NamedTuple):
    """A network in training."""

    learner: Learner
    optimizer: Tree

    @classmethod
    def fresh(cls, problem: Problem, optimizer: AbstractOptimizer, key: Key) -> Member:
        """A network that has seen nothing."""
        learner = fresh(problem.network, key.fold("network"), problem.device)
        return cls(learner, optimizer.init(learner.params))


class Pool(NamedTuple):
    """Networks in training, of which each step draws one."""

    members: tuple[Member, ...]
    ages: Int[Tensor, " member"]
    """What decides when each is replaced, on the CPU."""

    @classmethod
    def begun(cls, problem: Problem, optimizer: AbstractOptimizer, count: int, longest: int, key: Key) -> Pool:
        """So many fresh networks, of the ages 0, longest / count, 2 longest / count and so on."""
        members = tuple(Member.fresh(problem, optimizer, key.fold(slot)) for slot in range(count))
        return cls(members, torch.arange(count) * (longest // count))

    def drawn(self, key: Key) -> int:
        """The slot of the network that a step draws."""
        return int(key.fold("member").integers(len(self.members)))

    def put(self, slot: int, member: Member, age: int) -> Pool:
        """The pool with another member in a slot."""
        ages = self.ages.clone()
        ages[slot] = age
        return Pool((*self.members[:slot], member, *self.members[slot + 1 :]), ages)

    def learned(
        self, problem: Problem, batch: Batch, optimizer: AbstractOptimizer, longest: int, most: int, key: Key
    ) -> Pool:
        """The pool after its drawn network took a step down the problem's goal on at most `most` items of a batch.

        One whose age is above `longest` gives way to a fresh one instead.
        """
        slot = self.drawn(key)
        age = int(self.ages[slot])
        if age > longest:
            return self.put(slot, Member.fresh(problem, optimizer, key.fold("respawn")), 0)
        learner, before = self.members[slot]
        seen = problem.task.take(batch, drawn_items(batch, most, key))
        slopes, statistics = gradient_function_of(problem)(learner, seen)
        params, after = optimizer.step(learner.params, slopes, before)
        return self.put(slot, Member(Learner(params, statistics), after), age + 1)


def beside_mirror_images(problem: Problem, batch: Batch) -> Batch:
    """The items, beside their mirror images where those are others."""
    mirrored = problem.task.augment(batch, Key(), torch.arange(len(batch.classes)), Mirror())
    same = zip(tree.leaves(mirrored.inputs), tree.leaves(batch.inputs), strict=True)
    return batch if all(one is other for one, other in same) else problem.task.join([batch, mirrored])
