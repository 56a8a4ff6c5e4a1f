"""When a learner of real data learns what a distilled set holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from limbeck.computations import RecognitionTrajectory, Training, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.training import REAL_BATCH
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding, Table
from limbeck.core.units import points
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.learning_time import LearnedRow, TrajectoryRow
from limbeck.probes.verdicts.learning_time import SHARES, SOONER, TOLERANCE, Trajectory, measured, verdict
from limbeck.statistics.crossed import of_controls_within
from limbeck.statistics.curves import lasting, smoothed
from limbeck.statistics.decisions import LEAST
from limbeck.statistics.estimates import geometric_mean


@dataclass(frozen=True)
class LearningTime(AbstractProbe):
    """The share of the set that learners of real data recognise on their way, beside random real examples.

    A learner of each seed is trained on all real data until its accuracy on validation examples levels off, and read
    at growing distances: its recognition, the share of the items whose class (the one each was made for) it predicts,
    and its accuracy on the evaluation examples. Recognition is smoothed within a factor of the steps, and stops
    improving at the first reading after which its best smoothed value is higher by no more than 5 points, however many
    items there are. The same learners read controls: sets of as many random real examples. The set is learned early
    where the logarithm of that step, over seeds, is below what one more control would come to (Student's predictive
    interval at 95 %), and late where it is above. So of random real sets at most 5 % are called early or late. Nothing
    is said where trajectories have not levelled off, of fewer than five items, of a set that is recognised no more than
    by chance, or of one that is recognised as well as ever from the first reading on.

    Yang et al. (ICML 2024), figure 5: one learner for 300 steps, read after every step; there "stops improving after
    iteration 150" was read from the figure, and no real examples were read beside.
    """

    every: int = 10
    """Steps between two readings of a training, at its beginning."""
    repeats: int = 3
    controls: int = 20
    """Sets of random real examples that the same learners read, which costs little beside training them."""

    question = "When does real training learn what the set holds?"
    tables = (TrajectoryRow, LearnedRow)
    by_accuracy = True

    def __post_init__(self) -> None:
        at_least(self, 1, "every", "repeats")
        at_least(self, LEAST, "controls")

    def _trainings(self) -> list[Training]:
        return [real_trajectory(seed, self.every) for seed in range(self.repeats)]

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """The trajectories, and what their learners say of the items."""
        trainings = self._trainings()
        return (*trainings, *map(RecognitionTrajectory, trainings))

    def find(self, context: ProbeContext) -> Finding:
        """The curves of the set and of the controls, and which of them stop improving first."""
        known = [self._known(context, each) for each in self._trainings()]
        ours = [self._trajectory(context, *each) for each in zip(self._trainings(), known, strict=True)]
        controls = [
            [self._trajectory(about, each, self._known(about, each)) for each in self._trainings()]
            for about in context.controls(self.controls)
        ]
        classes = len(context.problem.task.classes)
        found = measured(ours, controls, len(context.distilled), classes, context.level)
        beside = [
            measured(
                control, [other for other in controls if other is not control], found.items, classes, context.level
            )
            for control in controls
        ]
        return self.finding(
            context,
            verdict(found),
            (*found.facts, *_exceeding(ours), found.factor),
            tables=(_curves(ours, controls), _items(context, ours, known)),
            control=of_controls_within([(*each.facts, each.factor) for each in beside], SHARES),
            method=f"{self.repeats} learners (seeds) on all real data in batches of {REAL_BATCH} until accuracy on "
            f"validation examples levels off, read every {self.every} steps at first and at growing distances later, "
            f"on the {found.items} items and on {len(context.rows)} evaluation examples; recognition smoothed over "
            f"readings within a factor of 1.15 in steps; it stops improving where no later value is higher by more "
            f"than {points(TOLERANCE)}; {SOONER}: its logarithm, paired by seed, with the predictive interval of one "
            f"more of {self.controls} controls (sets of as many random real examples, read by the same learners)",
            caveats=(
                "random real examples are training examples, which the learners have seen; those of the set are new to "
                "them",
                "that recognition is high does not say that the set holds no more than what is recognised",
                *_uncovered(context),
            ),
        )

    def _known(self, context: ProbeContext, training: Training) -> Bool[Tensor, "read item"]:
        """Which items each learner of a trajectory takes for what they were made for."""
        predictions = context.outcome(RecognitionTrajectory(training), "predictions")
        return predictions == context.distilled.batch.classes

    def _trajectory(self, context: ProbeContext, training: Training, known: Bool[Tensor, "read item"]) -> Trajectory:
        steps = training.steps(context)
        return Trajectory(
            torch.tensor(steps, dtype=torch.float64),
            known.double().mean(1),
            context.outcome(training, "accuracy").double(),
            training.levelled(context),
        )


def _uncovered(context: ProbeContext) -> tuple[str, ...]:
    count, there = len(context.problem.task.classes), len(context.distilled.batch.classes.unique())
    return () if there == count else (f"the set has items of {there} of {count} classes; test accuracy is over all",)


def _exceeding(trajectories: Sequence[Trajectory]) -> list[Fact]:
    """From which step on recognition exceeds accuracy, of the trajectories where it does at the end."""
    above = [lasting(each.smooth > smoothed(each.steps, each.accuracy)) for each in trajectories]
    steps = [float(each.steps[at]) for each, at in zip(trajectories, above, strict=True) if at is not None]
    return [geometric_mean("step from which recognition exceeds test accuracy", steps)] if steps else []


def _curves(trajectories: Sequence[Trajectory], controls: Sequence[Sequence[Trajectory]]) -> Table:
    rows = []
    for seed, each in enumerate(trajectories):
        real = torch.stack([control[seed].smooth for control in controls])
        readings = zip(
            each.steps.tolist(),
            each.recognition.tolist(),
            each.smooth.tolist(),
            real.mean(0).tolist(),
            real.amin(0).tolist(),
            real.amax(0).tolist(),
            each.accuracy.tolist(),
            strict=True,
        )
        rows += [TrajectoryRow(seed, int(step), *values) for step, *values in readings]
    return TrajectoryRow.table(rows)


def _items(
    context: ProbeContext, trajectories: Sequence[Trajectory], known: Sequence[Bool[Tensor, "_read item"]]
) -> Table:
    names, rows = context.problem.task.classes, []
    for item, label in enumerate(context.distilled.batch.classes.tolist()):
        for seed, (each, right) in enumerate(zip(trajectories, known, strict=True)):
            first = lasting(right[:, item])
            step = None if first is None else int(each.steps[first])
            rows.append(LearnedRow(item, names[label], seed, step))
    return LearnedRow.table(rows)
