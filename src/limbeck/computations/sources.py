"""What a learner is trained on: items of a set, real examples, both, all real examples, or a coreset."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from limbeck.computations.contract import AbstractComputation, ProbeContext, TrainingSet
from limbeck.core import tree
from limbeck.core.contracts import AbstractProtocol, AbstractStart, AbstractTask, Batch, Problem
from limbeck.core.errors import InputError
from limbeck.core.expect import AbstractPart
from limbeck.core.key import Key
from limbeck.core.placing import cpu, onto
from limbeck.core.tree import Tree
from limbeck.learn.training import Learner, RowLoader, row_loader


class AbstractSource(AbstractPart):
    """What a learner is trained on."""

    @property
    @abstractmethod
    def depends_on_set(self) -> bool:
        """Whether there are items of the set in it."""

    @property
    def is_whole_set(self) -> bool:
        """Whether it is all items of the set in their order, and nothing else; by default it is not."""
        return False

    @abstractmethod
    def count(self, context: ProbeContext) -> int:
        """How many examples it has."""

    @abstractmethod
    def examples(self, context: ProbeContext, seed: int) -> tuple[RowLoader, int]:
        """How the learner of a seed is given the rows of each step, and how many rows there are."""

    def needs(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """The computations whose outcomes say which examples they are; none by default."""
        return ()


@dataclass(frozen=True)
class Mixture(AbstractSource):
    """Items of the set, real training examples of every class, or both.

    Real examples of a larger mixture include those of a smaller one with the same `shuffle`.
    """

    items: tuple[int, ...] | None = None
    """Which items of the set; all of them where None."""
    real: int = 0
    """How many real examples of every class."""
    shuffle: int = 0
    """Which order the real examples are taken in."""
    clipped: bool = False
    """Whether the items are clipped, in native units, to the nearest that real data could be."""
    levels: int = 0
    """To how many levels the items are rounded, in native units: as many as lie, evenly spaced, from the least to the
    largest value that a channel of the set has. 256 are what 8 bits hold; 0: none, they stay as they are."""

    @property
    def depends_on_set(self) -> bool:
        """Whether there are items of the set in it."""
        return self.items is None or bool(self.items)

    @property
    def is_whole_set(self) -> bool:
        """Where no items are named, and there are no real examples."""
        return self.items is None and not self.real

    def count(self, context: ProbeContext) -> int:
        """How many examples it has (with as many real ones as asked for)."""
        items = len(context.distilled) if self.items is None else len(self.items)
        return items + self.real * len(context.problem.task.classes)

    def batch(self, context: ProbeContext) -> Batch:
        """The examples, those of the set first; one view of them where there are several."""
        chosen = [self._chosen(context, context.distilled.batch)] if self.depends_on_set else []
        return context.problem.task.join([*chosen, *self._real(context)])

    def examples(self, context: ProbeContext, seed: int) -> tuple[RowLoader, int]:
        """The same examples for every seed; of a set with views the view of each step under the seed's key."""
        task, batch = context.problem.task, self.batch(context)
        if not (self.depends_on_set and context.distilled.views):
            return row_loader(task, batch.to(context.problem.device)), len(batch.classes)
        drawn, key = self._real(context), training_key(seed)

        def load(rows: Tensor, step: int) -> Batch:
            chosen = self._chosen(context, context.distilled.view(key, step))
            return task.take(task.join([chosen, *drawn]), rows)

        return load, len(batch.classes)

    def _chosen(self, context: ProbeContext, whole: Batch) -> Batch:
        """Those of the set's items that are asked for."""
        task = context.problem.task
        stored = whole._replace(inputs=self._stored(task, whole.inputs))
        rows = torch.arange(len(whole.classes)) if self.items is None else torch.tensor(self.items)
        return task.take(stored, rows)

    def _real(self, context: ProbeContext) -> list[Batch]:
        """The real examples, where there are any."""
        if not self.real:
            return []
        return [real(context.problem, self.real, self.shuffle)]

    def _stored(self, task: AbstractTask, inputs: Tree) -> Tree:
        """What is left of the set where it is kept as this says."""
        if not (self.clipped or self.levels):
            return inputs
        native = task.codec.decode(inputs)
        native = task.codec.clip(native) if self.clipped else native
        return task.codec.encode(tree.map(lambda leaf: rounded(leaf, self.levels), native) if self.levels else native)


@dataclass(frozen=True)
class HardLabelled(AbstractSource):
    """All items of the set, each under the one class that it is of."""

    @property
    def depends_on_set(self) -> bool:
        """It does."""
        return True

    @property
    def is_whole_set(self) -> bool:
        """It is."""
        return True

    def count(self, context: ProbeContext) -> int:
        """How many items the set has."""
        return len(context.distilled)

    def examples(self, context: ProbeContext, seed: int) -> tuple[RowLoader, int]:
        """Those of the set, as a learner of it is given them, with one class for a target."""
        load, count = Mixture().examples(context, seed)

        def labelled(rows: Tensor, step: int) -> Batch:
            batch = load(rows, step)
            hard = nn.functional.one_hot(batch.classes, len(context.problem.task.classes)).to(batch.targets.dtype)
            return batch._replace(targets=onto(hard, batch.targets.device))

        return labelled, count


def rounded(leaf: Shaped[Tensor, " item *shape"], levels: int) -> Shaped[Tensor, " item *shape"]:
    """Numbers at the nearest of `levels` evenly spaced ones between the least and the largest of their channel.

    A channel is an index of the second axis where there are more axes; else all are one. What is no fraction stays.

    >>> rounded(torch.tensor([[0.0, 0.4, 1.0]]), 2).tolist()
    [[0.0, 0.0, 1.0]]
    """
    if not leaf.is_floating_point():
        return leaf
    channels = leaf.movedim(1, 0).flatten(1) if leaf.dim() > 2 else leaf.reshape(1, -1)
    low, high = channels.amin(1, keepdim=True), channels.amax(1, keepdim=True)
    size = ((high - low) / (levels - 1)).clamp(min=torch.finfo(leaf.dtype).tiny)
    found = low + ((channels - low) / size).round() * size
    if leaf.dim() > 2:
        return found.reshape(leaf.movedim(1, 0).shape).movedim(0, 1).contiguous()
    return found.reshape(leaf.shape)


def training_key(seed: int) -> Key:
    """The randomness of the learner of a seed: its initial parameters, the order and the views of what it sees."""
    return Key(("train", seed))


def real(problem: Problem, per_class: int, shuffle: int) -> Batch:
    """`per_class` real training examples of every class, on the CPU; with fewer, those there are stay the same."""
    rows = problem.real_rows(Key(("mixture", shuffle)), per_class)
    return problem.task.load_on(problem.device, "train", rows).to(cpu())


@dataclass(frozen=True)
class AllReal(AbstractSource):
    """All real training examples, read from disk as they are needed."""

    @property
    def depends_on_set(self) -> bool:
        """It does not."""
        return False

    def count(self, context: ProbeContext) -> int:
        """How many real training examples there are."""
        return training_count(context.problem.task)

    def examples(self, context: ProbeContext, seed: int) -> tuple[RowLoader, int]:
        """The rows of the train split, class by class."""
        task, device = context.problem.task, context.problem.device
        every = torch.cat(task.groups("train"))
        return (lambda rows, step: task.in_place(device, "train", every[rows])), len(every)


@dataclass(frozen=True)
class Coreset(AbstractSource):
    """Real examples that a start chooses, anew for each seed."""

    start: AbstractStart
    per_class: int

    @property
    def depends_on_set(self) -> bool:
        """It does not."""
        return False

    def count(self, context: ProbeContext) -> int:
        """How many examples are chosen."""
        return self.per_class * len(context.problem.task.classes)

    def examples(self, context: ProbeContext, seed: int) -> tuple[RowLoader, int]:
        """The examples chosen for that seed."""
        batch = self.start.pick(context.problem, self.per_class, Key(("baseline", seed))).to(cpu())
        return row_loader(context.problem.task, batch), len(batch.classes)

    def needs(self, context: ProbeContext) -> tuple[AbstractComputation, ...]:
        """What the start picks by."""
        return self.start.needs(context.problem)


def training_count(task: AbstractTask) -> int:
    """How many real training examples there are."""
    return sum(len(rows) for rows in task.groups("train"))


def all_alike(distilled: TrainingSet, protocol: AbstractProtocol) -> bool:
    """Whether all learners of a set are one: it says where they begin, and nothing of their training is drawn."""
    drawn = distilled.views or protocol.augment is not None
    return protocol.uses_initialisation and distilled.initialisation is not None and not drawn


def placed(learner: Learner, distilled: TrainingSet) -> Learner:
    """The learner where a set says that training begins; InputError where that is of another network."""
    ours, given = tree.flatten(learner.params), tree.flatten(distilled.initialisation)
    shapes = [{path: leaf.shape for path, leaf in flat.items()} for flat in (ours, given)]
    if shapes[0] != shapes[1]:
        raise InputError(
            "the set is to be trained from parameters of another network; expected its own (leave out --network), or "
            "a protocol that begins anywhere, such as yang2024"
        )
    return learner._replace(params=tree.unflatten(learner.params, {path: given[path].to(ours[path]) for path in ours}))
