"""The honest score: fresh learners trained by a stated protocol, beside baselines made by the same trainer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from limbeck.composition import SELECTIONS
from limbeck.computations import AbstractSource, AllReal, Coreset, Mixture, OfAllData, Training
from limbeck.computations.contract import ProbeContext
from limbeck.computations.sources import training_count
from limbeck.core import tree
from limbeck.core.contracts import AbstractProtocol
from limbeck.core.errors import unknown
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.statistics.estimates import interval

BASELINES = ("random", "herding", "kmeans", "full")
"""What a set is scored beside unless told otherwise."""
SPLIT = "test"


@dataclass(frozen=True)
class Score:
    """One row: the mean over `n` fresh learners and its 95 % interval by Student's t (the mean itself where n = 1)."""

    set: str
    network: str
    split: str
    metric: str
    mean: float
    low: float
    high: float
    n: int
    protocol: str
    bytes: int
    unit: str
    higher_is_better: bool

    def row(self) -> dict[str, Any]:
        """The row as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Entry:
    """Something to train on that is scored: a set, or a baseline beside it."""

    name: str
    source: AbstractSource
    stored: int
    """What it costs to store, in bytes."""
    context: ProbeContext
    path: Path | None
    """The file of the set that is in the context."""
    protocol: AbstractProtocol

    def on(self, device: torch.device) -> Entry:
        """The same on another device."""
        return replace(self, context=replace(self.context, problem=replace(self.context.problem, device=device)))

    def training(self, seed: int) -> Training:
        """The training of the learner of a seed."""
        return Training(self.source, seed, self.protocol)

    def value(self, seed: int) -> float:
        """The task's first metric of the learner of a seed."""
        return float(self.context.outcome(self.training(seed), self.context.problem.task.metrics[0].name)[-1])

    def score(self, protocol: str, values: Sequence[float]) -> Score:
        """The row of its learners, by the task's first metric."""
        metric, (mean, low, high) = self.context.problem.task.metrics[0], interval(values)
        return Score(
            set=self.name,
            network=self.context.problem.network.name,
            split=self.context.split,
            metric=metric.name,
            mean=mean,
            low=low,
            high=high,
            n=len(values),
            protocol=protocol,
            bytes=self.stored,
            unit=metric.unit,
            higher_is_better=metric.higher_is_better,
        )


def check_baselines(names: Sequence[str]) -> None:
    """Raise InputError for a name that is of no baseline."""
    known = [*SELECTIONS, "full"]
    for name in names:
        if name not in known:
            raise unknown("baseline", name, known)


def entries(
    contexts: Sequence[tuple[ProbeContext, Path, DistilledSet]], protocol: AbstractProtocol, baselines: Sequence[str]
) -> list[Entry]:
    """The sets, then each baseline once for every size among them.

    A coreset has as many items per class as the set. The full data are trained on for as many steps as the first set
    gets, at least. Where the protocol uses the schedule of a set, each set has baselines of its own. Raises InputError
    for a baseline that is not known.
    """
    check_baselines(baselines)
    found = [
        Entry(context.name, Mixture(), distilled.budget.bytes, context, path, protocol)
        for context, path, distilled in contexts
    ]
    # The first set of each size; every set, where its schedule decides.
    held: dict[Any, tuple[ProbeContext, Path, DistilledSet]] = {}
    for index, each in enumerate(contexts):
        held.setdefault((each[2].per_class, each[2].budget.bytes, index if protocol.uses_own else 0), each)
    for name in baselines:
        if name == "full":
            task = contexts[0][0].problem.task
            stored = training_count(task) * tree.numel(task.shape)
            for context, path, distilled in contexts if protocol.uses_own else contexts[:1]:
                steps = len(protocol.schedule(distilled.schedule, len(distilled), Key()).learning_rates)
                whole = OfAllData(protocol, steps)
                found.append(Entry(name, AllReal(), stored, context, path if protocol.uses_own else None, whole))
            continue
        for context, path, distilled in held.values():
            source = Coreset(SELECTIONS[name], distilled.per_class)
            of = path if protocol.uses_own else None
            found.append(Entry(name, source, distilled.budget.bytes, context, of, protocol))
    return found
