"""The whole architecture on one page: what is passed between parts, and the contract of each family.

What belongs to a task (its examples, codec and networks) is in `task.py`, a task with a network and a device in
`problem.py`; both are handed on here. A distillation is a loop that renders a synthetic batch from free parameters,
asks an objective how far it is from the real task, and steps. Everything else is a part with one contract.

Axes: `item` and `example` count synthetic and real samples, `output` those of a network (classes), `step` inner steps.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.augmentation import AbstractAugmentation as AbstractAugmentation
from limbeck.core.batch import Batch as Batch
from limbeck.core.budget import FLOAT
from limbeck.core.budget import Budget as Budget
from limbeck.core.budget import Counted as Counted
from limbeck.core.cache import Cache as Cache
from limbeck.core.cache import NoCache as NoCache
from limbeck.core.codec import AbstractCodec as AbstractCodec
from limbeck.core.codec import Sound as Sound
from limbeck.core.costs import Later as Later
from limbeck.core.costs import Piece as Piece
from limbeck.core.expect import AbstractPart
from limbeck.core.key import Key
from limbeck.core.pictured import Pictured as Pictured
from limbeck.core.problem import Problem as Problem
from limbeck.core.schedule import ByTask as ByTask
from limbeck.core.schedule import Schedule as Schedule
from limbeck.core.schedule import TrainingLoss as TrainingLoss
from limbeck.core.schedule import UpdateRule as UpdateRule
from limbeck.core.task import SPLITS as SPLITS
from limbeck.core.task import AbstractNetwork as AbstractNetwork
from limbeck.core.task import AbstractTask as AbstractTask
from limbeck.core.task import Metric as Metric
from limbeck.core.task import Readout as Readout
from limbeck.core.tree import Tree


@dataclass(frozen=True, eq=False)
class Synthetic:
    """What an objective is shown."""

    batch: Batch
    """One view of the set."""
    schedule: Schedule
    source: Tree
    """What views are rendered from, differentiable; the batch itself where there is one view."""
    view: Callable[[Tree, int], Batch]
    """view(source, step) -> what inner step `step` sees of the whole set; `source` where there is one view."""
    done: float = 0.0
    """The share of the steps of the distillation that is done, in [0, 1)."""
    origins: Int[Tensor, " item"] | None = None
    """As `AbstractParameterization.origins` says."""

    @classmethod
    def of(cls, batch: Batch, schedule: Schedule, origins: Int[Tensor, " item"] | None = None) -> Synthetic:
        """A set that every step sees alike."""
        return cls(batch, schedule, batch, lambda source, step: source, origins=origins)


class Parameters(NamedTuple):
    """What a parameterization has of a set."""

    learned: dict[str, Tree]
    """What is stepped, by group ("inputs", "targets", or names of its own; never "schedule"); every leaf floating.
    Each group may have an optimizer of its own."""
    fixed: Tree
    """What is kept and never stepped, of any type."""


class AbstractStart(AbstractPart):
    """Where a distillation starts from: a batch picked or made from the real data. With zero steps, a coreset."""

    taught: bool = False
    """Whether its targets are what a trained network says of its items."""
    represents: bool = False
    """Whether its targets are representations of its items, and no weights of classes."""
    makes: ClassVar[bool] = False
    """Whether its items are made of real examples, and none are real: it is no selection that sets are held against."""

    def bytes_per_item(self, task: AbstractTask) -> int:
        """What one of its items takes to store, label included: by default what a real example takes."""
        return task.bytes_per_example

    def numbers_per_item(self, task: AbstractTask) -> int:
        """How many numbers one of its items has, with its label: by default as many as a real example."""
        return task.numbers_per_example

    @abstractmethod
    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        """`per_class` items of every class, class by class; or as many in all, of each class as it says."""

    def check(self, problem: Problem) -> None:
        """InputError for data that it cannot pick from, before anything is computed; by default it can from any."""

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """The computations whose outcomes it picks by, which may be done before; none by default."""
        return ()


class AbstractParameterization(AbstractPart):
    """What is learned -> synthetic batch, and what of it lies on disk."""

    views: bool = False
    """Whether another key gives another view of the set."""
    taught: bool = False
    """Whether, once a run has ended, its targets are what a trained network says of its items."""
    relates: ClassVar[bool] = False
    """Whether its targets say how alike each two items are."""
    shared: tuple[str, ...] = ()
    """The groups of what is learned that all items are made by."""

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """The computations whose outcomes it begins or is finished by; none by default. InputError where it cannot."""
        return ()

    @abstractmethod
    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """Parameters that render near `start`, each leaf where those leaves of `start` lie that it is used with.

        What is learned is moved to the device, and what is fixed stays where it is put here: classes on the CPU.
        """

    def cost(self, task: AbstractTask, per_class: int) -> int:
        """The bytes of what is learned of the inputs of `per_class` items of every class, as they are stored.

        By default those of their numbers in 32 bits. It grows with `per_class`. Sizes are counted so in the literature;
        what a set costs with its labels and all else that is kept is measured on what is stored.
        """
        return FLOAT * tree.numel(task.shape) * per_class * len(task.classes)

    @abstractmethod
    def render(self, params: Parameters, key: Key) -> Batch:
        """The synthetic batch, differentiable in `params.learned`; the key picks a view where there are several."""

    def origins(self, params: Parameters) -> Int[Tensor, " item"] | None:
        """What each item is a variation of, as numbers on the CPU; None where each is by itself, as by default."""
        return None

    def stored(self, params: Parameters) -> Parameters:
        """What lies on disk, in the types that lie there: it renders too, and is stored as itself.

        By default the same numbers, floats in 32 bits at most and integers in as few as hold them.
        """
        return tree.compact(params)

    def counted(self, params: Parameters) -> Counted:
        """What of stored parameters is of inputs, labels, and of all items; by default by the names of leaves."""
        return Counted.of(params.learned, params.fixed, self.shared)

    def pictured(self, params: Parameters, classes: Sequence[str]) -> tuple[Pictured, ...]:
        """Stored parameters as pictures, where they are more than the items; by default none. `classes` are names."""
        return ()

    def settled(self, params: Parameters, problem: Problem) -> Parameters:
        """Where a step led, brought back to where it is to stay, groups of others as they are; by default anywhere."""
        return params

    def finished(self, params: Parameters, problem: Problem) -> Parameters:
        """What is kept of what a run came to; it renders as `params` does but for targets. By default all as it is."""
        return params


class AbstractSchedule(AbstractPart):
    """How a synthetic set is meant to be trained on, stated or learned with it."""

    binding: bool = False
    """Whether a set is meant to be trained on exactly so, and another training says little of it."""

    @abstractmethod
    def init(self, count: int, key: Key) -> Tree:
        """What is learned of the schedule of a set of `count` items: a dict of tensors, empty where it is stated."""

    def begin(self, problem: Problem, count: int, key: Key) -> Tree:
        """What is learned of it for a problem: by default what `init` gives; InputError where it cannot be."""
        return self.init(count, key)

    @abstractmethod
    def render(self, params: Tree, classes: Int[Tensor, " item"], key: Key) -> Schedule:
        """The schedule over items of those classes, differentiable in `params`; the key draws the order.

        The order is on the CPU, learning rates are where `params` are.
        """


class Teaching(NamedTuple):
    """Who says what a learner goes by: a network that is trained on all real data, then frozen."""

    protocol: AbstractProtocol
    """How it is trained."""
    network: str
    """Which network it is; "" is that of the learner."""
    temperature: float
    """What both of their outputs are divided by."""


class AbstractProtocol(AbstractPart):
    """How a learner is trained on a set when it is scored: a value printed beside every number.

    `own` is the schedule that the set carries; for a baseline, that of the set it is held against.
    """

    augment: AbstractAugmentation | None
    """The augmentation of training."""
    average: float = 0.0
    """The decay of the running mean of a learner's parameters, which is read in their place; 0: they are read."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What a row of scores says: a published name, and what was changed of it. `str` spells it out."""

    @property
    def uses_own(self) -> bool:
        """Whether anything of `own` is used; where not, it may be None."""
        return False

    @property
    def uses_initialisation(self) -> bool:
        """Whether a set that carries the parameters of a network is trained on from those."""
        return False

    @property
    def teaching(self) -> Teaching | None:
        """Who labels what each step sees, in place of the labels that are stored; None: nobody."""
        return None

    def learner(self, task: AbstractTask, network: AbstractNetwork) -> AbstractNetwork:
        """What is trained where `network` is asked for: that, or what a protocol brings; InputError where it cannot."""
        return network

    @abstractmethod
    def schedule(self, own: Schedule | None, count: int, key: Key) -> Schedule:
        """The schedule over `count` items, which `own` is over too (`Schedule.for_count`); the key draws the order."""

    @abstractmethod
    def full_schedule(self, own: Schedule | None, count: int, steps: int, key: Key) -> Schedule:
        """The schedule over all real data, `count` examples, where a distilled set gets `steps` steps."""


class AbstractObjective(AbstractPart):
    """How far a synthetic set is from the real task."""

    shared: str = ""
    """What of a step several processes share (`core/ranks.py`), in words; "": nothing, each would do all of it."""

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """The computations whose outcomes it measures by; none by default. InputError where it cannot measure."""
        return ()

    @abstractmethod
    def init(self, problem: Problem, key: Key) -> Tree:
        """The state before the first step: a tree of tensors, empty where none is needed.

        Numbers that Python decides by (steps, ages, accuracies that end a training) are on the CPU.
        """

    @abstractmethod
    def loss(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Float[Tensor, ""]:
        """The distance, differentiable in `synthetic`."""

    @abstractmethod
    def advance(self, state: Tree, problem: Problem, synthetic: Synthetic, key: Key) -> Tree:
        """The state after a step that left the synthetic set as shown."""

    def losses(
        self, state: Tree, problem: Problem, candidates: Sequence[Synthetic], key: Key
    ) -> Float[Tensor, " candidate"]:
        """The loss of each of several sets under equal draws; here one after the other."""
        return torch.stack([self.loss(state, problem, each, key) for each in candidates])

    def initialisation(self, problem: Problem) -> Tree | None:
        """The parameters of the network that the set is meant to be trained from; None: from any."""
        return None

    def piece(self, problem: Problem, items: int) -> Piece | None:
        """A part of a step on a set of so many items, where a step may be long work; by default none is."""
        return None

    def later(self, state: Tree) -> Later | None:
        """Where steps begin to take otherwise than at first, from any state; None: all take alike, as by default."""
        return None


class AbstractEstimator(AbstractPart):
    """How the gradient of a loss is had."""

    @abstractmethod
    def gradient(self, loss: Callable[[Tree], Tensor], learned: Tree, key: Key) -> tuple[Tensor, Tree]:
        """`loss(learned)`, a 0-d tensor, and its gradient in every leaf; both cut from any graph."""
