"""Which nameable attributes the items of a set hold, beyond their class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch

from limbeck.computations import leave_one_out
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.leave_one_out import beside_others
from limbeck.computations.training import DEFAULT_TRAINING
from limbeck.core.expect import at_least
from limbeck.core.findings import Finding, Table, Verdict
from limbeck.core.units import percent
from limbeck.probes.attributes import AbstractAttributes, Attributes, Measured
from limbeck.probes.carrying import Answer, answer
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.semantics import AccuracyRow, AttributeRow, CurveRow
from limbeck.probes.verdicts.influence import ALONE, DIVERGED
from limbeck.probes.verdicts.semantics import verdict
from limbeck.statistics.decisions import LEAST
from limbeck.statistics.seed_null import learners_for

SEEDS = 2
"""Under how many seeds items are left out; an attribute counts only where all of them show it."""


@dataclass(frozen=True)
class Semantics(AbstractProbe):
    """Whether an item's influence within its class predicts an attribute, beyond what seeds alone do.

    The score of an item for an evaluation example of its own class is its influence there, by exact leave-one-out;
    positive are the examples that carry the attribute. Average precision, the area under the steps of the
    precision-recall curve, is shown beside the prevalence. Yang et al. (ICML 2024), section 5.2, figure 9 and table 1:
    there attributes were picked by hand from a language model's answers of the most helped images, and neither
    prevalence nor chance was given; here all are tested.

    The null are differences of learners of the whole set that differ by their seed alone, with no item involved: these
    rank attributes far from randomly, for networks differ along few directions. An item's separation of the carriers
    is held against their spread by Student's predictive distribution, one-sided, with degrees of freedom by the number
    of learners, and it has to be as far under both of two seeds. All tests of a set are corrected together (Benjamini
    and Hochberg). The same is asked of a control, random real examples in place of the set.
    """

    attributes: AbstractAttributes = Measured()
    """Which attributes are looked for."""
    repeats: int = 16
    """How many learners of the whole set there are, which differ by their seed alone: the null is made of these."""
    controls: int = 1
    items: int = 0
    """About how many items are left out, of each class two or more; 0 for all."""
    controlled: int = 30
    """About how many real examples are left out of the control; 0 for as many as of the set."""

    question = "Which nameable attributes do its items hold?"
    tables = (AttributeRow, AccuracyRow, CurveRow)
    by_accuracy = True

    def __post_init__(self) -> None:
        at_least(self, LEAST, "repeats")
        at_least(self, 0, "controls", "items", "controlled")

    def _items(self, context: ProbeContext) -> tuple[int, ...]:
        most = self.items if context.draw is None else self.controlled or self.items
        return beside_others(context.distilled.batch.classes, most)

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """The learners with and without each item; none where all are alone. InputError without attributes."""
        self.attributes.check(context)
        items = self._items(context)
        if not items:
            return ()
        left_out = (leave_one_out.without(context, item, seed) for seed in range(SEEDS) for item in items)
        return (*(leave_one_out.whole(seed) for seed in range(self.repeats)), *left_out)

    def find(self, context: ProbeContext) -> Finding:
        """Every item and attribute of its class, how well the one ranks the other, and what seeds alone do."""
        if not self._items(context):
            return self.finding(context, Verdict(ALONE, "unknown"))
        found = self.attributes.of(context)
        ours = self._answered(context, found)
        if ours is None:
            return self.finding(context, Verdict(DIVERGED, "unknown"))
        if not ours.tests:
            count = f"{len(found.names)} attributes ({self.attributes.describe()})"
            why = f"of {count}, none is carried by enough evaluation examples of a class"
            return self.finding(context, Verdict(f"Not known: {why}. Give others with --attributes.", "unknown"))
        answered = [self._answered(each, found) for each in context.controls(min(self.controls, 1))]
        control = next((each for each in answered if each is not None and each.tests), None)
        right = self._accuracies(context, found, ours)
        return self.finding(
            context,
            self._verdict(context, found, ours, control, right),
            ours.facts(context.level),
            tables=(ours.pairs(context, found), _of_right(context, found, right), ours.curves(context, found)),
            control=() if control is None else control.facts(context.level),
            method=f"{self.attributes.describe()}; influence within the class by exact leave-one-out, "
            f"{DEFAULT_TRAINING}, under {SEEDS} seeds, both of which have to show an attribute; held against "
            f"differences of {self.repeats} learners of the whole set that differ by their seed alone, by Student's "
            f"predictive distribution at {self.repeats - 1} degrees of freedom; {len(ours.tests)} tests, false "
            f"discoveries controlled at {percent(context.level)} (Benjamini and Hochberg); control: "
            f"{len(control.items) if control else 0} items left out of as many random real examples, the same way",
            caveats=(
                "an attribute may stand for another that goes with it, or for how hard an example is",
                "an attribute that every item of a class carries may be what leaving any of them out does",
                "items share learners: shares of items are less sure than their intervals say",
            ),
            draws="learner of the whole set",
        )

    def _answered(self, context: ProbeContext, found: Attributes) -> Answer | None:
        """What comes of every item and attribute of its class; None where training diverges."""
        items = self._items(context)
        influence = torch.stack([leave_one_out.matrix(context, seed, items) for seed in range(SEEDS)])
        whole = torch.stack([leave_one_out.losses(context, leave_one_out.whole(seed)) for seed in range(self.repeats)])
        if not bool(torch.isfinite(influence).all() and torch.isfinite(whole).all()):
            return None
        classes = context.distilled.batch.classes[list(items)]
        return answer(items, classes, context.examples.classes, found, influence, whole, context.level)

    def _verdict(
        self,
        context: ProbeContext,
        found: Attributes,
        ours: Answer,
        control: Answer | None,
        right: dict[tuple[int, int], Right],
    ) -> Verdict:
        level, strongest, wanted = context.level, "", 0
        if ours.found:
            best, accuracy = ours.found[0], right[ours.found[0].trial.about]
            name, attribute = context.problem.task.classes[best.trial.label], found.names[best.trial.attribute]
            strongest = (
                f"Strongest: item {best.trial.item} of class {name}, {attribute}, average precision "
                f"{best.trial.precision:.2f} where seeds alone come to {best.trial.by_seeds:.2f} (adjusted p "
                f"{best.adjusted:.2g}). Learners of the set are right on {percent(accuracy.on_carriers, 0)} of the "
                f"test examples of class {name} that carry it and on {percent(accuracy.on_others, 0)} of the others."
            )
        else:
            least = torch.tensor([test.trial.least for test in ours.tests])
            wanted = learners_for(least, SEEDS, self.repeats, level)
        return verdict(ours.counted, None if control is None else control.counted, strongest, wanted, level)

    def _accuracies(self, context: ProbeContext, found: Attributes, ours: Answer) -> dict[tuple[int, int], Right]:
        """How often learners of the whole set are right on examples of a class that carry an attribute, or do not."""
        outcomes = [context.outcome(leave_one_out.whole(seed), "predictions")[-1] for seed in range(self.repeats)]
        right = torch.stack([outcome == context.examples.classes for outcome in outcomes]).double().mean(0)
        shares: dict[tuple[int, int], Right] = {}
        for label, attribute in sorted({test.trial.about for test in ours.tests}):
            of_class = (context.examples.classes == label) & found.known[:, attribute]
            sides = of_class & found.carried[:, attribute], of_class & ~found.carried[:, attribute]
            on, off = (float(right[side].mean()) for side in sides)
            shares[label, attribute] = Right(int(sides[0].sum()), int(of_class.sum()), on, off)
        return shares


class Right(NamedTuple):
    """How often learners of the set are right."""

    carriers: int
    examples: int
    on_carriers: float
    on_others: float


def _of_right(context: ProbeContext, found: Attributes, right: dict[tuple[int, int], Right]) -> Table:
    classes = context.problem.task.classes
    return AccuracyRow.table(
        AccuracyRow(classes[label], found.names[attribute], *each) for (label, attribute), each in right.items()
    )
