"""When a learner of real data learns what a distilled set holds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from limbeck.computations import RecognitionTrajectory, Training, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.training import REAL_BATCH
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding, Table
from limbeck.core.units import per_cent, percent
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.learning_time import LearnedRow, TrajectoryRow
from limbeck.statistics.curves import lasting, moving_mean, settled, slope, standard_error
from limbeck.statistics.estimates import estimate

SMOOTH = 20
"""Steps to either side that a smoothed recognition is the mean over."""
FEWEST = 5
"""Items from which on a recognition says anything."""
LATE = 0.8
"""The share of a trajectory after which what still improves is not learned early."""
Z = 1.96


@dataclass(frozen=True)
class LearningTime(AbstractProbe):
    """The share of the set that a learner of real data recognises on its way, beside its accuracy.

    A learner is trained for 300 steps on all real data and read at each step where it was kept: its recognition, the
    share of the n items whose class (the one each was made for) it predicts, and its accuracy on the evaluation
    examples. Recognition is smoothed over 20 steps to either side, and stops improving at the first step after which
    its best smoothed value is higher by no more than one standard error, sqrt(q(1 - q)/m) with m = n + 4 and q = (n p +
    2)/m of that best value p (Agresti & Coull 1998; at p = 1 the plain one is zero, and one item would count). A rise
    of accuracy from then to the end is measured on the examples read differently, in pairs. Where recognition has
    stopped and accuracy rises on, what the set holds is what is learned early.

    Yang et al. (ICML 2024), figure 5: one learner, as here, read after every step; there "stops improving after
    iteration 150" was read from the figure.
    """

    every: int = 10
    after: int = 150
    """From which step the slopes at the end are taken."""

    question = "When does real training learn what the set holds?"
    tables = (TrajectoryRow, LearnedRow)
    by_accuracy = True

    def __post_init__(self) -> None:
        at_least(self, 1, "every")

    def _trajectory(self) -> Training:
        return real_trajectory(0, self.every)

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """The trajectory, and what its learners say of the items."""
        return (self._trajectory(), RecognitionTrajectory(self._trajectory()))

    def find(self, context: ProbeContext) -> Finding:
        """Both curves, and where the one stops improving and the other does not."""
        steps = torch.tensor(self._trajectory().reads, dtype=torch.float64)
        outcome = context.outcome(self._trajectory())
        right = outcome["predictions"] == context.examples.classes
        known = (
            context.outcome(RecognitionTrajectory(self._trajectory()), "predictions") == context.distilled.batch.classes
        )
        accuracy, recognition = right.double().mean(1), known.double().mean(1)
        smooth = moving_mean(steps, recognition, SMOOTH)
        at = settled(smooth, known.shape[1])
        gain = _gain(right, at)
        above = lasting(smooth > moving_mean(steps, accuracy, SMOOTH))
        late = steps >= self.after
        verdict, tone = _verdict(context, steps, smooth, accuracy, at, gain)
        facts = [
            Fact.once("step at which recognition stops improving", float(steps[at])),
            Fact.once("recognition then", float(smooth[at])),
            Fact.once("recognition at the end", float(recognition[-1])),
            Fact.once("test accuracy then", float(accuracy[at])),
            Fact.once("test accuracy at the end", float(accuracy[-1])),
            gain,
        ]
        if int(late.sum()) > 1:
            for name, curve in (("recognition", recognition), ("test accuracy", accuracy)):
                rise = 100 * slope(steps[late], curve[late])
                facts.append(Fact.once(f"slope of {name} after step {self.after}, per 100 steps", rise))
        if above is not None:
            facts.append(Fact.once("step from which recognition exceeds test accuracy", float(steps[above])))
        return Finding(
            probe="learning-time",
            set=context.name,
            question=self.question,
            verdict=verdict,
            tone=tone,
            facts=tuple(facts),
            tables=(_curves(steps, recognition, smooth, accuracy, known.shape[1]), _items(context, steps, known)),
            method=f"one learner, {self._trajectory().protocol.steps} steps on all real data in batches of "
            f"{REAL_BATCH}, read every {self.every} steps on the {known.shape[1]} items and on {right.shape[1]} "
            f"evaluation examples; recognition smoothed over {SMOOTH} steps to either side; it stops improving where "
            "no later value is higher by more than one standard error",
            caveats=(
                "one training: another reaches the same a few readings earlier or later",
                "that recognition is high does not say that the set holds no more than what is recognised",
                *(_uncovered(context)),
            ),
        )


def _uncovered(context: ProbeContext) -> tuple[str, ...]:
    count, there = len(context.problem.task.classes), len(context.distilled.batch.classes.unique())
    return () if there == count else (f"the set has items of {there} of {count} classes; test accuracy is over all",)


def _gain(right: Bool[Tensor, "read example"], at: int) -> Fact:
    """How much accuracy rises from a reading to the end, each example paired with itself."""
    return estimate("rise of test accuracy from then to the end", (right[-1].double() - right[at].double()).tolist())


def _curves(
    steps: Float[Tensor, " read"],
    recognition: Float[Tensor, " read"],
    smooth: Float[Tensor, " read"],
    accuracy: Float[Tensor, " read"],
    count: int,
) -> Table:
    def row(step: float, share: float, mean: float, right: float) -> TrajectoryRow:
        half = Z * standard_error(share, count)
        return TrajectoryRow(int(step), share, max(share - half, 0.0), min(share + half, 1.0), mean, right)

    readings = zip(steps.tolist(), recognition.tolist(), smooth.tolist(), accuracy.tolist(), strict=True)
    return TrajectoryRow.table(row(*each) for each in readings)


def _items(context: ProbeContext, steps: Float[Tensor, " read"], known: Bool[Tensor, "read item"]) -> Table:
    rows = []
    for item, cls in enumerate(context.distilled.batch.classes.tolist()):
        first = lasting(known[:, item])
        rows.append(LearnedRow(item, context.problem.task.classes[cls], None if first is None else int(steps[first])))
    return LearnedRow.table(rows)


def _verdict(
    context: ProbeContext,
    steps: Float[Tensor, " read"],
    smooth: Float[Tensor, " read"],
    accuracy: Float[Tensor, " read"],
    at: int,
    gain: Fact,
) -> tuple[str, str]:
    count, by_chance = len(context.distilled), 1 / len(context.problem.task.classes)
    recognised, then, end = float(smooth[at]), float(accuracy[at]), float(accuracy[-1])
    step, last = int(steps[at]), int(steps[-1])
    if count < FEWEST:
        return (
            f"Inconclusive: the set has {count} items, and recognition says nothing of fewer than {FEWEST}.",
            "unknown",
        )
    reached = float(smooth[-1])
    if reached - Z * standard_error(reached, count) <= by_chance:
        return (
            f"Inconclusive: a learner of real data does not recognise the set ({percent(reached, 0)} after {last} "
            f"steps, {percent(by_chance, 0)} by chance).",
            "unknown",
        )
    share = percent(recognised, 0)
    if step > LATE * last:
        return (
            f"The set holds what is learned late too: real training recognises {share} of it by step {step} of {last}, "
            "and that rises to the end.",
            "note",
        )
    head = f"real training recognises {share} of it by step {step} and no more after"
    if gain.low > 0:
        return (
            f"The set holds what is learned early: {head}, while test accuracy still rises from {per_cent(then, 0)} to "
            f"{percent(end, 0)} (by {per_cent(gain.low)} to {per_cent(gain.high)} points).",
            "note",
        )
    return (
        f"Inconclusive: {head}, but test accuracy rises no more either ({per_cent(then, 0)} to {percent(end, 0)} at "
        f"step {last}).",
        "note",
    )
