"""The honest score: fresh learners trained by a stated protocol, beside baselines made by the same trainer."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from limbeck.computations import AbstractSource, AllReal, Coreset, Level, Mixture, OfAllData, Training
from limbeck.computations.contract import ProbeContext
from limbeck.computations.record import END
from limbeck.computations.sources import all_alike
from limbeck.core.budget import FLOAT
from limbeck.core.contracts import AbstractNetwork, AbstractProtocol, AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.score import Score as Score
from limbeck.core.score import of_teacher
from limbeck.distilled_set import HARD, REAL, TAUGHT, DistilledSet
from limbeck.inside import account
from limbeck.learn.fitted import AbstractFitted
from limbeck.recipes import SELECTIONS
from limbeck.recipes.baselines import BYTES, ITEMS, check_baselines, each_of
from limbeck.recipes.likeness import standing
from limbeck.statistics.decisions import corrected
from limbeck.statistics.estimates import ANYWHERE, SHARE, interval

SPLIT = "test"
APART = 1_000_000
"""How far apart the seeds of the learners of two distillations lie: no two learners begin alike."""


class Again(NamedTuple):
    """One of several distillations by the recipe of a set."""

    seed: int
    path: Path
    distilled: DistilledSet


class Asked(NamedTuple):
    """A learner that a score rests on."""

    training: Training
    context: ProbeContext
    path: Path | None


@dataclass(frozen=True)
class Entry:
    """Something to train on that is scored: a set, or a baseline beside it."""

    name: str
    source: AbstractSource
    stored: int
    """What it costs to store, in bytes."""
    float32: int
    """What all its numbers would cost in 32 bits."""
    context: ProbeContext
    path: Path | None
    """The file of the set that is in the context."""
    protocol: AbstractProtocol
    per_class: int
    """The most items that any class has."""
    matched: str = ""
    """As in `Score`."""
    beside: str = ""
    """As in `Score`."""
    spec: Mapping[str, Any] | None = None
    """What determined a set; None for a baseline."""
    again: tuple[Again, ...] = ()
    """The distillations by the recipe of a set that its score is over; none: it is of the set in the context alone."""
    labels: str = HARD
    """Whose labels are stored."""
    steps: int = 0
    """For how many steps all real data are trained on, which is then checked to have levelled off."""

    def on(self, device: torch.device) -> Entry:
        """The same on another device."""
        return replace(self, context=replace(self.context, problem=replace(self.context.problem, device=device)))

    def training(self, seed: int) -> Training:
        """The training of the learner of a seed.

        That on all real data is read at its start, at half of its steps and at its end, on validation examples too:
        whether it had levelled off is told by the last doubling of its steps.
        """
        if not self.steps:
            return Training(self.source, seed, self.protocol)
        reads = tuple(sorted({0, -(-self.steps // 2), self.steps}))
        return Training(self.source, seed, self.protocol, reads=reads, until=Level(first=self.steps))

    @property
    def learner(self) -> AbstractNetwork:
        """What is trained."""
        return self.training(0).problem(self.context).network

    @property
    def alike(self) -> bool:
        """Whether all learners are one: of a set that says where they begin and all else, and those fitted at once."""
        distilled, learner = self.context.distilled, self.learner
        fitted = isinstance(learner, AbstractFitted) and not learner.draws
        alike = all_alike(distilled, self.protocol) or (fitted and not distilled.views)
        return (self.source.depends_on_set and alike) or (fitted and isinstance(self.source, AllReal))

    def learners(self, repeats: int) -> list[list[Asked]]:
        """The first learners of the set or baseline, or of each of its distillations; one where all are alike."""
        repeats = 1 if self.alike else repeats
        if not self.again:
            return [[Asked(self.training(seed), self.context, self.path) for seed in range(repeats)]]
        return [
            [
                Asked(self.training(each.seed * APART + seed), replace(self.context, set=each.distilled), each.path)
                for seed in range(repeats)
            ]
            for each in self.again
        ]

    def score(self, protocol: str, repeats: int, looks: int = 1) -> Score:
        """The row of so many learners, of each distillation where there are several, by the task's first metric.

        Where these are added until something is decided, its interval holds at each of so many looks.
        """
        metric, *others = self.context.problem.task.metrics
        found = self._read(metric.name, repeats)
        further = [[one for group in self._read(each.name, repeats) for one in group] for each in others]
        values = [sum(group) / len(group) for group in found] if self.again else found[0]
        mean, low, high = interval(values, corrected(looks), SHARE if metric.unit == "fraction" else ANYWHERE)
        about, whole = self._standing(repeats)
        taught = self.training(0).teacher_bytes(self.context)
        return Score(
            set=self.name, network=self.learner.name, split=self.context.split, metric=metric.name,
            mean=mean, low=low, high=high, n=sum(map(len, found)), protocol=protocol, bytes=self.stored,
            unit=metric.unit, higher_is_better=metric.higher_is_better, per_class=self.per_class,
            matched=self.matched, beside=self.beside, seeds=0 if self.spec is None else len(found),
            about=about, whole=whole, values=tuple(values), labels=of_teacher(taught) if taught else self.labels,
            float32=self.float32, looks=looks, classes=len(self.context.problem.task.classes),
            others=tuple((each.name, sum(of) / len(of), each.unit) for each, of in zip(others, further, strict=True)),
        )  # fmt: skip

    def _read(self, metric: str, repeats: int) -> list[list[float]]:
        """A metric of so many learners, of each distillation where there are several."""
        return [
            [float(context.outcome(training, metric)[END]) for training, context, _ in group]
            for group in self.learners(repeats)
        ]

    def _standing(self, repeats: int) -> tuple[str, bool]:
        """What must stand with the score, and whether what it is of is all that it could be."""
        if self.spec is not None:
            return standing(self.spec, [each.seed for each in self.again])
        if not self.steps or self._levelled(repeats):
            return "", True
        count = self.source.count(self.context)
        order = self.training(0).setup(self.context).schedule.order
        seen = float((order >= 0).double().sum(1).mean()) * self.steps
        return f"after {seen / count:.3g} epochs", False

    def _levelled(self, repeats: int) -> bool:
        """Whether the mean validation score of training on all real data had levelled off."""
        trainings = [self.training(seed) for seed in range(repeats)]
        scores = torch.stack([self.context.outcome(each, "scores") for each in trainings]).mean(0)
        return Level(first=self.steps).reached(trainings[0].reads, scores.tolist())


def fitting(task: AbstractTask, size: int, selection: str = "random") -> int:
    """How many items of every class of a selection fit in so many bytes, of as many as there are real ones of each."""
    each = SELECTIONS[selection].bytes_per_item(task) * len(task.classes)
    return min(size // each, *map(len, task.groups("train")))


def entries(
    contexts: Sequence[tuple[ProbeContext, Path, DistilledSet]],
    protocol: AbstractProtocol,
    baselines: Sequence[str],
    again: Mapping[str, tuple[Again, ...]] | None = None,
) -> list[Entry]:
    """The sets, then each baseline once for every number of items per class that it is asked for with.

    A coreset has as many items per class as the set, or with ":bytes" after its name as many as fit in its bytes;
    `ALL` is every one both ways, or one way with that after it. All real examples are as the data keep them. The full
    data are trained on for as many steps as the first set gets, at least. Where the protocol uses the schedule of a
    set, each set has baselines of its own. `again` has the distillations of each set, by its name, where scores are
    over several. A coreset of more items than a class has is left out with a warning; those of `BASELINES` or `ALL` of
    as many bytes, too, where they would be of as many items, or of none. Raises InputError for an unknown baseline, and
    for a set in whose bytes no example of every class fits.
    """
    check_baselines(baselines)
    sets = [
        Entry(
            context.name, Mixture(), distilled.budget.bytes, account(distilled).floats, context, path, protocol,
            distilled.per_class,
            labels=distilled.label_kind, spec=distilled.spec, again=(again or {}).get(context.name, ()),
        )
        for context, path, distilled in contexts
    ]  # fmt: skip
    found = list(sets)
    for name, usual in each_of(baselines).items():
        pairs = [(entry, made) for entry, (*_, made) in zip(sets, contexts, strict=True)]
        of_sets = [(e, _baseline(name, e, made)) for e, made in pairs if not _left_out(name, e, usual)]
        if protocol.uses_own:
            found += [replace(each, beside=entry.name) for entry, each in of_sets]
        elif name == "full":
            found += [replace(each, path=None) for _, each in of_sets[:1]]
        else:
            first: dict[int, Entry] = {}
            for _, each in of_sets:
                first.setdefault(each.per_class, replace(each, path=None))
            found += first.values()
    return found


def _left_out(name: str, entry: Entry, usual: bool) -> bool:
    """Whether a baseline beside a set has more items than a class, of which is warned, or by default adds nothing.

    So has one that is not for such a task, where it is one of `ALL`.
    """
    task, count = entry.context.problem.task, entry.per_class
    if name == "full":
        learner, count = entry.learner, AllReal().count(entry.context)
        if not isinstance(learner, AbstractFitted) or count <= learner.most:
            return False
        if not usual:
            warnings.warn(
                f"full is left out: {count:,} examples, protocol {entry.protocol.name} takes {learner.most:,}",
                stacklevel=2,
            )
        return True
    if (selection := name.partition(":")[0]) in SELECTIONS:
        try:
            SELECTIONS[selection].check(entry.context.problem)
        except InputError as error:
            if not usual:
                raise
            warnings.warn(f"{name} is left out: {error}", stacklevel=2)
            return True
    if name.endswith(f":{BYTES}"):
        return usual and fitting(task, entry.stored, name.partition(":")[0]) in (0, count)
    few, short = min((len(rows), label) for rows, label in zip(task.groups("train"), task.classes, strict=True))
    if left_out := count > few:
        warnings.warn(f"{name} is left out: {entry.name} has {count} items a class, {short!r} only {few}", stacklevel=2)
    return left_out


def _baseline(name: str, entry: Entry, distilled: DistilledSet) -> Entry:
    """A baseline beside a set."""
    task, protocol = entry.context.problem.task, entry.protocol
    source: AbstractSource
    steps, each, numbers = 0, task.bytes_per_example, task.numbers_per_example
    labels = HARD if len(task.classes) > 1 else REAL
    if name == "full":
        as_many = len(protocol.schedule(distilled.schedule, len(distilled), Key()).learning_rates)
        source, per_class = AllReal(), max(len(rows) for rows in task.groups("train"))
        matched, protocol = "", OfAllData(protocol, as_many)
        steps = len(protocol.schedule(distilled.schedule, source.count(entry.context), Key()).learning_rates)
    else:
        selection, _, how = name.partition(":")
        name, matched = (name, BYTES) if how == BYTES else (selection, ITEMS)
        start = SELECTIONS[selection]
        each, numbers = start.bytes_per_item(task), start.numbers_per_item(task)
        labels = TAUGHT if start.taught else labels
        per_class = entry.per_class if matched == ITEMS else fitting(task, entry.stored, selection)
        if per_class == 0:
            raise InputError(
                f"baseline {name}: found a set of {entry.stored:,} bytes ({entry.name}), and one real example of each "
                f"class takes {each * len(task.classes):,}; leave this baseline out"
            )
        source = Coreset(start, per_class)
    count = source.count(entry.context)
    return replace(
        entry, name=name, source=source, stored=count * each, float32=count * FLOAT * numbers, protocol=protocol,
        per_class=per_class, matched=matched, labels=labels, spec=None, again=(), steps=steps,
    )  # fmt: skip
