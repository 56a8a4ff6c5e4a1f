"""What the selections have in common: real images of each class, by what networks make of them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from limbeck.computations.features import Networks
from limbeck.core.contracts import AbstractStart, Batch, Problem
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.starts.batches import loaded, rows_by_class
from limbeck.starts.seen import Seen
from limbeck.starts.selection_spaces import AbstractSelectionSpace, NetworkFeatures


@dataclass(frozen=True)
class AbstractSelection(AbstractStart):
    """Real images, chosen class by class by what networks that have learned the real data make of them."""

    epochs: int = 1
    """How long the networks that images are seen by are trained on the real data; at least 150 steps."""
    images: int = 1000
    """How many images of a class are considered."""

    def __post_init__(self) -> None:
        at_least(self, 0, "epochs")
        at_least(self, 1, "images")

    @property
    def seen_by(self) -> Networks:
        """The networks that images are seen by."""
        return Networks()

    @abstractmethod
    def select(self, seen: Seen, count: int, key: Key) -> Int[Tensor, " item"]:
        """Which `count` of the examples, each at most once, in the order they are chosen; equals as they come."""

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """The trainings of those networks."""
        return self.seen_by.trainings(problem, self.epochs)

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` images of every class; InputError where a class has fewer, and as `check` says.

        At most `images` of a class, a part drawn by the key, are considered, in an order that it draws.
        """
        self.check(problem)
        groups = rows_by_class(problem, per_class)
        learners = self.seen_by.learners(problem, self.epochs)
        chosen = []
        for label, rows in enumerate(groups):
            considered = rows[key.fold("considered", label).permutation(len(rows))[: max(self.images, per_class)]]
            seen = Seen(problem, learners, considered, label)
            chosen.append(considered[self.select(seen, per_class, key.fold("select", label))])
        return loaded(problem, torch.cat(chosen))


@dataclass(frozen=True)
class AbstractNearnessSelection(AbstractSelection):
    """A selection that goes by how near examples of a class are to one another, and so by the space it looks in."""

    space: AbstractSelectionSpace = NetworkFeatures()
    """Where it looks at examples."""

    @property
    def seen_by(self) -> Networks:
        """Those that the space is of."""
        return self.space.seen_by

    def check(self, problem: Problem) -> None:
        """InputError for data that have no place in the space."""
        self.space.check(problem)

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """The trainings of its networks, and what the space is computed by."""
        return (*super().needs(problem), *self.space.needs(problem))
