"""What a probe is shown, the experiments it asks for, and the contract of the family.

A probe answers one question about a distilled set. What takes long (training learners, measuring curvature) it asks for
as experiments: values that say all about a computation, which is done once, in any process, and found again in the run
store by every probe and every set that asks for the same.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from limbeck.core.contracts import AbstractNetwork, AbstractTask, Batch, Problem, Schedule
from limbeck.core.errors import InputError
from limbeck.core.family import part_name, to_spec
from limbeck.core.findings import Finding
from limbeck.core.key import Key
from limbeck.core.tree import Tree


@dataclass(frozen=True)
class SetView:
    """What a probe is shown of a distilled set."""

    name: str
    digest: str
    """A digest of its examples and schedule."""
    batch: Batch
    """Its examples, on the CPU."""
    schedule: Schedule
    """How it is meant to be trained on."""

    def __len__(self) -> int:
        return len(self.batch.classes)

    @property
    def per_class(self) -> int:
        """The most items that any class has."""
        return int(self.batch.classes.bincount().max())


@dataclass(frozen=True)
class ProbeContext:
    """A set under examination: the problem it was made for, and the examples that everything is judged on."""

    problem: Problem
    distilled: SetView
    split: str
    judged: int = 0
    """How many examples of the split are judged on, of every class alike; 0 for all."""

    @property
    def rows(self) -> Int[Tensor, " example"]:
        """The rows of the split that are judged on, class by class where they are not all."""
        return _rows(self.problem.task, self.split, self.judged)

    @property
    def examples(self) -> Batch:
        """The examples that are judged on, in the order of `rows`, on the CPU."""
        return _examples(self.problem.task, self.split, self.judged)

    def under(self, network: str) -> ProbeContext:
        """The same case under the network of that name ("" for its own)."""
        if not network:
            return self
        return replace(self, problem=replace(self.problem, network=_network(self.problem.task, network)))

    def address(self, experiment: AbstractExperiment) -> dict[str, Any]:
        """Where the outcome of an experiment is remembered: all that determines it."""
        return {
            "name": part_name(type(experiment)),
            "experiment": to_spec(experiment),
            "data": self.problem.task.fingerprint,
            "network": self.problem.network.name,
            "judged": [self.split, self.judged],
            "set": self.distilled.digest if experiment.depends_on_set else "",
        }

    def outcome(self, experiment: AbstractExperiment, branch: str = "") -> Tree:
        """What an experiment comes to (one branch of it, where named), on the CPU; done once and remembered."""
        return self.problem.cache.remember(self.address(experiment), lambda: experiment.run(self), branch)


class AbstractExperiment(ABC):
    """A computation that is worth doing once: a frozen dataclass of the family `EXPERIMENTS`."""

    @property
    @abstractmethod
    def depends_on_set(self) -> bool:
        """Whether its outcome depends on the set; where not, all sets of the same data share it."""

    def needs(self) -> tuple[AbstractExperiment, ...]:
        """The experiments whose outcomes it reads."""
        return ()

    @abstractmethod
    def flops(self, context: ProbeContext) -> float:
        """About how many floating point operations it takes: what the time left is told from."""

    @abstractmethod
    def run(self, context: ProbeContext) -> Tree:
        """The outcome: a tree of dicts of tensors on the CPU, a function of this value and the case alone."""


class AbstractProbe(ABC):
    """A question about a distilled set. Its fields say how thoroughly it is asked."""

    @property
    @abstractmethod
    def question(self) -> str:
        """The question in plain words; the same for all of a class."""

    @abstractmethod
    def experiments(self, context: ProbeContext) -> tuple[AbstractExperiment, ...]:
        """The experiments whose outcomes `find` reads, so that they can be done side by side before."""

    @abstractmethod
    def find(self, context: ProbeContext) -> Finding:
        """The answer. What it asks `case.outcome` for is among `experiments`."""


def expect(part: AbstractProbe, least: int, *fields: str) -> None:
    """Refuse a part of whose fields one, or a number in one, is less than `least`, or that is empty."""
    for name in fields:
        value = getattr(part, name)
        numbers = value if isinstance(value, tuple) else (value,)
        if not numbers or min(numbers) < least:
            found = f"{part_name(type(part))}.{name} {value}"
            raise InputError(
                f"{found}: expected {'numbers' if isinstance(value, tuple) else 'a number'} from {least:g} on"
            )


@functools.lru_cache(maxsize=32)
def _network(task: AbstractTask, name: str) -> AbstractNetwork:
    # A large network takes a while to make, and thousands of experiments may ask for one.
    return task.network(name)


@functools.lru_cache(maxsize=4)
def _rows(task: AbstractTask, split: str, judged: int) -> Tensor:
    groups = task.groups(split)
    if not judged:
        return torch.cat(groups).sort().values
    share = -(-judged // len(groups))
    key = Key(("judged",))
    return torch.cat([rows[key.fold(index).permutation(len(rows))[:share]] for index, rows in enumerate(groups)])


@functools.lru_cache(maxsize=2)
def _examples(task: AbstractTask, split: str, judged: int) -> Batch:
    return task.load(split, _rows(task, split, judged))
