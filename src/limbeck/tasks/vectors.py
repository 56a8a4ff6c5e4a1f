"""The task of naming the class of a vector of numbers that is in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.codecs.standardised import Standardised
from limbeck.core.contracts import AbstractNetwork, AbstractTask, Batch, Metric
from limbeck.core.errors import unknown
from limbeck.core.key import Key
from limbeck.core.tree import Tree


@dataclass(frozen=True, eq=False)
class VectorTask(AbstractTask):
    """Classification of vectors, evaluated by the fraction whose largest output is their class.

    It lives in this process alone: no other can load it again by its name.
    """

    name: str
    classes: tuple[str, ...]
    codec: Standardised
    splits: Mapping[str, tuple[Float[Tensor, "example number"], Int[Tensor, " example"]]] = field(repr=False)
    """Vectors in native units and the class of each, by split."""
    metrics: tuple[Metric, ...] = (Metric("accuracy", "fraction", True),)
    shape: tuple[int, ...] = field(init=False)
    """(number,)."""
    fingerprint: str = field(init=False)
    """A digest of all vectors and classes."""

    def __post_init__(self) -> None:
        hasher = hashlib.sha256("\0".join(self.classes).encode())
        for split, (vectors, labels) in sorted(self.splits.items()):
            hasher.update(f"{split} {tuple(vectors.shape)}".encode())
            hasher.update(vectors.contiguous().numpy().tobytes())
            hasher.update(labels.contiguous().numpy().tobytes())
        object.__setattr__(self, "shape", (len(self.codec.mean),))
        object.__setattr__(self, "fingerprint", hasher.hexdigest())

    def _split(self, name: str) -> tuple[Tensor, Tensor]:
        if name not in self.splits:
            raise unknown("split", name, self.splits)
        return self.splits[name]

    def groups(self, split: str, by: str = "class") -> tuple[Int[Tensor, " row"], ...]:
        """The rows of `split` that hold each class, in the order of `classes`, each ascending."""
        labels = self._split(split)[1]
        if by != "class":
            raise unknown("grouping", by, ("class",))
        return tuple((labels == label).nonzero()[:, 0] for label in range(len(self.classes)))

    def load(self, split: str, rows: Int[Tensor, " example"] | None = None) -> Batch:
        """The given rows of `split`: float32 inputs (example, number), one-hot targets, int64 classes."""
        vectors, labels = self._split(split)
        at = torch.arange(len(labels)) if rows is None else rows.cpu()
        inputs = self.codec.encode(vectors[at].double()).float()
        return Batch(inputs, torch.nn.functional.one_hot(labels[at], len(self.classes)).float(), labels[at])

    def network(self, name: str) -> AbstractNetwork:
        """The network of that name for so many numbers; InputError for an unknown one."""
        from limbeck.learn import networks

        return networks.vectors(name, len(self.codec.mean), len(self.classes))

    def loss(
        self, outputs: Float[Tensor, "example output"], targets: Float[Tensor, "example output"]
    ) -> Float[Tensor, " example"]:
        """Cross-entropy with soft targets, in nats."""
        return -(targets * outputs.log_softmax(-1)).sum(-1)

    def evaluate(self, predict: Callable[[Tree], Tensor], split: str, key: Key) -> dict[str, float]:
        """{"accuracy": fraction in [0, 1]} of the vectors of `split` whose largest output is their class."""
        examples = self.load(split)
        with torch.no_grad():
            return self.measure(predict(examples.inputs).cpu(), examples)

    def measure(self, outputs: Float[Tensor, "example output"], examples: Batch) -> dict[str, float]:
        """{"accuracy": the share of examples whose largest output is their class}."""
        return {"accuracy": float((outputs.argmax(-1) == examples.classes).double().mean())}
