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
from limbeck.core.errors import unknown
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.learn.protocol import Protocol
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
    protocol: Protocol | OfAllData

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
    contexts: Sequence[tuple[ProbeContext, Path, DistilledSet]], protocol: Protocol, baselines: Sequence[str]
) -> list[Entry]:
    """The sets, then each baseline once for every size among them.

    A coreset has as many items per class as the set. The full data are trained on for as many steps as the first set
    gets, at least. Raises InputError for a baseline that is not known.
    """
    check_baselines(baselines)
    found = [
        Entry(context.name, Mixture(), distilled.budget.bytes, context, path, protocol)
        for context, path, distilled in contexts
    ]
    (context, _, first), *_ = contexts
    steps = len(protocol.schedule(len(first), Key()).learning_rates)
    for name in baselines:
        if name == "full":
            stored = training_count(context.problem.task) * tree.numel(context.problem.task.shape)
            found.append(Entry(name, AllReal(), stored, context, None, OfAllData(protocol, steps)))
            continue
        for per_class, stored in dict.fromkeys((each.per_class, each.budget.bytes) for _, _, each in contexts):
            source = Coreset(SELECTIONS[name], per_class)
            found.append(Entry(name, source, stored, context, None, protocol))
    return found
