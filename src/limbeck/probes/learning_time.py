"""When a learner of real data learns what a distilled set holds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from limbeck.computations import RecognitionTrajectory, Training, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.training import REAL_BATCH
from limbeck.core.findings import Fact, Finding, Table, Value
from limbeck.probes.contract import AbstractProbe, expect
from limbeck.statistics.curves import lasting, moving_mean, settled, slope, standard_error
from limbeck.statistics.estimates import estimate

SMOOTH = 20
"""Steps to either side that a smoothed recognition is the mean over."""
FEWEST = 5
"""Items that a recognition can be told of."""
LATE = 0.8
"""The share of a course after which what still improves is not learned early."""
Z = 1.96


@dataclass(frozen=True)
class LearningTime(AbstractProbe):
    """The share of the set that a learner of real data recognises on its way, beside its accuracy.

    A learner is trained for 300 steps on all real data and read at each step where it was kept: its recognition, the
    share of the n items whose class (the one each was made for) it predicts, and its accuracy on the judged examples.
    Recognition is smoothed over 20 steps to either side, and stops improving at the first step after which its best
    smoothed value is higher by no more than one standard error, sqrt(q(1 - q)/m) with m = n + 4 and q = (n p + 2)/m
    of that best value p (Agresti & Coull 1998; at p = 1 the plain one is zero, and one item would count). A rise
    of accuracy from then to the end is told by the examples read differently, in pairs. Where recognition has stopped
    and accuracy rises on, what the set holds is what is learned early.

    Yang et al. (ICML 2024), figure 5: one learner, as here, read after every step; there "stops improving after
    iteration 150" was read from the figure.
    """

    every: int = 10
    after: int = 150
    """From which step the slopes at the end are taken."""

    question = "When does real training learn what the set holds?"

    def __post_init__(self) -> None:
        expect(self, 1, "every")

    def _trajectory(self) -> Training:
        return real_trajectory(0, self.every)

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """The course, and what its learners say of the items."""
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
            Fact.once("accuracy then", float(accuracy[at])),
            Fact.once("accuracy at the end", float(accuracy[-1])),
            gain,
        ]
        if int(late.sum()) > 1:
            for name, curve in (("recognition", recognition), ("accuracy", accuracy)):
                rise = 100 * slope(steps[late], curve[late])
                facts.append(Fact.once(f"slope of {name} after step {self.after}, per 100 steps", rise))
        if above is not None:
            facts.append(Fact.once("step from which recognition exceeds accuracy", float(steps[above])))
        return Finding(
            probe="learning-time",
            set=context.name,
            question=self.question,
            verdict=verdict,
            tone=tone,
            facts=tuple(facts),
            tables=(_curves(steps, recognition, smooth, accuracy, known.shape[1]), _items(context, steps, known)),
            method=f"one learner, {self._trajectory().protocol.steps} steps on all real data in "
            f"batches of {REAL_BATCH}, "
            "read every "
            f"{self.every} steps on the {known.shape[1]} items and on {right.shape[1]} examples; recognition smoothed "
            f"over {SMOOTH} steps to either side; it stops improving where no later value is higher by more than one "
            "standard error",
            caveats=(
                "one course of training: another reaches the same a few readings earlier or later",
                "that recognition is high does not say that the set holds no more than what is recognised",
                *(_uncovered(context)),
            ),
        )


def _uncovered(context: ProbeContext) -> tuple[str, ...]:
    count, there = len(context.problem.task.classes), len(context.distilled.batch.classes.unique())
    return () if there == count else (f"the set has items of {there} of {count} classes, accuracy is over all",)


def _gain(right: Bool[Tensor, "read example"], at: int) -> Fact:
    """How much accuracy rises from a reading to the end, each example paired with itself."""
    return estimate("rise of accuracy from then to the end", (right[-1].double() - right[at].double()).tolist())


def _curves(
    steps: Float[Tensor, " read"],
    recognition: Float[Tensor, " read"],
    smooth: Float[Tensor, " read"],
    accuracy: Float[Tensor, " read"],
    count: int,
) -> Table:
    rows = [
        (step, p, max(p - Z * standard_error(p, count), 0.0), min(p + Z * standard_error(p, count), 1.0), mean, a)
        for step, p, mean, a in zip(
            steps.tolist(), recognition.tolist(), smooth.tolist(), accuracy.tolist(), strict=True
        )
    ]
    caption = f"one learner of real data; recognition of {count} items, -+ 1.96 standard errors, and smoothed"
    return Table("course", ("step", "recognition", "low", "high", "smoothed", "accuracy"), tuple(rows), caption)


def _items(context: ProbeContext, steps: Float[Tensor, " read"], known: Bool[Tensor, "read item"]) -> Table:
    rows: list[tuple[Value, ...]] = []
    for item, cls in enumerate(context.distilled.batch.classes.tolist()):
        first = lasting(known[:, item])
        found = None if first is None else float(steps[first])
        rows.append((item, context.problem.task.classes[cls], found))
    caption = "the first reading from which on each item is always recognised; none where it is not at the end"
    return Table("items", ("item", "class", "step"), tuple(rows), caption)


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
        return f"recognition of {count} items tells nothing: at least {FEWEST} are needed", "unknown"
    reached = float(smooth[-1])
    if reached - Z * standard_error(reached, count) <= by_chance:
        return (
            f"a learner of real data does not recognise it ({100 * reached:.0f} % after {last} steps, by chance "
            f"{100 * by_chance:.0f} %): when it learns what the set holds cannot be told"
        ), "unknown"
    head = f"real training recognises {100 * recognised:.0f} % of it by step {step}"
    if step > LATE * last:
        return f"{head} of {last} and it rises to the end: it holds what is learned late too", "note"
    real_trajectory = f"{100 * then:.0f} to {100 * end:.0f} %"
    if gain.low > 0:
        rises = f"while accuracy still rises from {real_trajectory}"
        return f"{head}, and no more after, {rises}: it holds what is learned early", "note"
    return f"{head}, and no more after, nor does accuracy rise any more ({real_trajectory} at step {last})", "note"
