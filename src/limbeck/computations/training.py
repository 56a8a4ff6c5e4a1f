"""One learner, trained and read on the way: the only place where learners are trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from limbeck.computations.contract import AbstractComputation, Asked, ProbeContext
from limbeck.computations.level import Level
from limbeck.computations.record import END, Record
from limbeck.computations.sources import AbstractSource, AllReal, Mixture, placed, training_key
from limbeck.computations.steps import LEAST_STEPS, OfAllData, Steps
from limbeck.core import tree
from limbeck.core.contracts import AbstractProtocol, Batch, Budget, Problem, Schedule
from limbeck.core.key import Key
from limbeck.core.progress import went
from limbeck.core.tree import Tree
from limbeck.learn.compiled import compiles, gradient_function_of, pays
from limbeck.learn.fitted import AbstractFitted
from limbeck.learn.footprint import example_bytes, learning_bytes, parameter_bytes, said_bytes
from limbeck.learn.losses import Divergence
from limbeck.learn.population import labelling, operations
from limbeck.learn.stacked import Setup, stacks, trained
from limbeck.learn.training import Learner, averaged, fresh, going_on

REAL_BATCH = 256
"""Real examples that a step of training on all of them sees (Yang et al. 2024)."""
DEFAULT_TRAINING = "300 full-batch steps of SGD 0.01, momentum 0.9"
"""The training of a learner unless a probe says otherwise (Yang et al. 2024)."""
FORWARD, STEP = 1, 3
"""Passes through a network, of the operations of one forward pass, to read an example and to learn from it."""
USUAL = 11
"""About how many epochs a training takes to level off: ConvNet width 16 on CIFAR-10, in 1,390 to 2,310 steps. Of small
data it takes the fewest steps after which it may: 600 of digits, which are more than a hundred epochs."""
TEACHER = 6_000_000
"""The seed of a teacher: no network that a set is evaluated with begins where it began."""
MOST = 64
"""Learners that are done together at most: what a worker that dies may lose."""


@dataclass(frozen=True)
class Training(AbstractComputation):
    """A learner trained by a protocol, read on the evaluation examples and kept on the way.

    The outcome has, for each step of `reads` in order, "predictions" (read, example) as class numbers, "losses"
    (read, example) and each metric of the task (read,); with `validation` the first metric on "validation" at the end;
    and under "params/STEP" (and "statistics/STEP") the learner after each step of `keeps`. Step s is what s updates
    come to, so step 0 is the initial learner, and -1 is the last; where the protocol averages, it is read and kept as
    the running mean. Everything of one seed begins from the same initial parameters, whatever it is trained on.
    """

    doing = "training networks"

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
    until: Level | None = None
    """Where given, training ends at the first of its readings at which it has levelled off, if that is before its last
    step. The outcome has "steps" (read,) then, those that it was read at, and "scores" (read,), what decided."""

    @property
    def depends_on_set(self) -> bool:
        """Whether it is trained on items of the set or as that says, or begins where that was done."""
        begins = self.start is not None and self.start.depends_on_set
        return self.on.depends_on_set or self.protocol.uses_own or begins

    @property
    def evaluates(self) -> bool:
        """Whether it is read on evaluation examples."""
        return bool(self.reads)

    @property
    def teacher(self) -> Training | None:
        """The training of who labels what it sees, where its protocol has a teacher."""
        asked = self.protocol.teaching
        return None if asked is None else teacher_by(asked.protocol, asked.network or self.network)

    def needs(self) -> tuple[AbstractComputation, ...]:
        """The training that it begins after, and that of its teacher."""
        return tuple(each for each in (self.start, self.teacher) if each is not None)

    def needs_in(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """That, and what chooses its examples."""
        return (*self.needs(), *self.on.needs(context))

    def flops(self, context: ProbeContext) -> float:
        """The operations of its steps and of its readings."""
        problem, examples = self.problem(context), len(context.rows) * len(self.reads) + self.validation
        if isinstance(problem.network, AbstractFitted):
            return problem.network.flops(self.on.count(context), examples)
        schedule, steps = self._planned(context)
        seen = float((schedule.order >= 0).double().sum(1).mean()) * steps
        taught = 0.0 if self.teacher is None else operations(self.teacher.problem(context)) * FORWARD * seen
        return operations(problem) * (STEP * seen + FORWARD * examples) + taught

    def bytes(self, context: ProbeContext, together: int = 1) -> float:
        """Those of its steps, of what it keeps, of its own examples and of those that it is read on."""
        problem, count = self.problem(context), self.on.count(context)
        if isinstance(problem.network, AbstractFitted):
            return super().bytes(context, together)
        # A step's own examples lie beside those that they are taken from, unless these stay on the disk.
        seen, held = self._seen(count), 0 if isinstance(self.on, AllReal) else count
        own = example_bytes(problem.task, (seen + held) * together + self.validation) + self.examples_bytes(context)
        taught = 0.0 if self.teacher is None else parameter_bytes(self.teacher.problem(context))
        step, kept = learning_bytes(problem, seen, together), parameter_bytes(problem) * len(self.keeps) * together
        return max(step, said_bytes(problem, len(context.rows))) + kept + taught + own

    @property
    def other_network(self) -> str:
        """As named."""
        return self.network

    def problem(self, context: ProbeContext) -> Problem:
        """The problem of a context, with what is trained on it as its network."""
        problem = context.under(self.network).problem
        return replace(problem, network=self.protocol.learner(problem.task, problem.network))

    def passes(self, context: ProbeContext) -> float:
        """Its steps, and a part of one for each reading."""
        _, steps = self._planned(context)
        read = len(self.reads) + (0 if self.teacher is None else steps)
        return steps + read * FORWARD / STEP

    def learners(self, context: ProbeContext) -> Iterator[Learner]:
        """The learner before the first step and after each; one that is fitted at once is so from the first."""
        problem = self._problem(context)
        setup = self.setup(context)
        if isinstance(problem.network, AbstractFitted):
            whole = setup.loader(torch.arange(self.on.count(context)), 0).to(problem.device)
            yield from [Learner(problem.network.fit(whole, training_key(self.seed)), {})] * (
                1 + len(setup.schedule.learning_rates)
            )
            return
        usual = self._usual(setup.schedule, self.on.count(context))
        learners = going_on(
            problem.task,
            gradient_function_of(self._going_down(problem, setup.schedule)),
            setup.learner,
            lambda rows, step: setup.loader(rows, step).to(problem.device),
            setup.schedule,
            training_key(self.seed),
            self.protocol.augment,
            self._labels(context),
        )
        for step, learner in enumerate(averaged(learners, self.protocol.average)):
            went(step, usual)
            yield learner

    def setup(self, context: ProbeContext) -> Setup:
        """Where the learner begins, what it learns from, and how."""
        problem, key = self.problem(context), training_key(self.seed)
        loader, count = self.on.examples(context, self.seed)
        schedule = self.protocol.schedule(self._own(context, count), count, key.fold("order"))
        return Setup(self._first(context, problem, key), loader, schedule)

    def run(self, context: ProbeContext) -> Tree:
        """Train, and read and keep on the way."""
        record = self._record(context)
        for step, learner in enumerate(self.learners(context)):
            record.add(step, learner)
            if record.levelled:
                break
        return record.outcome(learner)

    def stack(self, context: ProbeContext) -> tuple[Hashable, int]:
        """Learners of one network and protocol, read and kept alike, go together where none of them fills a core."""
        views = self.on.depends_on_set and context.distilled.views
        fitted = isinstance(self.problem(context).network, AbstractFitted)
        alone = any(each is not None for each in (self.protocol.augment, self.start, self.until, self.teacher))
        if alone or views or fitted:
            return None, 1
        count = self.on.count(context)
        together = stacks(self._problem(context), self._seen(count), MOST)
        return (self.network, self.protocol, count, self.reads, self.keeps, self.validation), together

    def run_together(self, context: ProbeContext, others: Sequence[Asked]) -> list[Tree]:
        """The outcomes of trainings of one `stack` key, trained as a stack; equal to `run` up to rounding."""
        asked = [(self, context), *((each, its) for each, its in others if isinstance(each, Training))]
        setups = [each.setup(its) for each, its in asked]
        records = [each._record(its) for each, its in asked]
        # Of one protocol, and yet of several lengths where that is the sets' own.
        ends = [len(setup.schedule.learning_rates) for setup in setups]
        outcomes: dict[int, Tree] = {}
        steps = {*ends, *self.reads, *self.keeps}
        for index, step, learner in trained(self._problem(context), setups, steps, self.protocol.average):
            records[index].add(step, learner)
            if step == ends[index]:
                outcomes[index] = records[index].outcome(learner)
        return [outcomes[index] for index in range(len(asked))]

    def steps(self, context: ProbeContext) -> list[int]:
        """The steps that it was read at, from what is kept."""
        return list(self.reads) if self.until is None else context.outcome(self, "steps").tolist()

    def last_kept(self, context: ProbeContext) -> int:
        """The last step that it was kept at: of one that ended where it levelled off, from what is kept."""
        if self.until is None or self.keeps[-1] == END:
            return self.keeps[-1]
        return max(set(self.keeps) & set(self.steps(context)))

    def levelled(self, context: ProbeContext) -> bool:
        """Whether it ended before its longest, from what is kept: one that levels off just there is taken not to."""
        return self.steps(context)[-1] < self.reads[-1]

    def kept(self, context: ProbeContext, step: int = END) -> Learner:
        """The learner after `step` steps, one of `keeps`, from what is kept, on the problem's device."""
        params = context.outcome(self, f"params/{step}")
        has_statistics = self.problem(context).network.statistics()
        statistics = context.outcome(self, f"statistics/{step}") if has_statistics else {}
        return Learner(*tree.move((params, statistics), context.problem.device))

    def teacher_bytes(self, context: ProbeContext) -> int:
        """What its teacher takes to store, its running statistics too; 0 where it has none."""
        if self.teacher is None:
            return 0
        network = self.teacher.problem(context).network
        return Budget.of((network.init(Key()), network.statistics())).bytes

    def _labels(self, context: ProbeContext) -> Callable[[Batch], Batch] | None:
        """How its teacher, which is trained where it is not kept yet, labels what a step sees."""
        if self.teacher is None:
            return None
        return labelling(self.teacher.problem(context), self.teacher.kept(context), self.protocol.teaching.temperature)

    def _going_down(self, problem: Problem, schedule: Schedule) -> Problem:
        """The problem with what training goes down as its goal."""
        asked = self.protocol.teaching
        return problem.trained_by(schedule) if asked is None else replace(problem, goal=Divergence(asked.temperature))

    def _planned(self, context: ProbeContext) -> tuple[Schedule, int]:
        """A schedule like that of its training, and how many steps it usually takes of it."""
        count = self.on.count(context)
        schedule = self.protocol.schedule(self._own(context, count), count, Key())
        return schedule, self._usual(schedule, count)

    def _seen(self, count: int) -> int:
        """How many of so many examples a step sees."""
        return min(getattr(self.protocol, "batch", 0) or count, count)

    def _usual(self, schedule: Schedule, examples: int) -> int:
        """How many steps it takes; how many it usually takes where it ends when it has levelled off."""
        longest = len(schedule.learning_rates)
        if self.until is None:
            return longest
        epoch = math.ceil(examples / schedule.order.shape[1])
        return min(max(USUAL * epoch, self.until.first), longest)

    def _own(self, context: ProbeContext, count: int) -> Schedule | None:
        """How the set says that it is to be trained on, for `count` items, where the protocol asks."""
        if not self.protocol.uses_own:
            return None
        own = context.distilled.schedule.for_count(len(context.distilled), count)
        return own if self.on.is_whole_set else own.of_others()

    def _record(self, context: ProbeContext) -> Record:
        return Record(context, self.problem(context), self.reads, self.keeps, self.validation, self.until)

    def _problem(self, context: ProbeContext) -> Problem:
        problem = self.problem(context)
        if self.network and compiles(problem) and not pays(self.flops(context), problem.device):
            # Compiling takes longer than a few steps of a network that few trainings share.
            return replace(problem, compiled=False)
        return problem

    def _first(self, context: ProbeContext, problem: Problem, key: Key) -> Learner:
        if self.start is None:
            learner = fresh(problem.network, key.fold("init"), problem.device)
            if not (self.protocol.uses_initialisation and self.on.depends_on_set):
                return learner
            return learner if context.distilled.initialisation is None else placed(learner, context.distilled)
        return self.start.kept(context, self.start.last_kept(context))


def teacher_by(protocol: AbstractProtocol, network: str = "") -> Training:
    """The training of a teacher as `protocol` trains on all real data, for `LEAST_STEPS` at least; its end is kept."""
    return Training(AllReal(), TEACHER, OfAllData(protocol, LEAST_STEPS), network=network, reads=(), keeps=(END,))


def accuracies(context: ProbeContext, trainings: Sequence[Training]) -> list[float]:
    """The accuracy of each at its last reading."""
    return [float(context.outcome(each, "accuracy")[-1]) for each in trainings]
