"""Which nameable attributes the images of a set hold, beyond their class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.computations import leave_one_out
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.computations.leave_one_out import spread
from limbeck.computations.training import DEFAULT_TRAINING
from limbeck.core.expect import at_least
from limbeck.core.findings import Fact, Finding, Table
from limbeck.core.key import Key
from limbeck.core.units import percent
from limbeck.probes.attributes import AbstractAttributes, Attributes, Measured
from limbeck.probes.contract import AbstractProbe
from limbeck.probes.tables.semantics import AccuracyRow, AttributeRow, CurveRow
from limbeck.statistics.ranking import average_precision, chance, exceedance, false_discovery, precision_recall, strict

LEVEL = 0.05
"""The share of false discoveries among discoveries that is borne."""
FEWEST = 5
"""How many evaluation examples of a class must carry an attribute, and how many must not, for it to be tested."""
POINTS = 51
"""Points of a curve in the tables, at even recalls."""
CURVES = 6
"""Of how many attributes of a class the curves are in a table, the strongest first."""


@dataclass(frozen=True)
class Semantics(AbstractProbe):
    """Whether an item's influence within its class predicts an attribute: precision, recall, and chance.

    The score of an item for an evaluation example of its own class is its influence there, by exact leave-one-out;
    positive are the examples that carry the attribute. Average precision is the area under the steps of the
    precision-recall curve, which random scores bring to the prevalence of the attribute, so that it stands beside it.
    Its p-value is by random rankings, one-sided, and all tests of a set are corrected together by Benjamini and
    Hochberg at 5 %. Yang et al. (ICML 2024), section 5.2, figure 9 and table 1: there attributes were picked by hand
    from a language model's answers of the most helped images, and neither prevalence nor chance was given; here all are
    tested.
    """

    attributes: AbstractAttributes = Measured()
    items: int = 0
    """How many items are left out, at even distances; 0 for all."""
    repeats: int = 2
    """How many learners of the whole set are asked how often they are right on an attribute."""
    permutations: int = 39_999
    """Enough for one discovery among 2,000 tests: the smallest p-value is one over one more."""

    question = "Which nameable attributes do its images hold?"
    tables = (AttributeRow, AccuracyRow, CurveRow)
    by_accuracy = True

    def __post_init__(self) -> None:
        at_least(self, 1, "repeats", "permutations")
        at_least(self, 0, "items")

    def _items(self, context: ProbeContext) -> tuple[int, ...]:
        return spread(len(context.distilled), self.items)

    def computations(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """The learners with and without each item; none for a single item. InputError without attributes."""
        self.attributes.check(context)
        if len(context.distilled) < 2:
            return ()
        left_out = (leave_one_out.without(context, item, 0) for item in self._items(context))
        return (*(leave_one_out.whole(seed) for seed in range(self.repeats)), *left_out)

    def find(self, context: ProbeContext) -> Finding:
        """Every item and attribute of its class, how well the one ranks the other, and what chance would do."""
        if len(context.distilled) < 2:
            return self._unknown(context, "Not known: the set has one image, and nothing is left where it is left out.")
        items = self._items(context)
        influence = leave_one_out.matrix(context, 0, items)
        if not bool(torch.isfinite(influence).all()):
            return self._unknown(context, "Not known: training on the set diverges, and its losses are not finite.")
        found = self.attributes.of(context)
        trials = list(self._trials(context, found, items, influence))
        if not trials:
            count = f"{len(found.names)} attributes ({self.attributes.describe()})"
            why = f"of {count}, none is carried by enough evaluation examples of a class"
            return self._unknown(context, f"Not known: {why}. Give others with --attributes.")
        tests = self._tested(trials)
        right = self._accuracies(context, found, tests)
        return Finding(
            probe="semantics",
            set=context.name,
            question=self.question,
            verdict=_verdict(context, found, tests, len(items), right),
            tone="note",
            facts=_facts(tests, len(items)),
            tables=(
                _pairs(context, found, tests),
                _of_right(context, found, right),
                _curves(context, found, tests),
            ),
            method=f"{self.attributes.describe()}; influence within the class by exact leave-one-out, "
            f"{DEFAULT_TRAINING}, "
            f"under one seed; {len(tests)} tests by {self.permutations} random rankings each, false discoveries "
            "controlled at 5 % (Benjamini and Hochberg)",
            caveats=(
                "an attribute may stand for another that goes with it, or for how hard an example is",
                "random rankings serve many tests, so that their p-values are dependent",
            ),
        )

    def _unknown(self, context: ProbeContext, why: str) -> Finding:
        return Finding("semantics", context.name, self.question, why, "unknown")

    def _trials(self, context: ProbeContext, found: Attributes, items: Sequence[int], influence: Tensor) -> list[Trial]:
        """Every item with every attribute that enough examples of its class carry."""
        classes, trials = context.distilled.batch.classes, []
        for label in classes[list(items)].unique().tolist():
            of_class = context.examples.classes == label
            mine = [(place, item) for place, item in enumerate(items) if classes[item] == label]
            for attribute in range(len(found.names)):
                rows = (of_class & found.known[:, attribute]).nonzero()[:, 0]
                positive = found.carried[rows, attribute]
                if FEWEST <= int(positive.sum()) <= len(rows) - FEWEST:
                    key = Key(("semantics", "ties"))
                    trials += [
                        Trial(item, label, attribute, strict(influence[place, rows], key.fold(item)), positive)
                        for place, item in mine
                    ]
        return trials

    def _tested(self, trials: Sequence[Trial]) -> list[Tested]:
        """The trials with their p-values, the surest first and of those the furthest above prevalence."""
        counts: dict[int, set[int]] = defaultdict(set)
        for trial in trials:
            counts[len(trial.positive)].add(int(trial.positive.sum()))
        by_chance = {}
        for many, positives in counts.items():
            listed = sorted(positives)
            drawn = chance(torch.arange(many), listed, self.permutations, Key(("semantics", "chance")))
            by_chance.update({(many, positive): row for positive, row in zip(listed, drawn, strict=True)})
        precisions = [average_precision(trial.scores, trial.positive) for trial in trials]
        p_values = [
            exceedance(value, by_chance[len(trial.positive), int(trial.positive.sum())])
            for value, trial in zip(precisions, trials, strict=True)
        ]
        adjusted = false_discovery(p_values)
        tests = [Tested(*each) for each in zip(trials, precisions, p_values, adjusted, strict=True)]
        return sorted(tests, key=lambda test: (test.adjusted > LEVEL, -test.gain))

    def _accuracies(
        self, context: ProbeContext, found: Attributes, tests: Sequence[Tested]
    ) -> dict[tuple[int, int], Right]:
        """How often learners of the whole set are right on examples of a class that carry an attribute, or do not."""
        outcomes = [context.outcome(leave_one_out.whole(seed), "predictions")[-1] for seed in range(self.repeats)]
        right = torch.stack([outcome == context.examples.classes for outcome in outcomes]).double().mean(0)
        shares: dict[tuple[int, int], Right] = {}
        for label, attribute in sorted({test.trial.about for test in tests}):
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


class Trial(NamedTuple):
    """An item and an attribute: its scores of the examples of its class where that is known, and who carries it."""

    item: int
    label: int
    attribute: int
    scores: Float[Tensor, " example"]
    positive: Tensor

    @property
    def about(self) -> tuple[int, int]:
        """The class and the attribute."""
        return self.label, self.attribute


class Tested(NamedTuple):
    """What came of a trial."""

    trial: Trial
    precision: float
    p_value: float
    adjusted: float

    @property
    def prevalence(self) -> float:
        """What random scores come to."""
        return float(self.trial.positive.double().mean())

    @property
    def gain(self) -> float:
        """The average precision above prevalence, as a share of the most that it could be."""
        return (self.precision - self.prevalence) / (1 - self.prevalence)


def _discovered(tests: Sequence[Tested]) -> list[Tested]:
    return [test for test in tests if test.adjusted <= LEVEL]


def _facts(tests: Sequence[Tested], items: int) -> tuple[Fact, ...]:
    found = _discovered(tests)
    carrying = len({test.trial.item for test in found})
    return (
        Fact.once("share of images that carry an attribute", carrying / items),
        Fact.once("pairs of image and attribute", float(len(found))),
        Fact.once("tests", float(len(tests))),
        Fact.once("largest gain over prevalence", max(test.gain for test in tests)),
    )


def _pairs(context: ProbeContext, found: Attributes, tests: Sequence[Tested]) -> Table:
    names = context.problem.task.classes
    return AttributeRow.table(
        AttributeRow(
            item=test.trial.item,
            class_=names[test.trial.label],
            attribute=found.names[test.trial.attribute],
            average_precision=test.precision,
            prevalence=test.prevalence,
            gain=test.gain,
            n=len(test.trial.positive),
            p=test.p_value,
            adjusted_p=test.adjusted,
        )
        for test in tests
    )


def _of_right(context: ProbeContext, found: Attributes, right: dict[tuple[int, int], Right]) -> Table:
    classes = context.problem.task.classes
    return AccuracyRow.table(
        AccuracyRow(classes[label], found.names[attribute], *each) for (label, attribute), each in right.items()
    )


def _curves(context: ProbeContext, found: Attributes, tests: Sequence[Tested]) -> Table:
    """The curves of all items of a class, for the attributes of classes that are strongest."""
    rows = []
    for pair in list(dict.fromkeys(test.trial.about for test in _discovered(tests)))[:CURVES]:
        names = (context.problem.task.classes[pair[0]], found.names[pair[1]])
        mine = sorted((test for test in tests if test.trial.about == pair), key=lambda test: test.trial.item)
        for test in mine:
            recall, precision = precision_recall(test.trial.scores, test.trial.positive)
            at = torch.linspace(0, 1, POINTS, dtype=torch.float64)
            first = torch.searchsorted(recall, at - 1e-12).clamp_max(len(recall) - 1)
            points = zip(at.tolist(), precision[first].tolist(), strict=True)
            rows += [CurveRow(*names, test.prevalence, test.trial.item, *point) for point in points]
    return CurveRow.table(rows)


def _verdict(
    context: ProbeContext, found: Attributes, tests: Sequence[Tested], items: int, right: dict[tuple[int, int], Right]
) -> str:
    discovered = _discovered(tests)
    if not discovered:
        return (
            f"None of {items} images carries any of {len(found.names)} attributes beyond chance ({len(tests)} tests)."
        )
    best = discovered[0]
    carrying = len({test.trial.item for test in discovered})
    name, attribute = context.problem.task.classes[best.trial.label], found.names[best.trial.attribute]
    accuracy = right[best.trial.about]
    return (
        f"{carrying} of {items} images carry a nameable attribute beyond their class. Strongest: image "
        f"{best.trial.item} of {name}, {attribute}, average precision {best.precision:.2f} where chance is "
        f"{best.prevalence:.2f} (adjusted p {best.adjusted:.2g}). Learners of the set are right on "
        f"{percent(accuracy.on_carriers, 0)} of the test images of {name} that carry it and on "
        f"{percent(accuracy.on_others, 0)} of the others."
    )
