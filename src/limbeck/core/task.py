"""What is learned: a task, its examples, the codec between its units and a network's, and networks as functions.

The first half of the contracts; `contracts.py` has the other, and hands on all of these names.
"""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.augmentation import AbstractAugmentation as AbstractAugmentation
from limbeck.core.batch import Batch as Batch
from limbeck.core.codec import AbstractCodec as AbstractCodec
from limbeck.core.key import Key
from limbeck.core.provenance import source_of
from limbeck.core.tree import Tree
from limbeck.core.units import measured

SPLITS = ("train", "validation", "test")


class Readout(NamedTuple):
    """What a network says of its inputs."""

    features: Float[Tensor, "example feature"]
    """What enters the last layer."""
    outputs: Float[Tensor, "example output"]


class AbstractNetwork(ABC):
    """A network as pure functions of its parameters."""

    name: str

    @property
    def source(self) -> dict[str, str]:
        """Where its code comes from: what `source_of` says, {} for limbeck's own."""
        return source_of(type(self))

    @abstractmethod
    def init(self, key: Key) -> Tree:
        """The parameters of one learner: a dict of tensors by name, on the CPU."""

    @abstractmethod
    def statistics(self) -> Tree:
        """The running statistics of a learner before it has seen anything; an empty dict where there are none."""

    @property
    def keeps_statistics(self) -> bool:
        """Whether there are running statistics."""
        return bool(self.statistics())

    @abstractmethod
    def apply(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> Readout:
        """The readout of `inputs`, normalised by running `statistics` where given, else by the batch's own."""

    @abstractmethod
    def layers(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> tuple[Tensor, ...]:
        """What each layer makes of `inputs`, in order, each (example, ...); the features of the readout come last."""

    def entering(
        self, params: Tree, inputs: Tree, statistics: Tree | None = None
    ) -> tuple[Readout, tuple[Tensor, ...]]:
        """The readout, and what enters each normalisation, in order, each (example, channel, ...); none by default."""
        return self.apply(params, inputs, statistics), ()

    def attention(
        self, params: Tree, inputs: Tree, statistics: Tree | None = None
    ) -> tuple[Readout, tuple[Tensor, ...]]:
        """The readout, and how much each place attends to each in each layer, in order; none by default.

        A layer has weights (example, head, place, place seen), whose rows sum to 1, or to 0 where nothing is seen.
        """
        return self.apply(params, inputs, statistics), ()

    @abstractmethod
    def track(self, params: Tree, inputs: Tree, statistics: Tree) -> tuple[Readout, Tree]:
        """The readout by the batch's own statistics, and the running statistics after seeing the batch."""


class Metric(NamedTuple):
    """One number that a task is scored by."""

    name: str
    unit: str
    """ "fraction" for shares in [0, 1], "" for bare numbers."""
    higher_is_better: bool

    def text(self, value: float) -> str:
        """A value in words: a fraction in per cent.

        >>> Metric("accuracy", "fraction", True).text(0.4328), Metric("work", "kWh", False).text(12.345)
        ('43.3 %', '12.35 kWh')
        """
        return measured(value, self.unit)

    @property
    def limits(self) -> tuple[float, float]:
        """The least and the largest value that it can have."""
        return (0.0, 1.0) if self.unit == "fraction" else (-math.inf, math.inf)


def label_bytes(classes: int) -> int:
    """The bytes of the smallest unsigned integer that numbers so many classes.

    >>> label_bytes(10), label_bytes(256), label_bytes(257)
    (1, 1, 2)
    """
    return next(size for size in (1, 2, 4, 8) if classes <= 256**size)


class AbstractTask(ABC):
    """What is learned and how it is evaluated. Splits are "train", "validation" and "test"."""

    name: str
    """The name that `limbeck.load` takes."""
    classes: tuple[str, ...]
    """The names of the groups by class; a single one where there are no classes."""
    shape: Tree
    """The shape of one input: a tuple, or a dict of them; a side of `tree.EXAMPLES` is as long as the batch."""
    fingerprint: str
    """A digest of the data and of every choice made in preparing it."""
    metrics: tuple[Metric, ...]
    """What `evaluate` gives; the first is the one reported."""
    codec: AbstractCodec
    """From native units to what a network sees, and back."""
    notes: tuple[str, ...] = ()
    """What a reader of any result on this task must know."""
    tied: bool = False
    """Whether the loss of an example depends on what else is in its batch, so that a part is not read by itself."""

    @property
    def reference(self) -> dict[str, Any]:
        """What `limbeck.tasks.reload` makes the task again from: its name, options of `load`, and fingerprint; JSON."""
        return {"name": self.name, "fingerprint": self.fingerprint}

    @property
    def bytes_per_example(self) -> int:
        """What one real example takes to store, label included: here 4 bytes a number, and a label as an integer.

        Targets that are no choice of one class are numbers, too.
        """
        label = label_bytes(len(self.classes)) if self._labelled else 4 * self._target_numbers
        return 4 * tree.numel(self.shape) + label

    @property
    def numbers_per_example(self) -> int:
        """How many numbers one real example has: those of its inputs, and one for its class or those of its targets."""
        return tree.numel(self.shape) + (1 if self._labelled else self._target_numbers)

    @functools.cached_property
    def _target_numbers(self) -> int:
        return sum(leaf.numel() for leaf in tree.leaves(self.load("train", torch.tensor([0])).targets))

    @property
    def _labelled(self) -> bool:
        """Whether the target of an example is the choice of one class."""
        targets, count = self.load("train", torch.tensor([0])).targets, len(self.classes)
        return count > 1 and isinstance(targets, Tensor) and targets.shape == (1, count)

    @abstractmethod
    def groups(self, split: str, by: str = "class") -> tuple[Int[Tensor, " row"], ...]:
        """The rows of `split` in each group, every row in one, each group ascending; InputError for an unknown `by`.

        By "class" there is a group for each of `classes`, in their order.
        """

    @abstractmethod
    def load(self, split: str, rows: Int[Tensor, " example"] | None = None) -> Batch:
        """The given rows of `split` (all, where none are given) as a network sees them, in memory."""

    def load_on(self, device: torch.device, split: str, rows: Int[Tensor, " example"] | None = None) -> Batch:
        """What `load` gives, on a device; where a task can, decoded there, equal but for rounding."""
        return self.load(split, rows).to(device)

    def in_place(self, device: torch.device, split: str, rows: Int[Tensor, " example"] | None = None) -> Batch:
        """The given rows of `split` where they lie, on a device: as they are judged, and as all real data train.

        It is what `load_on` gives, but where examples are tied to others: the nodes of a graph are read amid all of its
        nodes, and not as a graph of their own. Such a batch may have inputs of another form than `shape`.
        """
        return self.load_on(device, split, rows)

    def native(self, split: str, rows: Int[Tensor, " example"] | None = None) -> Tree:
        """The inputs of the given rows of `split` in native units."""
        return self.codec.decode(self.load(split, rows).inputs)

    def take(self, batch: Batch, rows: Tensor) -> Batch:
        """The examples of a batch at `rows` (indices or a mask), differentiable in the batch.

        Every leaf is indexed on its first axis; a graph's adjacency on both of its axes.
        """
        return tree.rows(batch, rows)

    def amid(self, batch: Batch, rows: Tensor) -> Batch:
        """A batch whose mean loss is that of its examples at `rows`, each seen as in the whole batch.

        It is what `take` gives, but where examples are tied to one another, so that a part is another thing: there the
        targets of all others weigh nothing.
        """
        return self.take(batch, rows)

    def join(self, batches: Sequence[Batch]) -> Batch:
        """The examples of several batches as one; `take` of each part's rows gives that part.

        Every leaf is lengthened on its first axis; the adjacencies of graphs become blocks.
        """
        return tree.cat(batches)

    def augment(
        self, batch: Batch, key: Key, groups: Int[Tensor, " example"], policy: AbstractAugmentation | None
    ) -> Batch:
        """The batch under an augmentation, where it makes sense: here as it is.

        What each example's group draws depends on `key` and the group's number alone, so that equal groups of real
        and synthetic batches are treated alike; `arange` draws for each example by itself.
        """
        return batch

    @abstractmethod
    def network(self, name: str) -> AbstractNetwork:
        """The network of that name, sized for this task; InputError for an unknown one."""

    @abstractmethod
    def loss(self, outputs: Float[Tensor, "example output"], targets: Tree) -> Float[Tensor, " example"]:
        """The loss of each example."""

    def sides(self, outputs: Float[Tensor, "example output"]) -> tuple[Float[Tensor, "example number"], ...]:
        """What outputs say of each part of an example that is embedded by itself: of a pair two, else themselves."""
        return (outputs,)

    @abstractmethod
    def evaluate(self, predict: Callable[[Tree], Tensor], split: str, key: Key) -> dict[str, float]:
        """The value of each of `metrics` by name, of a function from inputs to outputs, on `split`."""

    def evaluate_together(
        self, predicts: Sequence[Callable[[Tree], Tensor]], split: str, key: Key
    ) -> list[dict[str, float]]:
        """What `evaluate` gives for each of several learners; where that is faster, side by side."""
        return [self.evaluate(predict, split, key) for predict in predicts]

    def measure(self, outputs: Float[Tensor, "example output"], examples: Batch) -> dict[str, float] | None:
        """The value of each of `metrics` on some examples, from outputs; None where it takes more than outputs."""
        return None

    def describe(self) -> dict[str, Any]:
        """What the task holds, as JSON: counts of its groups by split, what it is scored by, notes and warnings."""
        counts = {}
        for split in SPLITS:
            counts[split] = {name: len(rows) for name, rows in zip(self.classes, self.groups(split), strict=True)}
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "shape": tree.plain_shape(self.shape),
            "classes": list(self.classes),
            "counts": counts,
            "metrics": [metric._asdict() for metric in self.metrics],
            "codec": self.codec.header(),
            "notes": list(self.notes),
            "warnings": [],
        }
