"""The losses that a learner of the set passes through, and what becomes of its confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from limbeck.computations import Paths, Surface, Training, path, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding, Table
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.landscape import (
    CornerRow,
    LossRow,
    PathRow,
    RealPathRow,
    SetPathRow,
    SplitRow,
    SurfaceRow,
)
from limbeck.probes.verdicts.landscape import Risen, rises, verdict
from limbeck.statistics.correlation import rank_correlation
from limbeck.statistics.estimates import SHARE, estimate
from limbeck.statistics.extremes import lowest_of_others

CORNERS = ("start", "real", "set")
REAL_STEPS = 300
"""Steps of real training to the corner of it, as many as of training on the set."""


@dataclass(frozen=True)
class Landscape(AbstractProbe):
    """Loss surfaces on the plane through the start, where real training comes to and where training on the set ends.

    And the test loss along training on the set, with the share of predictions that change between readings. Yang et
    al. (ICML 2024), appendix A, figures 11 and 12. There one direction is made orthogonal to the other without its
    corner being moved along; here corners and paths are given in the coordinates of the same orthonormal directions,
    so that the surface at a corner is the loss of the network there. No direction is scaled by filters (unlike Li
    et al., NeurIPS 2018): all three corners are networks that were trained. That of real training is the learner kept
    nearest to step 300, theirs one after an epoch of about 196; real training goes on longer. Surfaces are of seed 0.

    Decided is whether learners grow over-confident: whether the test loss rises, from where it is lowest to the end, by
    more than 5 % of its lowest (null: it does not rise), and whether by more or less than that of learners of as many
    random real examples (null: the set is one more draw of those), of which each seed has its own. The step of the
    lowest loss of a seed is that of the mean of the other seeds: a learner's own lowest reading is low by chance, and
    any curve would rise from there. Intervals are over seeds, and simultaneous (`limbeck.probes.verdicts.landscape`).

    That the learner of lowest test loss is held against the final one is a description of the curve on the examples
    it was read on: it selects no learner that anything is claimed of, and the step must not be used as one.
    """

    every: int = 10
    """Steps between two readings of a training, at its beginning."""
    size: int = 21
    """Points along a side of a surface."""
    margin: float = 0.2
    """How far a surface reaches beyond its corners, as a share."""
    sample: int = 1000
    """At most so many evaluation examples; 0: all."""
    rows: int = 3
    """Rows of a surface in one piece of work."""
    repeats: int = 5

    question = "Does a learner of the set grow over-confident, and is its loss a picture of the real one?"
    tables = (LossRow, SplitRow, CornerRow, RealPathRow, SetPathRow, SurfaceRow)
    by_accuracy = True

    def __post_init__(self) -> None:
        at_least(self, 1, "every", "rows", "repeats")
        at_least(self, 2, "size")
        at_least(self, 0, "margin", "sample")

    @property
    def controls(self) -> int:  # type: ignore[override]
        """One for each seed: more seeds are of use only with more controls."""
        return self.repeats

    def _training(self, seed: int) -> Training:
        return path(seed, self.every)

    def _paths(self) -> Paths:
        real = real_trajectory(0, self.every)
        stop = min(real.keeps, key=lambda step: abs(step - REAL_STEPS))
        return Paths(real, self._training(0), self.sample, stop)

    def _surfaces(self) -> tuple[Surface, ...]:
        firsts = range(0, self.size, self.rows)
        chunks = [tuple(range(first, min(first + self.rows, self.size))) for first in firsts]
        return tuple(Surface(self._paths(), chunk, self.size, self.margin) for chunk in chunks)

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """The trainings, the paths of one, and the surface a few rows at a time; of a control its training alone."""
        if context.draw is not None:
            return (self._training(context.draw),)
        trainings = [self._training(seed) for seed in range(self.repeats)]
        return (*trainings, self._paths().real, self._paths(), *self._surfaces())

    def find(self, context: ProbeContext) -> Finding:
        """How the test loss goes on while the set is learned, where it is paid for, and the surfaces."""
        seeds, level = range(self.repeats), context.level
        ours = Learned.of([(context, self._training(seed)) for seed in seeds])
        theirs = Learned.of([(context.control(seed), self._training(seed)) for seed in seeds])
        said = verdict(ours.risen, theirs.risen, ours.step(level), ours.moved(level), level)
        found = rises(ours.risen, theirs.risen, level)
        facts, control = (
            (rise, each.step(level), *each.losses_at(level), each.moved(level), *each.split(context, level))
            for each, rise in ((ours, found.ours), (theirs, found.theirs))
        )
        paths, surface = context.outcome(self._paths()), [context.outcome(each) for each in self._surfaces()]
        of_test, of_set = (torch.cat([each[name] for each in surface]) for name in ("evaluation", "set"))
        alike = rank_correlation(of_test, of_set)
        sides = self._paths().sides(context)
        return self.finding(
            context,
            said,
            (
                found.beyond,
                *facts,
                Fact.once("farthest that training on the set goes from the plane", float(paths["ours"][:, 2].max())),
                Fact.once("rank correlation of both losses over the plane", alike),
            ),
            control=control,
            tables=(
                _trajectory(ours, theirs),
                ours.split_table(context),
                _corners(paths["corners"]),
                RealPathRow.table(_path(RealPathRow, sides.real.steps, paths["real"])),
                SetPathRow.table(_path(SetPathRow, sides.ours.steps, paths["ours"])),
                _surface(surface),
            ),
            method=self._method(sides.real.steps[-1]),
            caveats=(
                "the surfaces are of one training of each kind",
                "the step of the lowest loss is found on the evaluation examples: stop by validation, not by it",
                "a network with batch normalisation is normalised by the batch on the surfaces",
            ),
        )

    def _method(self, step: int) -> str:
        return (
            f"{self.repeats} trainings of 300 steps on the set, and {self.repeats} on as many random real examples, "
            f"drawn anew for each, from the same starts, read every {self.every} steps. Intervals are over these; "
            "those of rises are simultaneous over 3 numbers: the set's, that of the random examples, and the "
            "difference, which is a predictive interval; the lowest loss of each is read where that of the others of "
            f"its kind is lowest. Plane of seed 0, with training on all real examples to step {step}; surfaces on "
            f"{self.size} x {self.size} points, on {self.sample or 'all'} evaluation examples and on the set; "
            "distances are those of all parameters"
        )


class Learned(NamedTuple):
    """What learners of one kind were read to be, one of each seed, and the readings of their lowest losses."""

    steps: tuple[int, ...]
    losses: Tensor
    """(seed, read, example), in double precision."""
    predictions: Tensor
    accuracies: Tensor
    lowest: list[int]

    @classmethod
    def of(cls, asked: Sequence[tuple[ProbeContext, Training]]) -> Learned:
        """What is remembered of them."""
        names = ("losses", "predictions", "accuracy")
        losses, predictions, accuracies = (
            torch.stack([context.outcome(training, name) for context, training in asked]) for name in names
        )
        losses = losses.double()
        return cls(asked[0][1].reads, losses, predictions, accuracies, lowest_of_others(losses.mean(2)))

    @property
    def means(self) -> Tensor:
        """The mean losses (seed, read)."""
        return self.losses.mean(2)

    @property
    def risen(self) -> list[Risen]:
        """What becomes of the loss of each."""
        return [Risen(float(curve[at]), float(curve[-1])) for curve, at in zip(self.means, self.lowest, strict=True)]

    @property
    def changed(self) -> list[float | None]:
        """The share of predictions that are not those of the reading before."""
        unlike = (self.predictions[:, 1:] != self.predictions[:, :-1]).double().mean((0, 2))
        return [None, *unlike.tolist()]

    def step(self, level: float) -> Fact:
        """Where the losses are lowest."""
        return estimate("step of the lowest loss", [float(self.steps[at]) for at in self.lowest], level)

    def losses_at(self, level: float) -> tuple[Fact, Fact, Fact]:
        """The lowest losses, the final ones, and the differences."""
        return (
            estimate(
                "rise of the loss from its lowest to the end", [each.end - each.lowest for each in self.risen], level
            ),
            estimate("lowest loss", [each.lowest for each in self.risen], level),
            estimate("final loss", [each.end for each in self.risen], level),
        )

    def moved(self, level: float) -> Fact:
        """The share of predictions that change later."""
        shares = [
            float((of[-1] != of[at]).double().mean()) for of, at in zip(self.predictions, self.lowest, strict=True)
        ]
        return estimate("share of predictions that change after the lowest loss", shares, level, SHARE)

    def split(self, context: ProbeContext, level: float) -> list[Fact]:
        """The rise of the loss where a learner ends right, and where it ends wrong."""
        found = []
        for name, groups in self._groups(context).items():
            risen = [
                float((of[-1] - of[at])[rows].mean())
                for of, at, rows in zip(self.losses, self.lowest, groups, strict=True)
                if rows.any()
            ]
            found += [estimate(f"rise where it ends {name}", risen, level)] if risen else []
        return found

    def split_table(self, context: ProbeContext) -> Table:
        """The losses where learners end right, and where they end wrong, of all examples of all learners."""
        found = []
        for name, groups in self._groups(context).items():
            if count := int(groups.sum()):
                lowest = torch.stack([of[at] for of, at in zip(self.losses, self.lowest, strict=True)])
                found.append(
                    SplitRow(name, count, float(lowest[groups].mean()), float(self.losses[:, -1][groups].mean()))
                )
        return SplitRow.table(found)

    def _groups(self, context: ProbeContext) -> dict[str, Tensor]:
        """Which examples final learners get right, and which wrong (seed, example)."""
        right = self.predictions[:, -1].long() == context.examples.classes
        return {"right": right, "wrong": ~right}


def _trajectory(ours: Learned, theirs: Learned) -> Table:
    def bounds(of: Learned, read: int) -> tuple[float, float, float]:
        return estimate("", of.means[:, read].tolist())[1:4]

    accuracies, changed = ours.accuracies.mean(0).tolist(), ours.changed
    return LossRow.table(
        LossRow(step, *bounds(ours, read), accuracies[read], changed[read], *bounds(theirs, read))
        for read, step in enumerate(ours.steps)
    )


def _corners(corners: Tensor) -> Table:
    return CornerRow.table(CornerRow(name, *values) for name, values in zip(CORNERS, corners.tolist(), strict=True))


PathRows = TypeVar("PathRows", bound=PathRow)


def _path(kind: type[PathRows], steps: tuple[int, ...], coordinates: Tensor) -> list[PathRows]:
    return [kind(step, *values) for step, values in zip(steps, coordinates.tolist(), strict=True)]


def _surface(parts: list[dict[str, Tensor]]) -> Table:
    return SurfaceRow.table(
        SurfaceRow(x, y, float(part["evaluation"][row, column]), float(part["set"][row, column]))
        for part in parts
        for row, y in enumerate(part["y"].tolist())
        for column, x in enumerate(part["x"].tolist())
    )
