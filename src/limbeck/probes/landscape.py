"""The losses that a learner of the set passes through, and what becomes of its confidence."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from limbeck.computations import Paths, Surface, Training, path, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.core.findings import Fact, Finding, Table
from limbeck.probes.contract import AbstractProbe, expect
from limbeck.statistics.estimates import estimate

CORNERS = ("start", "real", "set")
RISES = 0.05
"""From which share of its lowest a rise of the loss is worth a word."""


@dataclass(frozen=True)
class Landscape(AbstractProbe):
    """Loss surfaces on the plane through the start, the end of real training and the end of training on the set.

    And the judged loss along training on the set, with the share of predictions that change between readings. Yang et
    al. (ICML 2024), appendix A, figures 11 and 12. There one direction is made orthogonal to the other without its
    corner being moved along; here corners and paths are given in the coordinates of the same orthonormal directions,
    so that the surface at a corner is the loss of the network there. No direction is scaled by filters (unlike Li
    et al., NeurIPS 2018): all three corners are networks that were trained. Real training is 300 steps, where theirs
    is an epoch of about 196.

    That the learner of lowest judged loss is held against the final one is a description of the curve on the examples
    it was read on: it selects no learner that anything is claimed of, and the step must not be used as one.
    """

    every: int = 10
    size: int = 21
    margin: float = 0.2
    sample: int = 1000
    rows: int = 3

    question = "Does a learner of the set grow over-confident, and is its loss a picture of the real one?"

    def __post_init__(self) -> None:
        expect(self, 1, "every", "rows")
        expect(self, 2, "size")
        expect(self, 0, "margin", "sample")

    def _trainings(self) -> tuple[Training, Training]:
        return real_trajectory(0, self.every), path(self.every)

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
        """How the judged loss goes on while the set is learned, where it is paid for, and the surfaces."""
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
        judged, of_set = (torch.cat([each[name] for each in surface]) for name in ("judged", "set"))
        alike = _correlation(judged, of_set)
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
                *(_walk(name, each, paths[side]) for name, side, each in self._walks()),
                _surface(surface),
            ),
            method="one training on the set and one on all real images, 300 steps each from the same start, read every "
            f"{self.every} steps; surfaces on {self.size} x {self.size} points, on {self.sample or 'all'} judged "
            "examples and on the set; distances are those of all parameters",
            caveats=(
                "one training of each kind: intervals are over examples",
                "the step of the lowest loss is found on the judged examples: stop by validation, not by it",
                "a network with batch normalisation is normalised by the batch on the surfaces",
            ),
        )

    def _walks(self) -> tuple[tuple[str, str, Training], tuple[str, str, Training]]:
        real, ours = self._trainings()
        return ("path of real training", "real", real), ("path of training on the set", "ours", ours)


def _lowest(means: Tensor) -> int:
    return int(torch.where(means.isfinite(), means, math.inf).argmin())


def _of(losses: Tensor, lowest: int, rows: Tensor) -> list[float]:
    return (losses[-1] - losses[lowest])[rows].tolist()


def _correlation(judged: Tensor, of_set: Tensor) -> float:
    """Spearman's rank correlation over the grid; not a number where one of them is constant."""
    from scipy import stats

    pair = [each.flatten() for each in (judged, of_set)]
    if any(len(each.unique()) < 2 or not each.isfinite().all() for each in pair):
        return math.nan
    return float(stats.spearmanr(*(each.numpy() for each in pair)).statistic)


def _verdict(step: int, low: float, high: float, rise: Fact, after: float, risen: list[Fact]) -> tuple[str, str]:
    if not math.isfinite(rise.value):
        return "its loss on test examples runs out of the numbers: training on the set diverges", "unknown"
    moved = f"while {100 * after:.0f} % of predictions change"
    if rise.low > RISES * low:
        wrong = next((each for each in risen if each.name.endswith("wrong") and each.low > 0), None)
        where = f", by {wrong.value:.1f} where it is wrong" if wrong else ""
        return (
            f"test loss rises from {low:.2f} at step {step} to {high:.2f}{where}, {moved}: the learner grows "
            "over-confident; stop early if you need probabilities",
            "note",
        )
    if rise.value > 0:
        return f"test loss stays near its lowest: {low:.2f} at step {step}, {high:.2f} at the end, {moved}", "note"
    return f"test loss is lowest at the end, {high:.2f}: training on the set may go on", "note"


def _trajectory(training: Training, means: Tensor, accuracy: Tensor, changed: list[float]) -> Table:
    rows = zip(training.reads, means.tolist(), accuracy.tolist(), [None, *changed], strict=True)
    caption = (
        "along training on the set, on judged examples; changed: the share of predictions unlike the reading before"
    )
    return Table("loss along set", ("step", "loss", "accuracy", "changed"), tuple(rows), caption)


def _split(losses: Tensor, lowest: int, groups: dict[str, Tensor]) -> Table:
    rows = [
        (name, int(rows.sum()), float(losses[lowest][rows].mean()), float(losses[-1][rows].mean()))
        for name, rows in groups.items()
    ]
    caption = "mean loss of the examples that the final learner gets right or wrong"
    return Table(
        "over-confidence",
        ("final prediction", "examples", "lowest-loss learner", "final learner"),
        tuple(rows),
        caption,
    )


def _corners(found: Tensor) -> Table:
    columns = ("corner", "x", "y", "judged", "set", "judged on the plane", "set on the plane")
    rows = [(name, *values) for name, values in zip(CORNERS, found.tolist(), strict=True)]
    return Table("corners", columns, tuple(rows), "losses of the networks, and of the points of the plane")


def _walk(name: str, training: Training, found: Tensor) -> Table:
    rows = [(step, *values) for step, values in zip(training.keeps, found.tolist(), strict=True)]
    return Table(name, ("step", "x", "y", "off the plane"), tuple(rows), "distances in parameters")


def _surface(found: list[dict[str, Tensor]]) -> Table:
    rows = [
        (x, y, float(part["judged"][row, column]), float(part["set"][row, column]))
        for part in found
        for row, y in enumerate(part["y"].tolist())
        for column, x in enumerate(part["x"].tolist())
    ]
    return Table("surface", ("x", "y", "judged", "set"), tuple(rows), "mean losses over the plane")
