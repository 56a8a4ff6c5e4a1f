"""What a computation is done in, and the contract of the family.

A computation is a value that says all about something worth doing once: training a learner, the curvature where it
ends, a search. Its spec is its address, so scores, experts, feature networks and probes share what is the same, in any
process and after any interruption. What is to be done is one graph, which an executor sees whole.
"""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor

from limbeck.computations import examples
from limbeck.computations.steps import Steps
from limbeck.core.contracts import AbstractNetwork, AbstractTask, Batch, Problem, Schedule
from limbeck.core.errors import InputError
from limbeck.core.expect import AbstractPart
from limbeck.core.family import part_name, spec_id, to_spec
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.footprint import COPIES, example_bytes, parameter_bytes, said_bytes


@runtime_checkable
class TrainingSet(Protocol):
    """What a computation reads of a distilled set."""

    @property
    def digest(self) -> str:
        """A digest of its examples and its schedule."""

    @property
    def batch(self) -> Batch:
        """Its examples, on the CPU; one view of them where training sees another at each step."""

    @property
    def views(self) -> bool:
        """Whether training sees another view of it at each step."""

    def view(self, key: Key, step: int) -> Batch:
        """What step `step` of a training under `key` sees of the whole set; `batch` where there is one view."""

    @property
    def schedule(self) -> Schedule:
        """How it is meant to be trained on."""

    @property
    def initialisation(self) -> Tree | None:
        """The parameters of a network that it is to be trained from; None: from any."""

    @property
    def binding(self) -> bool:
        """Whether it is meant to be trained on exactly as it says, and another training says little of it."""

    @property
    def per_class(self) -> int:
        """The most items that any class has."""

    def __len__(self) -> int:
        """How many items it has."""


@dataclass(frozen=True)
class BatchSet:
    """A batch as a set, where there is no artefact."""

    digest: str
    batch: Batch
    schedule: Schedule
    initialisation: Tree | None = None
    views = False
    binding = False

    def view(self, key: Key, step: int) -> Batch:
        """The batch, at every step."""
        return self.batch

    @property
    def per_class(self) -> int:
        """The most items that any class has."""
        return int(self.batch.classes.bincount().max())

    def __len__(self) -> int:
        return len(self.batch.classes)


@dataclass(frozen=True)
class ProbeContext:
    """A problem, the set that is asked about (if any), and the evaluation examples."""

    problem: Problem
    name: str = ""
    """What the set is called."""
    set: TrainingSet | None = None
    split: str = "test"
    """Which split the evaluation examples are of."""
    evaluation_size: int = 0
    """How many there are, of every class alike; 0 for all of the split."""
    draw: int | None = None
    """Which draw of random real examples the set is, where it is a control."""
    level: float = 0.05
    """One less the confidence at which questions are decided: less than 0.05 where they are looked at again."""

    @property
    def distilled(self) -> TrainingSet:
        """The set; InputError where there is none."""
        if self.set is None:
            raise InputError("this computation is about a distilled set, and none is given; name one")
        return self.set

    @property
    def rows(self) -> Int[Tensor, " example"]:
        """The rows of the evaluation examples in their split, class by class where they are not all."""
        return examples.rows_of(self.problem.task, self.split, self.evaluation_size)

    @property
    def examples(self) -> Batch:
        """The evaluation examples, in the order of `rows`, on the CPU."""
        return examples.examples_of(self.problem.task, self.split, self.evaluation_size)

    @property
    def inputs(self) -> Tree:
        """The inputs of the evaluation examples, on the problem's device where they take little of its memory.

        Elsewhere they are on the CPU, as `examples` has them. They are read again and again.
        """
        return examples.inputs_of(self.problem.task, self.split, self.evaluation_size, self.problem.device)

    def under(self, network: str) -> ProbeContext:
        """The same context under the network of that name ("" for its own)."""
        if not network:
            return self
        return replace(self, problem=replace(self.problem, network=_network(self.problem.task, network)))

    def control(self, draw: int) -> ProbeContext:
        """The same context about a control: random real examples in place of the set, as many of each class."""
        return replace(self, name=f"control {draw}", set=_control(self.problem.task, self._classes, draw), draw=draw)

    def controls(self, count: int) -> list[ProbeContext]:
        """Those of the first `count` draws."""
        return [self.control(draw) for draw in range(count)]

    @property
    def _classes(self) -> tuple[int, ...]:
        return tuple(self.distilled.batch.classes.tolist())

    def known(self, computation: AbstractComputation) -> bool:
        """Whether the outcome of a computation is kept already."""
        return self.problem.cache.holds(self.address(computation))

    def address(self, computation: AbstractComputation) -> dict[str, Any]:
        """Where the outcome of a computation is kept: all that determines it."""
        return {
            "name": part_name(type(computation)),
            "computation": to_spec(computation),
            **self.problem.basis,
            "evaluation": [self.split, self.evaluation_size] if computation.evaluates else [],
            "set": self.distilled.digest if computation.depends_on_set else "",
        }

    def outcome(self, computation: AbstractComputation, branch: str = "") -> Tree:
        """What a computation comes to (one branch of it, where named), on the CPU; done once and kept."""
        return self.problem.cache.remember(self.address(computation), lambda: computation.run(self), branch)


class AbstractComputation(AbstractPart):
    """A computation that is worth doing once: a frozen dataclass of the family `COMPUTATIONS`."""

    doing: ClassVar[str] = "computing"
    """What users are told while it is done."""

    @property
    @abstractmethod
    def depends_on_set(self) -> bool:
        """Whether its outcome depends on the set; where not, all sets of the same data share it."""

    @property
    def evaluates(self) -> bool:
        """Whether its outcome depends on the evaluation examples."""
        return True

    def needs(self) -> tuple[AbstractComputation, ...]:
        """The computations whose outcomes it reads."""
        return ()

    def needs_in(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """Those of `needs`, and what it reads besides for the data there are."""
        return self.needs()

    @property
    def other_network(self) -> str:
        """The network that it is about, where that is not the problem's: that of what it reads, unless it says so."""
        return next((need.other_network for need in self.needs()), "")

    def passes(self, context: ProbeContext) -> float:
        """About how many steps of training it takes, or passes that last as long: each has a cost of its own."""
        return 1.0

    @abstractmethod
    def flops(self, context: ProbeContext) -> float:
        """About how many floating point operations it takes: it orders the work, and the time left is told from it."""

    def bytes(self, context: ProbeContext, together: int = 1) -> float:
        """About the most bytes that its tensors take at once: whether there is room is told from it.

        `together` is how many of one `stack` key are done together. By default those of a network that reads the
        evaluation examples, where it does, or as many others.
        """
        problem = context.under(self.other_network).problem
        read = said_bytes(problem, len(context.rows) if self.evaluates else READ)
        return COPIES * parameter_bytes(problem) + read + self.examples_bytes(context)

    def examples_bytes(self, context: ProbeContext) -> float:
        """What the evaluation examples take, where it reads them."""
        return example_bytes(context.problem.task, len(context.rows)) if self.evaluates else 0.0

    @abstractmethod
    def run(self, context: ProbeContext) -> Tree:
        """The outcome: a tree of dicts of tensors on the CPU, a function of this value and the context alone.

        Where that may take long, it tells `core.progress.went` how far it is.
        """

    def stack(self, context: ProbeContext) -> tuple[Hashable, int]:
        """A key, and how many computations with this key are best done together; 1: by itself.

        Their contexts are of one network, device and evaluation; the sets may be several.
        """
        return None, 1

    def run_together(self, context: ProbeContext, others: Sequence[Asked]) -> list[Tree]:
        """The outcomes of this computation and of `others`, which have its `stack` key; equal to `run` to rounding."""
        return [self.run(context), *(each.run(its) for each, its in others)]


class AbstractOfReal(AbstractComputation):
    """A computation that sees training data alone: no set, and no evaluation examples."""

    @property
    def depends_on_set(self) -> bool:
        """Never."""
        return False

    @property
    def evaluates(self) -> bool:
        """Never."""
        return False


READ = 1000
"""Examples that are read at once where they are not the evaluation examples."""

Asked = tuple[AbstractComputation, ProbeContext]
"""A computation in its context."""


@functools.lru_cache(maxsize=32)
def _network(task: AbstractTask, name: str) -> AbstractNetwork:
    # A large network takes a while to make, and thousands of computations may ask for one.
    return task.network(name)


@functools.lru_cache(maxsize=64)
def _control(task: AbstractTask, classes: tuple[int, ...], draw: int) -> BatchSet:
    """Real training examples of those classes, in their order, each once; again where a class has too few."""
    groups, taken = task.groups("train"), dict.fromkeys(classes, 0)
    key = Key(("control", draw))
    orders = {label: groups[label][key.fold(label).permutation(len(groups[label]))] for label in taken}
    rows = []
    for label in classes:
        rows.append(orders[label][taken[label] % len(orders[label])])
        taken[label] += 1
    batch = task.load("train", torch.stack(rows))
    return BatchSet(spec_id({"control": draw, "classes": list(classes)}), batch, Steps().schedule(None, len(rows), key))
