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
from limbeck.core.contracts import AbstractProtocol, AbstractTask
from limbeck.core.errors import InputError, unknown
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.statistics.estimates import interval

BASELINES = ("random", "herding", "kmeans", "full")
"""What a set is scored beside by default."""
ITEMS, BYTES = "items", "bytes"
"""How a baseline is matched with a set: as many items per class, or as many as fit in its bytes."""
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
    per_class: int
    """The most items that any class has."""
    matched: str
    """How a baseline was matched with sets, "items" or "bytes"; "" for a set and for all real data."""
    beside: str
    """The one set that a baseline is of, since it is trained as that says; "" where it is beside all of its size."""

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
    per_class: int
    """The most items that any class has."""
    matched: str = ""
    """As in `Score`."""
    beside: str = ""
    """As in `Score`."""

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
            per_class=self.per_class,
            matched=self.matched,
            beside=self.beside,
        )


def check_baselines(names: Sequence[str]) -> None:
    """Raise InputError for a name that is of no baseline."""
    known = [*SELECTIONS, "full"]
    for name in names:
        selection, _, matched = name.partition(":")
        if selection not in known:
            raise unknown("baseline", selection, known)
        if ":" in name and (selection == "full" or matched not in (ITEMS, BYTES)):
            raise InputError(f"baseline {name!r}: expected the name of a selection, alone or with :{ITEMS} or :{BYTES}")


def fitting(task: AbstractTask, size: int) -> int:
    """How many real examples of every class fit in so many bytes, of those there are of each."""
    fit = size // (task.bytes_per_example * len(task.classes))
    return min(fit, *(len(rows) for rows in task.groups("train")))


def entries(
    contexts: Sequence[tuple[ProbeContext, Path, DistilledSet]], protocol: AbstractProtocol, baselines: Sequence[str]
) -> list[Entry]:
    """The sets, then each baseline once for every number of items per class that it is asked for with.

    A coreset has as many items per class as the set, or with ":bytes" after its name as many as fit in its bytes; all
    real examples are as the data keep them. The full data are trained on for as many steps as the first set gets, at
    least. Where the protocol uses the schedule of a set, each set has baselines of its own. Raises InputError for a
    baseline that is not known, and for a set in whose bytes no real example of every class fits.
    """
    check_baselines(baselines)
    sets = [
        Entry(context.name, Mixture(), distilled.budget.bytes, context, path, protocol, distilled.per_class)
        for context, path, distilled in contexts
    ]
    found = list(sets)
    for name in baselines:
        of_sets = [_baseline(name, entry, distilled) for entry, (*_, distilled) in zip(sets, contexts, strict=True)]
        if protocol.uses_own:
            found += [replace(each, beside=entry.name) for each, entry in zip(of_sets, sets, strict=True)]
        elif name == "full":
            found.append(replace(of_sets[0], path=None))
        else:
            first: dict[int, Entry] = {}
            for each in of_sets:
                first.setdefault(each.per_class, replace(each, path=None))
            found += first.values()
    return found


def _baseline(name: str, entry: Entry, distilled: DistilledSet) -> Entry:
    """A baseline beside a set."""
    task, protocol = entry.context.problem.task, entry.protocol
    source: AbstractSource
    if name == "full":
        steps = len(protocol.schedule(distilled.schedule, len(distilled), Key()).learning_rates)
        source, per_class = AllReal(), max(len(rows) for rows in task.groups("train"))
        matched, protocol = "", OfAllData(protocol, steps)
    else:
        selection, _, how = name.partition(":")
        name, matched = (name, BYTES) if how == BYTES else (selection, ITEMS)
        per_class = entry.per_class if matched == ITEMS else fitting(task, entry.stored)
        if per_class == 0:
            least = task.bytes_per_example * len(task.classes)
            raise InputError(
                f"baseline {name}: found a set of {entry.stored:,} bytes ({entry.name}), and one real example of each "
                f"class takes {least:,}; leave this baseline out"
            )
        source = Coreset(SELECTIONS[selection], per_class)
    stored = source.count(entry.context) * task.bytes_per_example
    return replace(
        entry, name=name, source=source, stored=stored, protocol=protocol, per_class=per_class, matched=matched
    )
