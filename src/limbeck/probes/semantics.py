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
from limbeck.core.findings import Fact, Finding, Table, Value
from limbeck.core.key import Key
from limbeck.probes.attributes import AbstractAttributes, Attributes, Measured
from limbeck.probes.contract import AbstractProbe, expect
from limbeck.statistics.ranking import average_precision, chance, exceedance, false_discovery, precision_recall, strict

LEVEL = 0.05
"""The share of false discoveries among discoveries that is borne."""
FEWEST = 5
"""How many judged examples of a class must carry an attribute, and how many must not, for it to be tested."""
POINTS = 51
"""Points of a curve in the tables, at even recalls."""
CURVES = 6
"""Of how many attributes of a class the curves are in the tables, the strongest first."""


@dataclass(frozen=True)
class Semantics(AbstractProbe):
    """Whether an item's influence within its class predicts an attribute: precision, recall, and chance.

    The score of an item for a judged example of its own class is its influence there, by exact leave-one-out; positive
    are the examples that carry the attribute. Average precision is the area under the steps of the precision-recall
    curve, which random scores bring to the prevalence of the attribute, so that it is told beside it. Its p-value is by
    random rankings, one-sided, and all tests of a set are corrected together by Benjamini and Hochberg at 5 %. Yang
    et al. (ICML 2024), section 5.2, figure 9 and table 1: there attributes were picked by hand from a language
    model's answers of the most helped images, and neither prevalence nor chance was told; here all are tested.
    """

    attributes: AbstractAttributes = Measured()
    items: int = 0
    """How many items are left out, at even distances; 0 for all."""
    repeats: int = 2
    """How many learners of the whole set are asked how often they are right on an attribute."""
    permutations: int = 39_999
    """Enough for one discovery among 2,000 tests: the smallest p-value is one over one more."""

    question = "Which nameable attributes do its images hold?"

    def __post_init__(self) -> None:
        expect(self, 1, "repeats", "permutations")
        expect(self, 0, "items")

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
            return self._unknown(context, "a set of one image: nothing is left where it is left out")
        items = self._items(context)
        influence = leave_one_out.matrix(context, 0, items)
        if not bool(torch.isfinite(influence).all()):
            return self._unknown(
                context, "training on the set diverges: losses are not finite, so influence is not told"
            )
        found = self.attributes.of(context)
        trials = list(self._trials(context, found, items, influence))
        if not trials:
            said = f"{len(found.names)} attributes of judged examples ({self.attributes.describe()})"
            return self._unknown(context, f"{said}: none that enough of a class carry; give some with --attributes")
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
                *_curves(context, found, tests),
            ),
            method=f"{self.attributes.describe()}; influence within the class by exact leave-one-out, "
            f"{DEFAULT_TRAINING}, "
            f"under one member; {len(tests)} tests by {self.permutations} random rankings each, false discoveries "
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
        told: dict[tuple[int, int], Right] = {}
        for label, attribute in sorted({test.trial.about for test in tests}):
            of_class = (context.examples.classes == label) & found.known[:, attribute]
            sides = of_class & found.carried[:, attribute], of_class & ~found.carried[:, attribute]
            on, off = (float(right[side].mean()) for side in sides)
            told[label, attribute] = Right(int(sides[0].sum()), int(of_class.sum()), on, off)
        return told


class Right(NamedTuple):
    """How often learners of the set are right."""

    carriers: int
    told: int
    on_carriers: float
    on_others: float


class Trial(NamedTuple):
    """An item and an attribute: the places of its scores among the told examples of its class, and who carries it."""

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
    rows = [
        (test.trial.item, names[test.trial.label], found.names[test.trial.attribute], test.precision, test.prevalence,
         test.gain, len(test.trial.positive), test.p_value, test.adjusted)
        for test in tests
    ]  # fmt: skip
    columns = ("item", "class", "attribute", "average precision", "prevalence", "gain", "n", "p", "adjusted p")
    caption = "discoveries first (adjusted p to 0.05), by gain: (average precision - prevalence) / (1 - prevalence)"
    return Table("attributes", columns, tuple(rows), caption)


def _of_right(context: ProbeContext, found: Attributes, right: dict[tuple[int, int], Right]) -> Table:
    classes = context.problem.task.classes
    rows = [(classes[label], found.names[attribute], *each) for (label, attribute), each in right.items()]
    columns = ("class", "attribute", "carriers", "told", "accuracy on carriers", "accuracy on others")
    return Table("accuracy", columns, tuple(rows), "of learners of the whole set, on judged examples of the class")


def _curves(context: ProbeContext, found: Attributes, tests: Sequence[Tested]) -> list[Table]:
    """The curves of all items of a class, for the attributes of classes that are strongest."""
    pairs = list(dict.fromkeys(test.trial.about for test in _discovered(tests)))[:CURVES]
    tables = []
    for pair in pairs:
        mine = sorted((test for test in tests if test.trial.about == pair), key=lambda test: test.trial.item)
        rows: list[tuple[Value, ...]] = []
        for test in mine:
            recall, precision = precision_recall(test.trial.scores, test.trial.positive)
            at = torch.linspace(0, 1, POINTS, dtype=torch.float64)
            first = torch.searchsorted(recall, at - 1e-12).clamp_max(len(recall) - 1)
            points = zip(at.tolist(), precision[first].tolist(), strict=True)
            rows += [(test.trial.item, each_recall, each_precision) for each_recall, each_precision in points]
        name = f"curves of {context.problem.task.classes[pair[0]]}, {found.names[pair[1]]}"
        caption = f"precision where recall first gets there; prevalence {mine[0].prevalence:.4f}"
        tables.append(Table(name, ("item", "recall", "precision"), tuple(rows), caption))
    return tables


def _verdict(
    context: ProbeContext, found: Attributes, tests: Sequence[Tested], items: int, right: dict[tuple[int, int], Right]
) -> str:
    discovered = _discovered(tests)
    if not discovered:
        return f"none of {items} images carries any of {len(found.names)} attributes beyond chance ({len(tests)} tests)"
    best = discovered[0]
    carrying = len({test.trial.item for test in discovered})
    name, attribute = context.problem.task.classes[best.trial.label], found.names[best.trial.attribute]
    accuracy = right[best.trial.about]
    return (
        f"{carrying} of {items} images carry a nameable attribute beyond their class (strongest: image "
        f"{best.trial.item} of {name}, {attribute}, average precision {best.precision:.2f} where chance is "
        f"{best.prevalence:.2f}); learners of the set are right on {100 * accuracy.on_carriers:.0f} % of the "
        f"test images of {name} that carry it and {100 * accuracy.on_others:.0f} % of the others"
    )
