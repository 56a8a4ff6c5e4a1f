"""What happens where a learner of real data is trained further on a distilled set."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.computations import AllReal, Mixture, Steps, Training, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.training import REAL_BATCH
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding
from limbeck.core.units import per_cent, percent, points
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.continuation import IMAGES, ON, SET, ContinuationRow
from limbeck.statistics.estimates import estimate

SMALL = 0.01
"""A change of accuracy that does not matter."""


@dataclass(frozen=True)
class Continuation(AbstractProbe):
    """The change of accuracy where learners of 300 steps on real data are trained further on the set.

    Each begins where a trajectory on all real data ends, at rest (its momentum is lost: whether that was so in the
    paper is not said, nor for how many steps it went on; here `steps`, all items in one batch), and is read on the way.
    Beside it the same on as many random real images of every class, which are new to no learner of all real data, and
    for the first `further` learners on all real data as before, in a new order. Changes are paired: each learner with
    itself before. Yang et al. (ICML 2024), appendix E, figure 24.
    """

    repeats: int = 3
    further: int = 1
    every: int = 10
    steps: int = 300

    question = "Can a finished learner be trained further on the set?"
    tables = (ContinuationRow,)
    by_accuracy = True

    def __post_init__(self) -> None:
        at_least(self, 1, "repeats", "every", "steps")
        at_least(self, 0, "further")

    def _begun(self, seed: int) -> Training:
        return real_trajectory(seed, self.every)

    def _reads(self) -> tuple[int, ...]:
        return (*(step for step in (1, 3, 10, 30, 100) if step < self.steps), self.steps)

    def _trainings(self, context: ProbeContext) -> dict[str, list[Training]]:
        """What goes on from the end of the trajectory of each seed, by what it goes on with."""
        reads = self._reads()
        found: dict[str, list[Training]] = {SET: [], IMAGES: [], ON: []}
        for seed in range(self.repeats):
            start, images = self._begun(seed), Mixture((), context.distilled.per_class, shuffle=seed)
            found[SET].append(Training(Mixture(), seed, Steps(self.steps), start=start, reads=reads))
            found[IMAGES].append(Training(images, seed, Steps(self.steps), start=start, reads=reads))
            if seed < self.further:
                # In the order of another seed, so that it does not see the same batches again.
                order = 3000 + seed
                found[ON].append(Training(AllReal(), order, Steps(self.steps, REAL_BATCH), start=start, reads=reads))
        return found

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """The trajectories and what goes on from the end of each."""
        begun = [self._begun(seed) for seed in range(self.repeats)]
        return (*begun, *(each for trainings in self._trainings(context).values() for each in trainings))

    def find(self, context: ProbeContext) -> Finding:
        """The changes of accuracy, and whether to go on with the set."""
        before = [float(context.outcome(self._begun(seed), "accuracy")[-1]) for seed in range(self.repeats)]
        changes: dict[str, Fact] = {}
        rows = []
        for on, trainings in self._trainings(context).items():
            curves = [
                [begun, *context.outcome(each, "accuracy").tolist()]
                for begun, each in zip(before, trainings, strict=False)
            ]
            for step, values in zip((0, *self._reads()), zip(*curves, strict=True), strict=True):
                change = estimate(
                    f"change by {on}", [value - curve[0] for value, curve in zip(values, curves, strict=True)]
                )
                rows.append(ContinuationRow(on, step, estimate("", values).value, *change[1:]))
                changes[on] = change
        accuracy = estimate("test accuracy before", before)
        verdict, tone = _verdict(accuracy, changes, context.distilled.per_class)
        return Finding(
            probe="continuation",
            set=context.name,
            question=self.question,
            verdict=verdict,
            tone=tone,
            facts=(accuracy, *changes.values()),
            tables=(ContinuationRow.table(rows),),
            method=f"{self.repeats} learners of 300 steps on all real data in batches of {REAL_BATCH}, then "
            f"{self.steps} steps of SGD 0.01, momentum 0.9 from rest: on the whole set at once, on "
            f"{context.distilled.per_class} random real images of every class at once, and "
            f"({self.further} of them) on all real data in batches as before",
            caveats=(
                "its learning rate is that of learning from scratch; a smaller one, or real data beside the set, may "
                "change less",
            ),
        )


def _verdict(accuracy: Fact, changes: dict[str, Fact], per_class: int) -> tuple[str, str]:
    change = changes[SET]
    spread = f"{100 * change.low:+.1f} to {100 * change.high:+.1f}"
    levels = f"from {per_cent(accuracy.value)} to {percent(accuracy.value + change.value)}"
    beside = f"On {per_class} random real images per class it changes by {points(changes[IMAGES].value, signed=True)}."
    changed = f"changes its test accuracy by {points(change.value, signed=True)}"
    if change.n < 2:
        return (
            f"Inconclusive: training one finished learner on the set {changed} ({levels}). {beside} Ask with more "
            "repeats: one learner has no interval.",
            "unknown",
        )
    if change.low > -SMALL and change.high < SMALL:
        verdict = (
            f"Training a finished learner on the set changes its test accuracy by less than {100 * SMALL:.0f} point"
        )
        return f"{verdict} ({100 * change.value:+.1f}, {spread}; {levels}). {beside}", "note"
    if change.high < 0:
        spread = f"{-100 * change.high:.1f} to {-100 * change.low:.1f}"
        costs = f"costs {points(-change.value)} of test accuracy ({spread}; {levels})"
        advice = "Do not use it as replay memory or for fine-tuning."
        return f"Training a finished learner on the set {costs}. {advice} {beside}", "avoid"
    if change.low > 0:
        raises = f"raises its test accuracy by {points(change.value)} ({spread}; {levels})"
        return f"Training a finished learner on the set {raises}. {beside}", "use"
    return f"Inconclusive: training a finished learner on the set {changed} ({spread}; {levels}). {beside}", "note"
