"""Tasks of naming the class of an example that is in memory, whatever the example is."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractCodec, AbstractNetwork, AbstractTask, Batch, Metric
from limbeck.core.errors import unknown
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.tasks.places import without_place

AT_ONCE = 1000
"""Examples that go through a network together when it is judged."""


class Labelled(NamedTuple):
    """The examples of one split."""

    native: Tree
    """In the units of the data: leaves (example, ...)."""
    labels: Int[Tensor, " example"]
    """The class of each."""


@dataclass(frozen=True, eq=False)
class LabelledTask(AbstractTask):
    """Classification of examples that are in memory, evaluated by the share whose largest output is their class.

    A kind of data is one class below this one, which says its networks.
    """

    name: str
    classes: tuple[str, ...]
    codec: AbstractCodec
    splits: Mapping[str, Labelled] = field(repr=False)
    options: Mapping[str, bool | int | float | str | None] = field(default_factory=dict)
    """What `limbeck.load` was asked beside the name."""
    notes: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = (Metric("accuracy", "fraction", True),)

    @property
    def reference(self) -> dict[str, Any]:
        """Its name without its place, options and fingerprint: what `limbeck.tasks.reload` makes it again from."""
        return {"name": without_place(self.name), **self.options, "fingerprint": self.fingerprint}

    @cached_property
    def shape(self) -> Tree:
        """That of one input, as the codec makes it."""
        one = self.codec.encode(tree.rows(self._split("train").native, torch.tensor([0])))
        return tree.map(lambda leaf: tuple(leaf.shape[1:]), one)

    @cached_property
    def fingerprint(self) -> str:  # type: ignore[override]
        """A digest of every example and class, and of the codec."""
        hasher = hashlib.sha256("\0".join(self.classes).encode())
        for name, numbers in sorted(self.codec.to_tensors().items()):
            _digest(hasher, f"codec {name}", numbers)
        for split, (native, labels) in sorted(self.splits.items()):
            for path, leaf in tree.flatten(native).items():
                _digest(hasher, f"{split} {path}", leaf)
            _digest(hasher, f"{split} classes", labels)
        return hasher.hexdigest()

    def _split(self, name: str) -> Labelled:
        if name not in self.splits:
            raise unknown("split", name, self.splits)
        return self.splits[name]

    def groups(self, split: str, by: str = "class") -> tuple[Int[Tensor, " row"], ...]:
        """The rows of `split` that hold each class, in the order of `classes`, each ascending."""
        self._split(split)
        if by != "class":
            raise unknown("grouping", by, ("class",))
        return self._classes[split]

    @cached_property
    def _classes(self) -> dict[str, tuple[Tensor, ...]]:
        """By split: each step of many objectives asks for them."""
        return {
            name: tuple((split.labels == label).nonzero()[:, 0] for label in range(len(self.classes)))
            for name, split in self.splits.items()
        }

    def native(self, split: str, rows: Int[Tensor, " example"] | None = None) -> Tree:
        """The examples of the given rows of `split`, as they came."""
        native = self._split(split).native
        return native if rows is None else tree.rows(native, rows.cpu())

    def load(self, split: str, rows: Int[Tensor, " example"] | None = None) -> Batch:
        """The given rows of `split`: float32 inputs, one-hot targets, int64 classes."""
        labels = self._split(split).labels
        classes = labels if rows is None else labels[rows.cpu()]
        inputs = tree.map(_float32, self.codec.encode(tree.map(_wide, self.native(split, rows))))
        return Batch(inputs, torch.nn.functional.one_hot(classes, len(self.classes)).float(), classes)

    @abstractmethod
    def network(self, name: str) -> AbstractNetwork:
        """The network of that name for these examples; InputError for an unknown one."""

    def loss(
        self, outputs: Float[Tensor, "example output"], targets: Float[Tensor, "example output"]
    ) -> Float[Tensor, " example"]:
        """Cross-entropy with soft targets, in nats."""
        return -(targets * outputs.log_softmax(-1)).sum(-1)

    def evaluate(self, predict: Callable[[Tree], Tensor], split: str, key: Key) -> dict[str, float]:
        """{"accuracy": fraction in [0, 1]} of the examples of `split` whose largest output is their class."""
        count = len(self._split(split).labels)
        with torch.no_grad():
            parts = [self.load(split, rows) for rows in torch.arange(count).split(AT_ONCE)]
            outputs = torch.cat([predict(part.inputs).cpu() for part in parts])
        return self.measure(outputs, Batch({}, {}, torch.cat([part.classes for part in parts])))

    def measure(self, outputs: Float[Tensor, "example output"], examples: Batch) -> dict[str, float]:
        """{"accuracy": the share of examples whose largest output is their class}."""
        return {"accuracy": float((outputs.argmax(-1) == examples.classes).double().mean())}


def _wide(leaf: Tensor) -> Tensor:
    """Numbers as they are encoded without loss; whatever is no number with a fraction stays."""
    return leaf.double() if leaf.is_floating_point() else leaf


def _float32(leaf: Tensor) -> Tensor:
    return leaf.float() if leaf.is_floating_point() else leaf


def _digest(hasher: Any, name: str, numbers: Tensor) -> None:
    hasher.update(f"{name} {tuple(numbers.shape)} {numbers.dtype}".encode())
    hasher.update(numbers.contiguous().numpy().tobytes())
