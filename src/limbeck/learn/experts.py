"""Experts: learners of the real data whose every epoch is kept, for a student to follow."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch

from limbeck.core import tree
from limbeck.core.contracts import Problem
from limbeck.core.errors import InputError
from limbeck.core.family import Family, to_spec
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.augment import Siamese
from limbeck.learn.protocol import Protocol
from limbeck.learn.training import fitting

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Experts:
    """Learners trained on the real training data, their parameters kept before and after every epoch.

    Expert n is drawn by its number alone. It is trained on the train split by SGD in shuffled batches, each
    image under an operation of its own; its snapshots 0 .. `epochs` are its parameters at initialisation and
    after each epoch. The defaults are those of Cazenavette et al. (CVPR 2022). Running statistics are not
    kept: who follows an expert normalises by its own batch.
    """

    count: int = 100
    """How many there are; with more, those there were stay the same."""
    epochs: int = 50
    learning_rate: float = 0.01
    momentum: float = 0.0
    weight_decay: float = 0.0
    batch: int = 256
    """How many images a step sees; the last step of an epoch sees what is left, and 0 is all."""
    augment: Siamese | None = field(default_factory=Siamese)

    def __post_init__(self) -> None:
        if self.count < 1 or self.epochs < 1 or self.batch < 0 or self.learning_rate <= 0:
            raise InputError(
                f"experts: found count {self.count}, epochs {self.epochs}, batch {self.batch}, "
                f"learning_rate {self.learning_rate:g}; expected positive numbers (batch 0: all images)"
            )

    def address(self, problem: Problem, number: int) -> dict[str, Any]:
        """Where an expert is remembered: all that determines it, and so not how many there are."""
        return {
            "name": "experts",
            "data": problem.task.fingerprint,
            "network": problem.network.name,
            "training": {name: value for name, value in to_spec(self).items() if name != "count"},
            "number": number,
        }

    def train(self, problem: Problem, number: int) -> Tree:
        """The snapshots of an expert, {"0": parameters, "1": parameters, ...}; it is trained once and remembered."""

        def make() -> Tree:
            task, key = problem.task, Key(("expert", number))
            every = torch.cat(task.groups("train"))
            protocol = Protocol(
                "experts", self.epochs, self.batch, self.learning_rate, self.momentum, self.weight_decay
            )
            schedule = protocol.schedule(len(every), key.fold("order"))
            steps = len(schedule.learning_rates) // self.epochs
            stages = fitting(
                task,
                problem.network,
                lambda rows: task.load("train", every[rows]),
                schedule,
                key,
                problem.device,
                self.augment,
            )
            ends = ((step // steps, learner.params) for step, learner in enumerate(stages) if step % steps == 0)
            return {str(epoch): tree.move(params, CPU) for epoch, params in ends}

        return problem.cache.remember(self.address(problem, number), make)

    def snapshot(self, problem: Problem, number: int, epoch: int) -> Tree:
        """The parameters of an expert after `epoch` epochs, read alone from what is remembered.

        Raises InputError where that expert has not been trained, with the command that trains all of them.
        """

        def refuse() -> Tree:
            raise InputError(
                f"expert {number} of the {self.count} that are to be followed is missing or damaged; train them with "
                f"`{self.command(problem)}` (and this run's own --zca, --size, --data-root and --runs), then go on"
            )

        found = problem.cache.remember(self.address(problem, number), refuse, branch=str(epoch))
        return tree.move(found, problem.device)

    def command(self, problem: Problem) -> str:
        """The command that trains these experts."""
        words = ["limbeck", "experts", problem.task.name, "--network", problem.network.name]
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name in ("count", "epochs") or value != getattr(Experts(), each.name):
                words += [f"--{each.name}", json.dumps(asdict(value) if isinstance(value, Siamese) else value)]
        return shlex.join(words)


EXPERTS = Family("experts", Experts, Experts)
