"""What happens where a learner of real data is trained further on a distilled set."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.computations import AllReal, Mixture, Steps, Training, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.training import REAL_BATCH
from limbeck.core.findings import Fact, Finding, Table
from limbeck.probes.contract import AbstractProbe, expect
from limbeck.statistics.estimates import estimate

SET, IMAGES, ON = "the set", "random real images", "all real data"
SMALL = 0.01
"""A change of accuracy that does not matter."""


@dataclass(frozen=True)
class Continuation(AbstractProbe):
    """The change of accuracy where learners of 300 steps on real data are trained further on the set.

    Each begins where a course on all real data ends, at rest (its momentum is lost: whether that was so in the paper is
    not said, nor for how many steps it went on; here `steps`, all items in one batch), and is read on the way. Beside
    it the same on as many random real images of every class, which are new to no learner of all real data, and for
    the first `further` learners on all real data as before, in a new order. Changes are paired: each learner with
    itself before. Yang et al. (ICML 2024), appendix E, figure 24.
    """

    repeats: int = 3
    further: int = 1
    every: int = 10
    steps: int = 300

    question = "Can a finished learner be trained further on the set?"

    def __post_init__(self) -> None:
        expect(self, 1, "repeats", "every", "steps")
        expect(self, 0, "further")

    def _begun(self, seed: int) -> Training:
        return real_trajectory(seed, self.every)

    def _reads(self) -> tuple[int, ...]:
        return (*(step for step in (1, 3, 10, 30, 100) if step < self.steps), self.steps)

    def _trainings(self, context: ProbeContext) -> dict[str, list[Training]]:
        """What goes on from the end of the course of each member, by what it goes on with."""
        reads = self._reads()
        found: dict[str, list[Training]] = {SET: [], IMAGES: [], ON: []}
        for seed in range(self.repeats):
            start, images = self._begun(seed), Mixture((), context.distilled.per_class, shuffle=seed)
            found[SET].append(Training(Mixture(), seed, Steps(self.steps), start=start, reads=reads))
            found[IMAGES].append(Training(images, seed, Steps(self.steps), start=start, reads=reads))
            if seed < self.further:
                # In the order of another member, so that it does not see the same batches again.
                order = 3000 + seed
                found[ON].append(Training(AllReal(), order, Steps(self.steps, REAL_BATCH), start=start, reads=reads))
        return found

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """The courses and what goes on from the end of each."""
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
                rows.append((on, step, estimate("", values).value, *change[1:]))
                changes[on] = change
        accuracy = estimate("accuracy before", before)
        verdict, tone = _verdict(accuracy, changes, context.distilled.per_class)
        return Finding(
            probe="continuation",
            set=context.name,
            question=self.question,
            verdict=verdict,
            tone=tone,
            facts=(accuracy, *changes.values()),
            tables=(Table("continuation", _COLUMNS, tuple(rows), _CAPTION),),
            method=f"{self.repeats} learners of 300 steps on all real data in batches of {REAL_BATCH}, then "
            f"{self.steps} steps of SGD 0.01, momentum 0.9 from rest: on the whole set at once, on "
            f"{context.distilled.per_class} random real images of every class at once, and "
            f"({self.further} of them) on all real data in batches as before",
            caveats=(
                "its learning rate is that of learning from scratch; a smaller one, or real data beside the set, may "
                "change less",
            ),
        )


_COLUMNS = ("on", "step", "accuracy", "change", "low", "high", "n")
_CAPTION = "mean accuracy after so many more steps, and its paired change with 95 % interval over n learners"


def _verdict(accuracy: Fact, changes: dict[str, Fact], per_class: int) -> tuple[str, str]:
    change = changes[SET]
    levels = f"from {100 * accuracy.value:.1f} to {100 * (accuracy.value + change.value):.1f} %"
    beside = f"; on {per_class} random real images per class: {100 * changes[IMAGES].value:+.1f} points"
    spread = f"{100 * change.low:+.1f} to {100 * change.high:+.1f}"
    if change.n < 2:
        verdict = f"training one finished learner on the set changed its accuracy by {100 * change.value:+.1f} points"
        return f"{verdict} ({levels}){beside}; one learner does not tell how much of it is chance", "unknown"
    if change.low > -SMALL and change.high < SMALL:
        verdict = f"training a finished learner on the set changes it by less than {100 * SMALL:.0f} point"
        return f"{verdict} ({100 * change.value:+.1f}, {levels}){beside}", "note"
    if change.high < 0:
        points = f"{-100 * change.value:.1f} points"
        advice = "do not use it as replay memory or for fine-tuning"
        return f"training a finished learner on the set costs {points} ({levels}): {advice}{beside}", "avoid"
    if change.low > 0:
        points = f"{100 * change.value:.1f} points"
        return f"training a finished learner on the set raises its accuracy by {points} ({levels}){beside}", "use"
    verdict = f"no clear effect of training a finished learner on the set ({100 * change.value:+.1f} points, {spread}"
    return f"{verdict}, {levels}){beside}", "note"
