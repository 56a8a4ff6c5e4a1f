"""The experts of one problem in a store: trained side by side, kept one by one, read a snapshot at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import torch

from limbeck.core.contracts import AbstractNetwork, Problem
from limbeck.core.family import spec_id, to_spec
from limbeck.core.tree import Tree
from limbeck.learn.experts import CPU, Experts
from limbeck.runs.executor import Job, fan_out
from limbeck.runs.store import Store
from limbeck.tasks import ImageTask


def followed(part: Any) -> list[Experts]:
    """The experts that a part, or a part within it, follows; each kind once, as many as the part that asks for most.

    >>> from limbeck.objectives import Trajectory
    >>> [experts.count for experts in followed(Trajectory(experts=Experts(count=3)))]
    [3]
    """
    if isinstance(part, Experts):
        return [part]
    most: dict[str, Experts] = {}
    for each in fields(part) if is_dataclass(part) else ():
        for experts in followed(getattr(part, each.name)):
            kind = spec_id(to_spec(replace(experts, count=1)))
            most[kind] = max(most.get(kind, experts), experts, key=lambda one: one.count)
    return list(most.values())


@dataclass(frozen=True)
class Library:
    """The experts of a task and a network: one file each, in a folder named by all that determines them."""

    store: Store
    task: ImageTask
    network: AbstractNetwork
    experts: Experts

    @property
    def problem(self) -> Problem:
        """What the experts learn."""
        return Problem(self.task, self.network, CPU, self.store)

    def place(self, expert: int) -> Path:
        """The file of an expert."""
        return self.store.place(self.experts.address(self.problem, expert))

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self.place(0).parent

    def missing(self) -> list[int]:
        """The numbers of the experts that are not there or damaged."""
        problem = self.problem
        numbers = range(self.experts.count)
        return [number for number in numbers if not self.store.holds(self.experts.address(problem, number))]

    def snapshot(self, expert: int, epoch: int) -> Tree:
        """The parameters of an expert after `epoch` epochs; InputError where it is missing."""
        return self.experts.snapshot(self.problem, expert, epoch)

    def complete(
        self, workers: int, device: torch.device, data_root: Path | None, watch: Callable[[int, int], None]
    ) -> int:
        """Train the experts that are missing, each kept as soon as it is done, and tell how many they were.

        `watch(done, count)` is told how many there are, first of those that were there.
        """
        missing, count = self.missing(), self.experts.count
        done = count - len(missing)
        watch(done, count)

        def tell(_index: int) -> None:
            nonlocal done
            done += 1
            watch(done, count)

        fan_out([self._job(number, device, data_root) for number in missing], workers, tell)
        return len(missing)

    def _job(self, number: int, device: torch.device, data_root: Path | None) -> Job:
        return {
            "do": "expert",
            "store": str(self.store.root.absolute()),
            "device": str(device),
            "data": self.task.reference,
            "data_root": None if data_root is None else str(data_root),
            "network": self.network.name,
            "experts": to_spec(self.experts),
            "number": number,
        }
