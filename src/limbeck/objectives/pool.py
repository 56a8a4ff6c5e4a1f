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
from limbeck.learn.optim import AbstractOptimizer
from limbeck.learn.training import Learner, fresh


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

    def drawn(self, key: Key) -> int:
        """The slot of the network that a step draws."""
        return int(key.fold("member").integers(len(self.members)))

    def put(self, slot: int, member: Member, age: int) -> Pool:
        """The pool with another member in a slot."""
        ages = self.ages.clone()
        ages[slot] = age
        return Pool((*self.members[:slot], member, *self.members[slot + 1 :]), ages)


def beside_mirror_images(problem: Problem, batch: Batch) -> Batch:
    """The items, beside their mirror images where those are others."""
    mirrored = problem.task.augment(batch, Key(), torch.arange(len(batch.classes)), Mirror())
    same = zip(tree.leaves(mirrored.inputs), tree.leaves(batch.inputs), strict=True)
    return batch if all(one is other for one, other in same) else problem.task.join([batch, mirrored])
