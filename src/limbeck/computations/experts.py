"""Experts: learners of the real data whose every epoch is kept, for a student to follow."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from limbeck.computations.contract import AbstractComputation, AbstractOfReal, ProbeContext
from limbeck.computations.sources import AllReal, training_count
from limbeck.computations.training import Training
from limbeck.core import tree
from limbeck.core.contracts import AbstractAugmentation, Problem
from limbeck.core.errors import InputError
from limbeck.core.expect import AbstractPart, at_least, fraction, positive
from limbeck.core.family import VALUES, spec_id, to_spec
from limbeck.core.tree import Tree
from limbeck.learn.augment import Siamese
from limbeck.learn.rules import Momentum
from limbeck.protocols import Epochs

FIRST_SEED = 1_000_000
"""The seed of expert 0: no network that a set is evaluated with begins where an expert began."""


@dataclass(frozen=True)
class ImportedExpert(AbstractOfReal):
    """An expert that others trained: it is put into the store, and cannot be computed.

    The outcome has the learner after each epoch under "params/EPOCH".
    """

    source: str
    """The digest of the files of all the experts."""
    number: int
    epochs: int

    def flops(self, context: ProbeContext) -> float:
        """None that count."""
        return 1.0

    def run(self, context: ProbeContext) -> Tree:
        """InputError: what others computed is not to be had here."""
        task, network = context.problem.task.name, context.problem.network.name
        raise InputError(
            f"expert {self.number} of {self.epochs} epochs from files of digest {self.source} is not in the store; "
            f"import them with `{_import_command(task, network)}`, and ask for as many experts and epochs as that says"
        )


@VALUES.register
@dataclass(frozen=True)
class Experts(AbstractPart):
    """Learners trained on the real training data, their parameters kept before and after every epoch.

    Expert n is drawn by its number alone. It is trained on the train split by SGD in shuffled batches, each under an
    operation that it draws; its snapshots 0 .. `epochs` are its parameters at initialisation and after each epoch. The
    defaults are those of Cazenavette et al. (CVPR 2022). Who follows an expert normalises by the batch.
    """

    count: int = 100
    """How many there are; with more, those there were stay the same."""
    epochs: int = 50
    """Epochs of training, each kept."""
    learning_rate: float = 0.01
    """The length of a step."""
    momentum: float = 0.0
    """The share of the last step that the next one keeps."""
    weight_decay: float = 0.0
    """How strongly parameters are drawn to zero."""
    batch: int = 256
    """How many images a step sees; the last step of an epoch sees what is left, and 0 is all."""
    augment: AbstractAugmentation | None = field(default_factory=lambda: Siamese(together=True))
    """How their images are varied; none: as they are."""
    imported: str = ""
    """The digest of files that others trained them in, as `limbeck experts --buffer` says it; "" to train them here.
    Of what is above, `count` and `epochs` count then."""

    def __post_init__(self) -> None:
        at_least(self, 1, "count", "epochs")
        at_least(self, 0, "batch", "weight_decay")
        positive(self, "learning_rate")
        fraction(self, "momentum")

    def step(self, problem: Problem, epoch: int) -> int:
        """How many steps an expert has taken after `epoch` epochs; of imported ones, epochs are counted as steps."""
        if self.imported:
            return epoch
        count = training_count(problem.task)
        return epoch * -(-count // (self.batch or count))

    def training(self, problem: Problem, number: int) -> AbstractComputation:
        """The training of expert `number`, which does not depend on how many experts there are."""
        if self.imported:
            return ImportedExpert(self.imported, number, self.epochs)
        protocol = Epochs(
            epochs=self.epochs,
            batch=self.batch,
            learning_rate=self.learning_rate,
            optimizer=Momentum(self.momentum, self.weight_decay),
            augment=self.augment,
        )
        keeps = tuple(self.step(problem, epoch) for epoch in range(self.epochs + 1))
        return Training(AllReal(), FIRST_SEED + number, protocol, reads=(), keeps=keeps)

    def trainings(self, problem: Problem) -> tuple[AbstractComputation, ...]:
        """The trainings of all experts."""
        return tuple(self.training(problem, number) for number in range(self.count))

    def snapshot(self, problem: Problem, number: int, epoch: int) -> Tree:
        """The parameters of an expert after `epoch` epochs, read alone from what is kept.

        Raises InputError where that expert has not been trained, with the command that trains all of them.
        """
        have = "import" if self.imported else "train"

        def refuse() -> Tree:
            raise InputError(
                f"expert {number} of the {self.count} that are to be followed is missing or damaged; {have} them with "
                f"`{self.command(problem)}` (with --zca, --size, --data-root and so on as here), then go on"
            )

        address = ProbeContext(problem).address(self.training(problem, number))
        branch = f"params/{self.step(problem, epoch)}"
        return tree.move(problem.cache.remember(address, refuse, branch=branch), problem.device)

    def command(self, problem: Problem) -> str:
        """The command that trains these experts."""
        if self.imported:
            return _import_command(problem.task.name, problem.network.name)
        words = ["limbeck", "experts", problem.task.name, "--network", problem.network.name]
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name in ("count", "epochs") or value != getattr(Experts(), each.name):
                words += [f"--{each.name}", json.dumps(_option(value))]
        return shlex.join(words)


def _import_command(task: str, network: str) -> str:
    return shlex.join(["limbeck", "experts", task, "--network", network, "--buffer", "replay_buffer_0.pt"])


def _option(value: Any) -> Any:
    """A field as the command line takes it: a part by its class and fields."""
    if not isinstance(value, AbstractAugmentation):
        return value
    kind = type(value)
    return {"class_path": f"{kind.__module__}.{kind.__qualname__}", "init_args": vars(value)}


def followed(part: Any) -> list[Experts]:
    """The experts that a part, or a part within it, follows; each kind once, as many as the part that asks for most."""
    if isinstance(part, Experts):
        return [part]
    most: dict[str, Experts] = {}
    for each in fields(part) if is_dataclass(part) else ():
        for experts in followed(getattr(part, each.name)):
            kind = spec_id(to_spec(replace(experts, count=1)))
            most[kind] = max(most.get(kind, experts), experts, key=lambda one: one.count)
    return list(most.values())
