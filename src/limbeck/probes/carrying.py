"""Items held against attributes: how well leaving each out ranks who carries them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from limbeck.computations.contract import ProbeContext
from limbeck.core.findings import Fact, Table
from limbeck.probes.attributes import Attributes
from limbeck.probes.tables.semantics import AttributeRow, CurveRow
from limbeck.probes.verdicts.semantics import Count
from limbeck.statistics.estimates import LEVEL
from limbeck.statistics.ranking import precision_recall
from limbeck.statistics.seed_null import beside_seeds, differences, p_values

FEWEST = 5
"""How many evaluation examples of a class must carry an attribute, and how many must not, for it to be tested."""
POINTS = 51
"""Points of a curve in the tables, at even recalls."""
CURVES = 6
"""Of how many attributes of a class the curves are in a table, the strongest first."""


class Trial(NamedTuple):
    """An item and an attribute, and how well its influence ranks who carries it."""

    item: int
    label: int
    attribute: int
    precision: float
    """The mean over seeds of the average precision."""
    by_seeds: float
    """What differences by the seed alone come to."""
    least: float
    """The smaller, of two seeds, of the separation in units of its spread by the seed alone."""
    prevalence: float
    examples: int

    @property
    def about(self) -> tuple[int, int]:
        """The class and the attribute."""
        return self.label, self.attribute


class Tested(NamedTuple):
    """What came of a trial."""

    trial: Trial
    p_value: float
    adjusted: float
    found: bool

    @property
    def gain(self) -> float:
        """The average precision above that of seeds alone, as a share of the most that it could be."""
        by_seeds = self.trial.by_seeds
        return (self.trial.precision - by_seeds) / max(1 - by_seeds, 1e-12)


class Answer(NamedTuple):
    """What came of all trials of a set or of a control."""

    items: tuple[int, ...]
    influence: Float[Tensor, "item example"]
    """The mean over seeds."""
    tests: tuple[Tested, ...]
    """What is found first, and of that the furthest above what seeds alone do."""

    @property
    def found(self) -> list[Tested]:
        """The tests that found an attribute."""
        return [test for test in self.tests if test.found]

    @property
    def counted(self) -> Count:
        """How many items carry an attribute."""
        attributes = {test.trial.attribute for test in self.tests}
        return Count(len(self.items), len({test.trial.item for test in self.found}), len(self.tests), len(attributes))

    def facts(self, level: float) -> tuple[Fact, ...]:
        """How many carry attributes, and how far the strongest is above what seeds alone do."""
        return (
            self.counted.share(level),
            Fact.once("pairs of item and attribute", float(len(self.found))),
            Fact.once("tests", float(len(self.tests))),
            Fact.once("largest gain over seeds alone", max(test.gain for test in self.tests)),
        )

    def pairs(self, context: ProbeContext, found: Attributes) -> Table:
        """Every test."""
        names = context.problem.task.classes
        return AttributeRow.table(
            AttributeRow(
                item=test.trial.item,
                class_=names[test.trial.label],
                attribute=found.names[test.trial.attribute],
                average_precision=test.trial.precision,
                seeds_alone=test.trial.by_seeds,
                prevalence=test.trial.prevalence,
                gain=test.gain,
                n=test.trial.examples,
                p=test.p_value,
                adjusted_p=test.adjusted,
                found=int(test.found),
            )
            for test in self.tests
        )

    def curves(self, context: ProbeContext, found: Attributes) -> Table:
        """The curves of all items of a class, for the attributes of classes that are strongest."""
        rows = []
        for label, attribute in list(dict.fromkeys(test.trial.about for test in self.found))[:CURVES]:
            names = (context.problem.task.classes[label], found.names[attribute])
            mine = [test.trial for test in self.tests if test.trial.about == (label, attribute)]
            examples, positive = _carriers(context.examples.classes, found, label, attribute)
            for trial in sorted(mine):
                scores = self.influence[self.items.index(trial.item), examples]
                recall, precision = precision_recall(scores, positive)
                at = torch.linspace(0, 1, POINTS, dtype=torch.float64)
                first = torch.searchsorted(recall, at - 1e-12).clamp_max(len(recall) - 1)
                points = zip(at.tolist(), precision[first].tolist(), strict=True)
                rows += [CurveRow(*names, trial.prevalence, trial.item, *point) for point in points]
        return CurveRow.table(rows)


def answer(
    items: tuple[int, ...],
    classes: Int[Tensor, " item"],
    of: Int[Tensor, " example"],
    found: Attributes,
    influence: Float[Tensor, "seed item example"],
    whole: Float[Tensor, "learner example"],
    level: float = LEVEL,
) -> Answer:
    """What comes of all trials: of items of those classes, of examples of the classes `of`.

    `whole` are the losses under learners of the whole set; the first are those of the seeds that items are left out
    under, without which there would be one draw fewer of the null.
    """
    trials = list(_trials(items, classes, of, found, influence, whole))
    p, adjusted = p_values(torch.tensor([each.least for each in trials]), len(whole), len(influence))
    tests = [Tested(*each, each[2] <= level) for each in zip(trials, p, adjusted, strict=True)]
    return Answer(items, influence.mean(0), tuple(sorted(tests, key=lambda test: (not test.found, -test.gain))))


def _carriers(
    of: Int[Tensor, " example"], found: Attributes, label: int, attribute: int
) -> tuple[Int[Tensor, " chosen"], Bool[Tensor, " chosen"]]:
    """The examples of a class of which an attribute is known, and whether each carries it."""
    rows = ((of == label) & found.known[:, attribute]).nonzero()[:, 0]
    return rows, found.carried[rows, attribute]


def _trials(
    items: Sequence[int],
    classes: Int[Tensor, " item"],
    of: Int[Tensor, " example"],
    found: Attributes,
    influence: Float[Tensor, "seed item example"],
    whole: Float[Tensor, "learner example"],
) -> Iterator[Trial]:
    """Every item with every attribute that enough examples of its class carry."""
    for label in classes.unique().tolist():
        places = (classes == label).nonzero()[:, 0]
        for attribute in range(len(found.names)):
            rows, positive = _carriers(of, found, label, attribute)
            if not FEWEST <= int(positive.sum()) <= len(rows) - FEWEST:
                continue
            beside = beside_seeds(influence[:, places][:, :, rows], differences(whole[:, rows]), positive)
            for index, place in enumerate(places.tolist()):
                yield Trial(
                    item=items[place],
                    label=label,
                    attribute=attribute,
                    precision=float(beside.precision[:, index].mean()),
                    by_seeds=beside.by_seeds,
                    least=float(beside.least[index]),
                    prevalence=float(positive.double().mean()),
                    examples=len(rows),
                )
