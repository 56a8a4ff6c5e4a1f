"""One learner trained on distilled items, real examples or both, and read on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import Batch, Problem
from limbeck.core.key import Key
from limbeck.core.probing import AbstractExperiment, ProbeContext
from limbeck.core.tree import Tree
from limbeck.learn.compiled import pays
from limbeck.learn.population import fresh, losses_of, operations, read, training
from limbeck.learn.protocol import Protocol
from limbeck.learn.training import Learner, RowLoader, row_loader

CPU = torch.device("cpu")
REAL_BATCH = 256
"""Real examples that a step of training on all of them sees (Yang et al. 2024)."""
DEFAULT_TRAINING = "300 full-batch steps of SGD 0.01, momentum 0.9"
"""The training of a learner unless a probe says otherwise (Yang et al. 2024)."""
FORWARD, STEP = 1, 3
"""Passes through a network, of the operations of one forward pass, to read an example and to learn from it."""


@dataclass(frozen=True)
class Mixture:
    """What a learner is trained on: items of the set, real training examples of every class, or both.

    Real examples of a larger mixture include those of a smaller one with the same `shuffle`.
    """

    items: tuple[int, ...] | None = None
    """Which items of the set; all of them where None."""
    real: int = 0
    """How many real examples of every class."""
    shuffle: int = 0
    """Which order the real examples are taken in."""
    clipped: bool = False
    """Whether the items' raw values are clipped to [0, 1], where real ones are."""
    without_real: tuple[int, ...] = ()
    """Places, among its real examples class by class, of those that are left out."""

    @property
    def depends_on_set(self) -> bool:
        """Whether there are items of the set in it."""
        return self.items is None or bool(self.items)

    def count(self, context: ProbeContext) -> int:
        """How many examples it has (with as many real ones as asked for)."""
        items = len(context.distilled) if self.items is None else len(self.items)
        return items + self.real * len(context.problem.task.classes) - len(self.without_real)

    def batch(self, context: ProbeContext) -> Batch:
        """The examples, those of the set first."""
        parts: list[Batch] = []
        if self.depends_on_set:
            found = context.distilled.batch
            rows = torch.arange(len(context.distilled)) if self.items is None else torch.tensor(self.items)
            chosen = row_loader(found)(rows)
            parts.append(chosen._replace(inputs=self._shown(context, chosen.inputs)))
        if self.real:
            found = real(context.problem, self.real, self.shuffle)
            kept = torch.ones(len(found.classes), dtype=torch.bool)
            kept[list(self.without_real)] = False
            parts.append(row_loader(found)(kept))
        return Batch(*tree.map(lambda *leaves: torch.cat(leaves), *map(tuple, parts)))

    def _shown(self, context: ProbeContext, inputs: Tree) -> Tree:
        task = context.problem.task
        if not self.clipped:
            return inputs
        return task.normalised(tree.map(lambda leaf: leaf.clamp(0, 1), task.raw(inputs)))


def real(problem: Problem, per_class: int, shuffle: int) -> Batch:
    """`per_class` real training examples of every class, on the CPU; with fewer, those there are stay the same."""
    return problem.real(Key(("mixture", shuffle)), per_class).to(CPU)


@dataclass(frozen=True)
class Training(AbstractExperiment):
    """A learner trained by SGD for a number of steps, read on the judged examples and kept on the way.

    The outcome has, for each step of `reads` in order, "predictions" (read, example) as class numbers, "losses"
    (read, example) and "accuracy" (read,); and under "params/STEP" (and "statistics/STEP") the learner after each
    step of `keeps`. Step s is what s updates come to, so step 0 is the initial learner.
    """

    on: Mixture | None = Mixture()
    """What it is trained on; None for all real training examples."""
    seed: int = 0
    """Its initial parameters and its order of examples."""
    steps: int = 300
    batch: int = 0
    """How many examples a step sees, in shuffled order; 0 for all at once."""
    learning_rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 0.0
    network: str = ""
    """Another network than the problem's."""
    start: Training | None = None
    """Whose last kept learner it begins as, at rest; a fresh learner where None."""
    reads: tuple[int, ...] = (300,)
    keeps: tuple[int, ...] = ()

    @property
    def depends_on_set(self) -> bool:
        """Whether it is trained on items of the set, or begins where that was done."""
        return (self.on is not None and self.on.depends_on_set) or (
            self.start is not None and self.start.depends_on_set
        )

    def needs(self) -> tuple[AbstractExperiment, ...]:
        """The training that it begins after."""
        return () if self.start is None else (self.start,)

    def flops(self, context: ProbeContext) -> float:
        """The operations of its steps and of its readings."""
        count = training_count(context) if self.on is None else self.on.count(context)
        seen = min(self.batch or count, count) * self.steps
        judged = len(context.rows) * len(self.reads)
        return operations(context.under(self.network).problem) * (STEP * seen + FORWARD * judged)

    def learners(self, context: ProbeContext) -> Iterator[Learner]:
        """The learner before the first step and after each."""
        problem = context.under(self.network).problem
        if self.network and not pays(self.flops(context), problem.device):
            # Compiling takes longer than a few steps of a network that few trainings share.
            problem = replace(problem, compiled=False)
        key = Key(("probe", self.seed))
        loader, count = self._examples(context)
        batch = self.batch or count
        per_epoch = -(-count // batch)
        protocol = Protocol(
            "probe", -(-self.steps // per_epoch), batch, self.learning_rate, self.momentum, self.weight_decay
        )
        schedule = protocol.schedule(count, key.fold("order"))
        schedule = schedule._replace(learning_rates=schedule.learning_rates[: self.steps])
        return training(problem, self._first(context, problem, key), loader, schedule, key)

    def run(self, context: ProbeContext) -> Tree:
        """Train, and read and keep on the way."""
        problem = context.under(self.network).problem
        readings: list[dict[str, Tensor]] = []
        kept: dict[str, Any] = {"params": {}, "statistics": {}}
        for step, learner in enumerate(self.learners(context)):
            if step in self.reads:
                readings.append(reading(problem, context, learner))
            if step in self.keeps:
                for part, found in learner._asdict().items():
                    kept[part][str(step)] = tree.move(found, CPU)
        outcome = {name: torch.stack([one[name] for one in readings]) for name in (readings[0] if readings else ())}
        return {**outcome, **{part: found for part, found in kept.items() if tree.leaves(found)}}

    def kept(self, context: ProbeContext, step: int) -> Learner:
        """The learner after `step` steps, one of `keeps`, from what is remembered."""
        params = context.outcome(self, f"params/{step}")
        statistics = context.under(self.network).problem.network.statistics()
        return Learner(params, context.outcome(self, f"statistics/{step}") if statistics else {})

    def _examples(self, context: ProbeContext) -> tuple[RowLoader, int]:
        if self.on is not None:
            batch = self.on.batch(context)
            return row_loader(batch), len(batch.classes)
        task = context.problem.task
        every = torch.cat(task.groups("train"))
        return (lambda rows: task.load("train", every[rows])), len(every)

    def _first(self, context: ProbeContext, problem: Problem, key: Key) -> Learner:
        if self.start is None:
            return fresh(problem, key.fold("init"))
        kept = self.start.kept(context, self.start.keeps[-1])
        return Learner(*tree.move(tuple(kept), problem.device))


def reading(problem: Problem, context: ProbeContext, learner: Learner) -> dict[str, Tensor]:
    """What a learner says of the judged examples: "predictions", "losses" and "accuracy"."""
    outputs = read(problem, learner, context.examples.inputs).outputs
    predictions = outputs.argmax(-1)
    return {
        "predictions": predictions.to(torch.int16),
        "losses": losses_of(problem, outputs, context.examples.targets),
        "accuracy": (predictions == context.examples.classes).to(torch.float64).mean(),
    }


def real_trajectory(seed: int, every: int, steps: int = 300, network: str = "") -> Training:
    """Training on all real examples, read before the first step and after every `every` of them.

    The learner of the first course is kept at each reading, that of any other at the end. Whatever probes ask of real
    training they ask of these, so that it is done once for all of them.
    """
    stops = tuple(sorted({*range(0, steps + 1, every), steps}))
    keeps = stops if seed == 0 else (steps,)
    return Training(None, seed, steps, REAL_BATCH, network=network, reads=stops, keeps=keeps)


def training_count(context: ProbeContext) -> int:
    """How many real training examples there are."""
    return sum(len(rows) for rows in context.problem.task.groups("train"))


def accuracies(context: ProbeContext, trainings: Sequence[Training]) -> list[float]:
    """The accuracy of each at its last reading."""
    return [float(context.outcome(each, "accuracy")[-1]) for each in trainings]
