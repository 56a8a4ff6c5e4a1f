"""What happens where a learner of real data is trained further on a distilled set."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.computations import AllReal, Mixture, Steps, Training, real_trajectory
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.training import REAL_BATCH, accuracies
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.continuation import IMAGES, ON, SET, ContinuationRow
from limbeck.probes.verdicts.continuation import Changes, changed, verdict
from limbeck.statistics.chance import Chance
from limbeck.statistics.estimates import GAIN, SHARE, estimate

BEFORE = "test accuracy before"


@dataclass(frozen=True)
class Continuation(AbstractProbe):
    """The change of accuracy where learners of all real data, which have levelled off, are trained further on the set.

    Each begins where a trajectory on all real data ends, at rest (its momentum is lost: whether that was so in the
    paper is not said, nor for how many steps it went on; here `steps`, all items in one batch), and is read on the way.
    Beside it the same on as many random real examples of every class, drawn anew for each learner, which are new to no
    learner of all real data, and for the first `further` learners on all real data as before, in a new order.

    Three numbers decide, each paired within learners and all at once by Bonferroni: the change by the set and by as
    many real examples, by Student's interval, and how far the one lies from the other beside one more draw of real
    images (`one_more`). There is nothing to find where training changes nothing, and of the last where the set is one
    more draw. Nothing is claimed of learners that are not above chance. Yang et al. (ICML 2024), appendix E, figure 24,
    has learners of 300 steps.
    """

    repeats: int = 5
    further: int = 1
    """Learners that also go on with all real data."""
    every: int = 10
    """Steps between two readings of a training, at its beginning."""
    steps: int = 300
    """Steps on the set."""

    question = "Can a finished learner be trained further on the set?"
    tables = (ContinuationRow,)
    by_accuracy = True

    def __post_init__(self) -> None:
        at_least(self, 1, "repeats", "every", "steps")
        at_least(self, 0, "further")

    def _begun(self) -> list[Training]:
        return [real_trajectory(seed, self.every) for seed in range(self.repeats)]

    def _reads(self) -> tuple[int, ...]:
        return (*(step for step in (1, 3, 10, 30, 100) if step < self.steps), self.steps)

    def _trainings(self, context: ProbeContext) -> dict[str, list[Training]]:
        """What goes on from the end of the trajectory of each seed, by what it goes on with."""
        reads = self._reads()
        found: dict[str, list[Training]] = {SET: [], IMAGES: [], ON: []}
        for seed, start in enumerate(self._begun()):
            images = Mixture((), context.distilled.per_class, shuffle=seed)
            found[SET].append(Training(Mixture(), seed, Steps(self.steps), start=start, reads=reads))
            found[IMAGES].append(Training(images, seed, Steps(self.steps), start=start, reads=reads))
            if seed < self.further:
                # In the order of another seed, so that it does not see the same batches again.
                order = 3000 + seed
                found[ON].append(Training(AllReal(), order, Steps(self.steps, REAL_BATCH), start=start, reads=reads))
        return found

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """The trajectories and what goes on from the end of each."""
        return (*self._begun(), *(each for trainings in self._trainings(context).values() for each in trainings))

    def find(self, context: ProbeContext) -> Finding:
        """The changes of accuracy, and whether to go on with the set."""
        before, trainings = accuracies(context, self._begun()), self._trainings(context)
        ends = {on: accuracies(context, done) for on, done in trainings.items()}
        found = changed(before, ends[SET], ends[IMAGES], context.level)
        chance, per_class = Chance.of(context.examples.classes), context.distilled.per_class
        accuracy = estimate(BEFORE, before, context.level, SHARE)
        on = [after - begun for begun, after in zip(before, ends[ON], strict=False)]
        lengths = [begun.steps(context)[-1] for begun in self._begun()]
        going = sum(length == begun.reads[-1] for length, begun in zip(lengths, self._begun(), strict=True))
        return self.finding(
            context,
            verdict(before, found, chance, context.level, per_class),
            (accuracy, *found, *([estimate(f"change by {ON}", on, context.level, GAIN)] if on else [])),
            tables=(ContinuationRow.table(self._rows(context, before, trainings)),),
            control=(accuracy, *_of_images(found)),
            method=f"{self.repeats} learners of all real data in batches of {REAL_BATCH}, trained until validation "
            f"accuracy levels off ({min(lengths)} to {max(lengths)} steps); then {self.steps} steps of SGD 0.01, "
            f"momentum 0.9 from rest: on the whole set at once, on {per_class} random real examples of every class at "
            f"once, drawn anew for each learner (the control), and ({self.further} of them) on all real data in "
            f"batches as before; paired changes with intervals that hold at once ({len(found)} numbers); that of the "
            "set less real examples says how far one more draw of real examples would lie",
            caveats=(
                "its learning rate is that of learning from scratch; a smaller one, or real data beside the set, may "
                "change less",
                *([f"{going} of {self.repeats} learners had not levelled off at the last step"] if going else []),
            ),
        )

    def _rows(
        self, context: ProbeContext, before: list[float], trainings: dict[str, list[Training]]
    ) -> list[ContinuationRow]:
        rows = []
        for on, done in ((on, done) for on, done in trainings.items() if done):
            curves = [
                [begun, *context.outcome(each, "accuracy").tolist()] for begun, each in zip(before, done, strict=False)
            ]
            for step, values in zip((0, *self._reads()), zip(*curves, strict=True), strict=True):
                moved = [value - curve[0] for value, curve in zip(values, curves, strict=True)]
                change = estimate("", moved, context.level, GAIN)
                rows.append(ContinuationRow(on, step, sum(values) / len(values), *change[1:]))
        return rows


def _of_images(found: Changes) -> tuple[Fact, ...]:
    """What further training on as many real examples changes, under the names of what that on the set does."""
    return found.images._replace(name=found.ours.name), Fact(found.beyond.name, 0.0, 0.0, 0.0, found.beyond.n)
