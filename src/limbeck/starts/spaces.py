"""Spaces in which examples are near one another, and out of which points come back as inputs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.computations.contract import ProbeContext
from limbeck.computations.row_autoencoder import RowAutoencoder, choices_of
from limbeck.core import tree
from limbeck.core.contracts import Problem
from limbeck.core.expect import AbstractPart, at_least
from limbeck.learn.row_autoencoder import decoded, encoded

Rows = Float[Tensor, "row number"]
Points = Float[Tensor, "row place"]


class Ways(NamedTuple):
    """The ways into a space and out of it."""

    into: Callable[[Rows], Points]
    back: Callable[[Points], Rows]


class AbstractSpace(AbstractPart):
    """A space of inputs, whose numbers are taken side by side."""

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """The computations that it is made by; none by default."""
        return ()

    @abstractmethod
    def ways(self, problem: Problem, rows: Rows) -> Ways:
        """The ways into it and back, fitted to some training rows in float64, as a network sees them."""


@dataclass(frozen=True)
class AsSeen(AbstractSpace):
    """Inputs as a network sees them."""

    def ways(self, problem: Problem, rows: Rows) -> Ways:
        """There is nothing to do."""
        return Ways(lambda given: given, lambda points: points)


@dataclass(frozen=True)
class Principal(AbstractSpace):
    """The first principal components of all training inputs: the codes of the best linear autoencoder."""

    components: int = 16
    """How many; all, where there are fewer."""

    def __post_init__(self) -> None:
        at_least(self, 1, "components")

    def ways(self, problem: Problem, rows: Rows) -> Ways:
        """The projection onto them, and its transpose."""
        mean, axes = principal(rows, self.components)
        return Ways(lambda given: (given - mean) @ axes, lambda points: points @ axes.T + mean)


@dataclass(frozen=True)
class EmbeddedCategories(AbstractSpace):
    """Numbers as a network sees them beside the first principal components of all categories (as in C2TC)."""

    components: int = 8
    """Of categories; all, where there are fewer."""

    def __post_init__(self) -> None:
        at_least(self, 1, "components")

    def ways(self, problem: Problem, rows: Rows) -> Ways:
        """Of inputs without categories there is nothing to do."""
        chosen = torch.zeros(rows.shape[1], dtype=torch.bool)
        for block in choices_of(problem.task):
            chosen[block] = True
        if not bool(chosen.any()):
            return AsSeen().ways(problem, rows)
        mean, axes = principal(rows[:, chosen], self.components)
        numbers = int((~chosen).sum())

        def back(points: Points) -> Rows:
            found = points.new_zeros(len(points), len(chosen))
            found[:, ~chosen] = points[:, :numbers]
            found[:, chosen] = points[:, numbers:] @ axes.T + mean
            return found

        return Ways(lambda given: torch.cat([given[:, ~chosen], (given[:, chosen] - mean) @ axes], 1), back)


@dataclass(frozen=True)
class Codes(AbstractSpace):
    """The codes of an autoencoder of rows, which also learned to name classes by them (as in TDColER).

    It is trained once for the data, and kept.
    """

    code: int = 16
    """Numbers of a code."""
    width: int = 128
    """Of its hidden layers."""
    depth: int = 1
    """Hidden layers of each half; 0: it is linear."""
    labels: float = 1.0
    """What naming the class counts beside the error of rows; 0: nothing."""
    steps: int = 2000
    """Steps of its training, on batches of 128 rows."""

    def __post_init__(self) -> None:
        at_least(self, 1, "code", "width", "steps")
        at_least(self, 0, "depth", "labels")

    @property
    def _autoencoder(self) -> RowAutoencoder:
        return RowAutoencoder(self.code, self.width, self.steps, depth=self.depth, labels=self.labels)

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """Its training."""
        return (self._autoencoder,)

    def ways(self, problem: Problem, rows: Rows) -> Ways:
        """Its encoder and its decoder."""
        trained = ProbeContext(problem).outcome(self._autoencoder)
        params = tree.map(lambda leaf: leaf.cpu().double(), trained)
        form, choices = self._autoencoder.form(problem.task), choices_of(problem.task)
        return Ways(
            lambda given: encoded(form, params["encoder"], given),
            lambda points: decoded(form, params["decoder"], points, choices),
        )


def principal(rows: Rows, components: int) -> tuple[Float[Tensor, " number"], Float[Tensor, "number component"]]:
    """The mean of rows and their first principal axes, the strongest first."""
    mean = rows.mean(0)
    centred = rows - mean
    _, axes = torch.linalg.eigh(centred.T @ centred)
    return mean, axes.flip(1)[:, :components]
