"""One learner, trained and read on the way: the only place where learners are trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from limbeck.computations.contract import AbstractComputation, ProbeContext, TrainingSet
from limbeck.computations.sources import CPU, AbstractSource, AllReal, Mixture, training_key
from limbeck.computations.steps import Steps
from limbeck.core import tree
from limbeck.core.contracts import Problem, Schedule
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.compiled import compiles, gradient_function_of, pays
from limbeck.learn.population import losses_of, operations, read
from limbeck.learn.training import Learner, fresh, going_on

REAL_BATCH = 256
"""Real examples that a step of training on all of them sees (Yang et al. 2024)."""
DEFAULT_TRAINING = "300 full-batch steps of SGD 0.01, momentum 0.9"
"""The training of a learner unless a probe says otherwise (Yang et al. 2024)."""
FORWARD, STEP = 1, 3
"""Passes through a network, of the operations of one forward pass, to read an example and to learn from it."""
END = -1
"""The step that stands for the last one."""


@dataclass(frozen=True)
class Training(AbstractComputation):
    """A learner trained by a protocol, read on the evaluation examples and kept on the way.

    The outcome has, for each step of `reads` in order, "predictions" (read, example) as class numbers, "losses"
    (read, example) and each metric of the task (read,); with `validation` the first metric on "validation" at the end;
    and under "params/STEP" (and "statistics/STEP") the learner after each step of `keeps`. Step s is what s updates
    come to, so step 0 is the initial learner, and -1 is the last. Everything of one seed begins from the same initial
    parameters, whatever it is trained on.
    """

    on: AbstractSource = Mixture()
    """What it is trained on."""
    seed: int = 0
    """Its initial parameters and its order of examples."""
    protocol: Any = Steps()
    """How: a protocol."""
    network: str = ""
    """Another network than the problem's."""
    start: Training | None = None
    """Whose last kept learner it begins as, without momentum; a fresh learner where None."""
    reads: tuple[int, ...] = (END,)
    keeps: tuple[int, ...] = ()
    validation: int = 0
    """How many validation examples the final learner is read on, too."""

    @property
    def depends_on_set(self) -> bool:
        """Whether it is trained on items of the set or as that says, or begins where that was done."""
        begins = self.start is not None and self.start.depends_on_set
        return self.on.depends_on_set or self.protocol.uses_own or begins

    @property
    def evaluates(self) -> bool:
        """Whether it is read on evaluation examples."""
        return bool(self.reads)

    def needs(self) -> tuple[AbstractComputation, ...]:
        """The training that it begins after."""
        return () if self.start is None else (self.start,)

    def flops(self, context: ProbeContext) -> float:
        """The operations of its steps and of its readings."""
        count = self.on.count(context)
        schedule = self.protocol.schedule(self._own(context, count), count, Key())
        seen = (schedule.order >= 0).double().sum(1).mean() * len(schedule.learning_rates)
        examples = len(context.rows) * len(self.reads) + self.validation
        return operations(context.under(self.network).problem) * (STEP * float(seen) + FORWARD * examples)

    def learners(self, context: ProbeContext) -> Iterator[Learner]:
        """The learner before the first step and after each."""
        problem, key = self._problem(context), training_key(self.seed)
        loader, count = self.on.examples(context, self.seed)
        schedule = self.protocol.schedule(self._own(context, count), count, key.fold("order"))
        return going_on(
            problem.task,
            gradient_function_of(problem),
            self._first(context, problem, key),
            lambda rows, step: loader(rows, step).to(problem.device),
            schedule,
            key,
            self.protocol.augment,
        )

    def run(self, context: ProbeContext) -> Tree:
        """Train, and read and keep on the way."""
        problem = context.under(self.network).problem
        readings: list[dict[str, Tensor]] = []
        kept: dict[str, Any] = {"params": {}, "statistics": {}}
        for step, learner in enumerate(self.learners(context)):
            if step in self.reads:
                readings.append(reading(problem, context, learner))
            if step in self.keeps:
                _keep(kept, step, learner)
        if END in self.reads:
            readings.append(reading(problem, context, learner))
        if END in self.keeps:
            _keep(kept, END, learner)
        outcome = {name: torch.stack([each[name] for each in readings]) for name in (readings[0] if readings else ())}
        if self.validation:
            chosen_on = replace(context, split="validation", evaluation_size=self.validation)
            outcome["validation"] = reading(problem, chosen_on, learner)[problem.task.metrics[0].name]
        return {**outcome, **{part: steps for part, steps in kept.items() if tree.leaves(steps)}}

    def kept(self, context: ProbeContext, step: int = END) -> Learner:
        """The learner after `step` steps, one of `keeps`, from what is kept."""
        params = context.outcome(self, f"params/{step}")
        statistics = context.under(self.network).problem.network.statistics()
        return Learner(params, context.outcome(self, f"statistics/{step}") if statistics else {})

    def _own(self, context: ProbeContext, count: int) -> Schedule | None:
        """How the set says that it is to be trained on, for `count` items, where the protocol asks."""
        if not self.protocol.uses_own:
            return None
        return context.distilled.schedule.for_count(len(context.distilled), count)

    def _problem(self, context: ProbeContext) -> Problem:
        problem = context.under(self.network).problem
        if self.network and compiles(problem) and not pays(self.flops(context), problem.device):
            # Compiling takes longer than a few steps of a network that few trainings share.
            return replace(problem, compiled=False)
        return problem

    def _first(self, context: ProbeContext, problem: Problem, key: Key) -> Learner:
        if self.start is None:
            learner = fresh(problem.network, key.fold("init"), problem.device)
            if not (self.protocol.uses_initialisation and self.on.depends_on_set):
                return learner
            return learner if context.distilled.initialisation is None else _placed(learner, context.distilled)
        kept = self.start.kept(context, self.start.keeps[-1])
        return Learner(*tree.move(tuple(kept), problem.device))


def _placed(learner: Learner, distilled: TrainingSet) -> Learner:
    """The learner where a set says that training begins; InputError where that is of another network."""
    ours, given = tree.flatten(learner.params), tree.flatten(distilled.initialisation)
    shapes = [{path: leaf.shape for path, leaf in flat.items()} for flat in (ours, given)]
    if shapes[0] != shapes[1]:
        raise InputError(
            "the set is to be trained from parameters of another network; expected its own (leave out --network), or "
            "a protocol that begins anywhere, such as yang2024"
        )
    return learner._replace(params=tree.unflatten(learner.params, {path: given[path].to(ours[path]) for path in ours}))


def _keep(kept: dict[str, Any], step: int, learner: Learner) -> None:
    for part, leaves in learner._asdict().items():
        kept[part][str(step)] = tree.move(leaves, CPU)


def reading(problem: Problem, context: ProbeContext, learner: Learner) -> dict[str, Tensor]:
    """What a learner says of the evaluation examples: "predictions", "losses" and each metric of the task.

    A metric that is not told from outputs alone is that of the whole split.
    """
    task, examples = problem.task, context.examples
    outputs = read(problem, learner, examples.inputs).outputs
    values = task.measure(outputs, examples)
    if values is None:
        values = task.evaluate(
            lambda inputs: read(problem, learner, inputs).outputs, context.split, Key(("evaluate", context.split))
        )
    return {
        "predictions": outputs.argmax(-1).to(torch.int16),
        "losses": losses_of(problem, outputs, examples.targets),
        **{name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()},
    }


def real_trajectory(seed: int, every: int, steps: int = 300, network: str = "") -> Training:
    """Training on all real examples, read before the first step and after every `every` of them.

    The learner of the first trajectory is kept at each reading, that of any other at the end. Whatever probes ask of
    real training they ask of these, so that it is done once for all of them.
    """
    stops = tuple(sorted({*range(0, steps + 1, every), steps}))
    keeps = stops if seed == 0 else (steps,)
    return Training(AllReal(), seed, Steps(steps, REAL_BATCH), network, reads=stops, keeps=keeps)


def accuracies(context: ProbeContext, trainings: Sequence[Training]) -> list[float]:
    """The accuracy of each at its last reading."""
    return [float(context.outcome(each, "accuracy")[-1]) for each in trainings]
