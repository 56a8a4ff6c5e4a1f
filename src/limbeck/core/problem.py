"""What every part is told: a task, the network that learns it, where, and what has been computed about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.cache import Cache
from limbeck.core.key import Key
from limbeck.core.provenance import arithmetic, source_of
from limbeck.core.schedule import ByTask, Schedule, TrainingLoss
from limbeck.core.task import AbstractNetwork, AbstractTask, Batch
from limbeck.core.tree import Tree
from limbeck.core.version import ALGORITHM


@dataclass(frozen=True)
class Problem:
    """A task, the network that learns it, where, and what has been computed about them."""

    task: AbstractTask
    """What is learned."""
    network: AbstractNetwork
    """What learns it, as functions of parameters: `network.apply(params, inputs)`."""
    device: torch.device
    """Where it is computed."""
    cache: Cache
    """What has been computed; `remember` asks it."""
    compiled: bool = False
    """Whether what is computed over and over runs as compiled code, which equals the eager code but for rounding."""
    goal: TrainingLoss = ByTask()
    """What training goes down."""

    def trained_by(self, schedule: Schedule) -> Problem:
        """The problem of a learner that is trained as a schedule says."""
        return self if type(schedule.loss) is type(self.goal) else replace(self, goal=schedule.loss)

    def real(self, key: Key, per_class: int) -> Batch:
        """`per_class` training examples of every class (all, where a class has fewer), class by class.

        Drawn without replacement, anew for each key, and seen in their place (`AbstractTask.in_place`).
        """
        return self.task.in_place(self.device, "train", self.real_rows(key, per_class))

    def real_rows(self, key: Key, per_class: int) -> Int[Tensor, " row"]:
        """The rows of the train split that `real` draws."""
        drawn = [
            rows[key.fold(index).permutation(len(rows))[:per_class]]
            for index, rows in enumerate(self.task.groups("train"))
        ]
        return torch.cat(drawn)

    @property
    def basis(self) -> dict[str, Any]:
        """What every number about this problem depends on, as JSON: part of the address of all that is computed.

        It is the data, the network, the sources of those that limbeck did not bring, the version of limbeck's
        algorithms, and how the device calculates.
        """
        sources = {
            "task": source_of(type(self.task)),
            "codec": source_of(type(self.task.codec)),
            "network": self.network.source,
        }
        return {
            "data": self.task.fingerprint,
            "network": self.network.name,
            "sources": {name: source for name, source in sources.items() if source},
            "algorithm": ALGORITHM,
            **arithmetic(self.device),
        }

    def address(self, name: str, key: Key) -> dict[str, Any]:
        """Where what is computed about this task and network under `key` is remembered."""
        return {"name": name, **self.basis, "key": list(key.path)}

    def remember(self, name: str, key: Key, make: Callable[[], Tree]) -> Tree:
        """What `make` computes about this task and network under `key`, computed once."""
        return tree.move(self.cache.remember(self.address(name, key), make), self.device)
