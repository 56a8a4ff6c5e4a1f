"""The honest score: fresh learners trained by a stated protocol, beside baselines made by the same trainer."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from limbeck.core.contracts import AbstractStart, AbstractTask, Batch, Problem, Schedule
from limbeck.core.errors import unknown
from limbeck.core.family import spec_id, to_spec
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.learn.protocol import Protocol
from limbeck.learn.training import RowLoader, fit, row_loader
from limbeck.recipes import RECIPES
from limbeck.statistics.estimates import interval

DEFAULT_LEARNING_RATE = 0.01
BASELINES = ("random", "herding", "kmeans", "full")
"""What a set is scored beside unless told otherwise."""


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

    def row(self) -> dict[str, Any]:
        """The row as plain values."""
        return asdict(self)


class AbstractContestant(ABC):
    """Something to train on."""

    name: str
    stored: int
    """What it costs to store, in bytes."""

    @property
    @abstractmethod
    def address(self) -> Any:
        """What its score depends on besides data, network and protocol: JSON."""

    @abstractmethod
    def examples(self, problem: Problem, seed: int) -> tuple[RowLoader, int]:
        """How the learner of that number takes rows, and how many rows there are."""

    @abstractmethod
    def schedule(self, protocol: Protocol, count: int, steps: int, key: Key) -> Schedule:
        """How a protocol trains on `count` rows where a distilled set gets `steps` steps; the key draws the order."""


@dataclass(frozen=True)
class OfSet(AbstractContestant):
    """A distilled set."""

    name: str
    distilled: DistilledSet
    stored: int

    @classmethod
    def of(cls, name: str, distilled: DistilledSet) -> OfSet:
        """The set under a name, at the bytes of its parameters."""
        return cls(name, distilled, distilled.budget.bytes)

    @property
    def address(self) -> Any:
        """Its contents."""
        return self.distilled.digest

    def examples(self, problem: Problem, seed: int) -> tuple[RowLoader, int]:
        """The same items for every learner."""
        return row_loader(self.distilled.batch), len(self.distilled)

    def schedule(self, protocol: Protocol, count: int, steps: int, key: Key) -> Schedule:
        """The protocol's, at the mean learning rate of the set's own schedule where the protocol takes that."""
        return protocol.at(float(self.distilled.schedule.learning_rates.mean())).schedule(count, key)


@dataclass(frozen=True)
class OfStart(AbstractContestant):
    """A coreset, chosen anew for each learner, at the stored size of the set that it is held against."""

    name: str
    per_class: int
    stored: int

    @property
    def start(self) -> AbstractStart:
        """What chooses."""
        return RECIPES[self.name].recipe.start

    @property
    def address(self) -> Any:
        """What chooses, and how many."""
        return {"start": to_spec(self.start), "per_class": self.per_class}

    def examples(self, problem: Problem, seed: int) -> tuple[RowLoader, int]:
        """The items chosen for that learner."""
        batch = self.start.pick(problem, self.per_class, Key(("baseline", seed)))
        return row_loader(batch), len(batch.classes)

    def schedule(self, protocol: Protocol, count: int, steps: int, key: Key) -> Schedule:
        """The protocol's, at the default learning rate where the protocol takes that of a set."""
        return protocol.at(DEFAULT_LEARNING_RATE).schedule(count, key)


@dataclass(frozen=True)
class OfAll(AbstractContestant):
    """All real training data."""

    name: str
    stored: int

    @property
    def address(self) -> Any:
        """There is one."""
        return "full"

    def examples(self, problem: Problem, seed: int) -> tuple[RowLoader, int]:
        """Every training example, read from disk as it is needed."""
        return (lambda rows: problem.task.load("train", rows)), _count(problem.task)

    def schedule(self, protocol: Protocol, count: int, steps: int, key: Key) -> Schedule:
        """The protocol's for all real data, at the default learning rate where the protocol takes that of a set."""
        return protocol.at(DEFAULT_LEARNING_RATE).full_schedule(count, steps, key)


def _count(task: AbstractTask) -> int:
    return sum(len(rows) for rows in task.groups("train"))


def check_baselines(names: Sequence[str]) -> None:
    """InputError for a name that is of no baseline."""
    known = [*(known for known, method in RECIPES.items() if not method.recipe.steps), "full"]
    for name in names:
        if name not in known:
            raise unknown("baseline", name, known)


def baseline(name: str, distilled: DistilledSet, task: AbstractTask) -> OfStart | OfAll:
    """The baseline of that name beside `subject`; InputError for an unknown one.

    A coreset costs the bytes of the set, since it is a zero-step distillation stored in the same way; the
    full data are counted at one byte a value, as images are kept.
    """
    check_baselines((name,))
    if name == "full":
        return OfAll(name, _count(task) * math.prod(task.shape))
    return OfStart(name, distilled.per_class, distilled.budget.bytes)


def set_accuracy(problem: Problem, batch: Batch, protocol: Protocol, split: str, key: Key) -> float:
    """The accuracy on `split`, in [0, 1], of one fresh learner trained on `batch`."""
    count = len(batch.classes)
    return _accuracy(problem, row_loader(batch), protocol.schedule(count, key.fold("order")), protocol, split, key)


def _accuracy(
    problem: Problem, loader: RowLoader, schedule: Schedule, protocol: Protocol, split: str, key: Key
) -> float:
    learner = fit(problem.task, problem.network, loader, schedule, key, problem.device, protocol.augment)

    def predict(inputs: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return problem.network.apply(learner.params, inputs.to(problem.device), learner.statistics).outputs

    return problem.task.evaluate(predict, split, key.fold("judge"))["accuracy"]


def measure(
    problem: Problem, entry: AbstractContestant, protocol: Protocol, steps: int, split: str, seed: int
) -> float:
    """The accuracy on `split` of the `member`-th learner trained on `entry`; computed once and remembered.

    Member m of every contestant starts from the same parameters. `steps` is how many steps the distilled
    set gets, which the full real data get at least.
    """
    name, key = place(entry, protocol, steps, split, seed)

    def train() -> dict[str, torch.Tensor]:
        loader, count = entry.examples(problem, seed)
        schedule = entry.schedule(protocol, count, steps, key.fold("order"))
        value = _accuracy(problem, loader, schedule, protocol, split, key)
        return {"accuracy": torch.tensor(value, dtype=torch.float64)}

    return float(problem.remember(name, key, train)["accuracy"])


def place(entry: AbstractContestant, protocol: Protocol, steps: int, split: str, seed: int) -> tuple[str, Key]:
    """The name and the key under which a problem remembers what `measure` finds, as {"accuracy": scalar}."""
    address = {"of": entry.address, "protocol": to_spec(protocol), "split": split, "steps": steps}
    return f"score {spec_id(address)}", Key(("evaluate", seed))


def summarise(entry: AbstractContestant, network: str, protocol: Protocol, split: str, found: Sequence[float]) -> Score:
    """The row of one contestant under one network."""
    mean, low, high = interval(found)
    return Score(
        set=entry.name,
        network=network,
        split=split,
        metric="accuracy",
        mean=mean,
        low=low,
        high=high,
        n=len(found),
        protocol=protocol.name,
        bytes=entry.stored,
    )
