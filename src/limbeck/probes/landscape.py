"""The losses that a learner of the set passes through, and what becomes of its confidence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from limbeck.computations import Paths, Surface, Training, path, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding, Table
from limbeck.core.units import percent
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
from limbeck.statistics.correlation import rank_correlation
from limbeck.statistics.estimates import estimate

CORNERS = ("start", "real", "set")
RISES = 0.05
"""From which share of its lowest a rise of the loss is worth a word."""


@dataclass(frozen=True)
class Landscape(AbstractProbe):
    """Loss surfaces on the plane through the start, the end of real training and the end of training on the set.

    And the test loss along training on the set, with the share of predictions that change between readings. Yang et
    al. (ICML 2024), appendix A, figures 11 and 12. There one direction is made orthogonal to the other without its
    corner being moved along; here corners and paths are given in the coordinates of the same orthonormal directions,
    so that the surface at a corner is the loss of the network there. No direction is scaled by filters (unlike Li
    et al., NeurIPS 2018): all three corners are networks that were trained. Real training is 300 steps, where theirs
    is an epoch of about 196.

    That the learner of lowest test loss is held against the final one is a description of the curve on the examples
    it was read on: it selects no learner that anything is claimed of, and the step must not be used as one.
    """

    every: int = 10
    size: int = 21
    margin: float = 0.2
    sample: int = 1000
    rows: int = 3

    question = "Does a learner of the set grow over-confident, and is its loss a picture of the real one?"
    tables = (LossRow, SplitRow, CornerRow, RealPathRow, SetPathRow, SurfaceRow)
    by_accuracy = True

    def __post_init__(self) -> None:
        at_least(self, 1, "every", "rows")
        at_least(self, 2, "size")
        at_least(self, 0, "margin", "sample")

    def _trainings(self) -> tuple[Training, Training]:
        return real_trajectory(0, self.every), path(0, self.every)

    def _paths(self) -> Paths:
        return Paths(*self._trainings(), self.sample)

    def _surfaces(self) -> tuple[Surface, ...]:
        firsts = range(0, self.size, self.rows)
        chunks = [tuple(range(first, min(first + self.rows, self.size))) for first in firsts]
        return tuple(Surface(self._paths(), chunk, self.size, self.margin) for chunk in chunks)

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """Both trainings, their paths, and the surface a few rows at a time."""
        return (*self._trainings(), self._paths(), *self._surfaces())

    def find(self, context: ProbeContext) -> Finding:
        """How the test loss goes on while the set is learned, where it is paid for, and the surfaces."""
        ours = self._trainings()[1]
        outcome = {name: context.outcome(ours, name) for name in ("losses", "predictions", "accuracy")}
        losses, predictions = outcome["losses"].double(), outcome["predictions"]
        means = losses.mean(1)
        lowest = _lowest(means)
        changed = [
            (now != before).double().mean().item() for before, now in zip(predictions, predictions[1:], strict=False)
        ]
        after = float((predictions[-1] != predictions[lowest]).double().mean())
        # Tied examples of both learners, so that their difference is paired.
        rise = estimate("rise of the loss from its lowest to the end", (losses[-1] - losses[lowest]).tolist())
        right = predictions[-1].long() == context.examples.classes
        groups = {name: rows for name, rows in (("right", right), ("wrong", ~right)) if rows.any()}
        risen = [estimate(f"rise where it ends {name}", _of(losses, lowest, rows)) for name, rows in groups.items()]
        paths, surface = context.outcome(self._paths()), [context.outcome(each) for each in self._surfaces()]
        of_test, of_set = (torch.cat([each[name] for each in surface]) for name in ("evaluation", "set"))
        alike = rank_correlation(of_test, of_set)
        verdict, tone = _verdict(ours.reads[lowest], float(means[lowest]), float(means[-1]), rise, after, risen)
        facts = (
            Fact.once("step of the lowest loss", float(ours.reads[lowest])),
            Fact.once("lowest loss", float(means[lowest])),
            Fact.once("final loss", float(means[-1])),
            Fact.once("share of predictions that change after the lowest loss", after),
            Fact.once("farthest that training on the set goes from the plane", float(paths["ours"][:, 2].max())),
            Fact.once("rank correlation of both losses over the plane", alike),
        )
        return Finding(
            probe="landscape",
            set=context.name,
            question=self.question,
            verdict=verdict,
            tone=tone,
            facts=(rise, *risen, *facts),
            tables=(
                _trajectory(ours, means, outcome["accuracy"], changed),
                _split(losses, lowest, groups),
                _corners(paths["corners"]),
                RealPathRow.table(_path(RealPathRow, self._trainings()[0], paths["real"])),
                SetPathRow.table(_path(SetPathRow, ours, paths["ours"])),
                _surface(surface),
            ),
            method="one training on the set and one on all real images, 300 steps each from the same start, read every "
            f"{self.every} steps; surfaces on {self.size} x {self.size} points, on {self.sample or 'all'} "
            "evaluation examples and on the set; distances are those of all parameters",
            caveats=(
                "one training of each kind: intervals are over examples",
                "the step of the lowest loss is found on the evaluation examples: stop by validation, not by it",
                "a network with batch normalisation is normalised by the batch on the surfaces",
            ),
        )


def _lowest(means: Tensor) -> int:
    return int(torch.where(means.isfinite(), means, math.inf).argmin())


def _of(losses: Tensor, lowest: int, rows: Tensor) -> list[float]:
    return (losses[-1] - losses[lowest])[rows].tolist()


def _verdict(step: int, low: float, high: float, rise: Fact, after: float, risen: list[Fact]) -> tuple[str, str]:
    if not math.isfinite(rise.value):
        return "Not known: training on the set diverges, and its test loss is not finite.", "unknown"
    moved = f"while {percent(after, 0)} of predictions change"
    if rise.low > RISES * low:
        wrong = next((each for each in risen if each.name.endswith("wrong") and each.low > 0), None)
        where = f", by {wrong.value:.1f} ({wrong.low:.1f} to {wrong.high:.1f}) where it is wrong" if wrong else ""
        return (
            f"The learner grows over-confident: test loss rises from {low:.2f} at step {step} to {high:.2f}{where}, "
            f"{moved}. Stop early if you need probabilities.",
            "note",
        )
    if rise.value > 0:
        return f"Test loss stays near its lowest: {low:.2f} at step {step}, {high:.2f} at the end, {moved}.", "note"
    return f"Test loss is lowest at the end, {high:.2f}. Training on the set may go on.", "note"


def _trajectory(training: Training, means: Tensor, accuracy: Tensor, changed: list[float]) -> Table:
    readings = zip(training.reads, means.tolist(), accuracy.tolist(), [None, *changed], strict=True)
    return LossRow.table(LossRow(*each) for each in readings)


def _split(losses: Tensor, lowest: int, groups: dict[str, Tensor]) -> Table:
    return SplitRow.table(
        SplitRow(name, int(rows.sum()), float(losses[lowest][rows].mean()), float(losses[-1][rows].mean()))
        for name, rows in groups.items()
    )


def _corners(corners: Tensor) -> Table:
    return CornerRow.table(CornerRow(name, *values) for name, values in zip(CORNERS, corners.tolist(), strict=True))


PathRows = TypeVar("PathRows", bound=PathRow)


def _path(kind: type[PathRows], training: Training, coordinates: Tensor) -> list[PathRows]:
    return [kind(step, *values) for step, values in zip(training.keeps, coordinates.tolist(), strict=True)]


def _surface(parts: list[dict[str, Tensor]]) -> Table:
    return SurfaceRow.table(
        SurfaceRow(x, y, float(part["evaluation"][row, column]), float(part["set"][row, column]))
        for part in parts
        for row, y in enumerate(part["y"].tolist())
        for column, x in enumerate(part["x"].tolist())
    )
