"""The task of naming the class of an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.codecs import ImageCodec
from limbeck.core.contracts import AbstractAugmentation, AbstractNetwork, AbstractTask, Batch, Metric
from limbeck.core.errors import InputError, unknown
from limbeck.core.key import Key
from limbeck.core.placing import cpu, onto
from limbeck.core.task import label_bytes
from limbeck.core.tree import Tree
from limbeck.tasks.levels import bytes_per_pixel
from limbeck.tasks.places import without_place
from limbeck.tasks.readers.source import Array
from limbeck.tasks.resident import resident

_AT_ONCE = 1000


@dataclass(frozen=True, eq=False)
class Split:
    """Some rows of the decoded images, and their labels."""

    images: Array
    """(row, channel, height, width) of every split together, uint8 in 0..255 or float32 in [0, 1]."""
    rows: Array
    """(example,) the rows that belong to this split."""
    labels: Array
    """(example,) int64."""

    def __len__(self) -> int:
        return len(self.rows)

    def pixels(
        self, rows: Int[Tensor, " example"], device: torch.device | None = None
    ) -> Float[Tensor, "example channel height width"]:
        """The images at the given positions of the split, in [0, 1], from where they lie as they are stored.

        On the CPU, where no device is named.
        """
        device = device or cpu()
        at, held = self.rows[rows.numpy()], resident(self.images, device)
        if held is None:
            # Fancy indexing copies out of the memory map, so the tensor is writable and ours.
            taken = onto(torch.from_numpy(self.images[at]), device)
        else:
            taken = held[onto(torch.from_numpy(at), device)]
        return taken if taken.is_floating_point() else taken.to(torch.float32).div_(255)


@dataclass(frozen=True, eq=False)
class ImageTask(AbstractTask):
    """Image classification, evaluated by the fraction of images whose largest output is their class."""

    name: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    """(channel, height, width)."""
    fingerprint: str
    codec: ImageCodec
    mirror: bool
    """Whether a mirrored image is still of its class."""
    splits: Mapping[str, Split] = field(repr=False)
    options: Mapping[str, bool | int | float | str | None]
    """What `limbeck.load` was asked beside the name: zca, size and mirror, and of the others those that were said."""
    notes: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = (Metric("accuracy", "fraction", True),)

    @property
    def reference(self) -> dict[str, Any]:
        """Its name without its place, options and fingerprint: what `limbeck.tasks.reload` makes it again from."""
        return {"name": without_place(self.name), **self.options, "fingerprint": self.fingerprint}

    def split(self, name: str) -> Split:
        """The split of that name; InputError for an unknown one."""
        if name not in self.splits:
            raise unknown("split", name, self.splits)
        return self.splits[name]

    @cached_property
    def bytes_per_example(self) -> int:
        """The bytes of an image in integers that hold it without loss, where there are, and of its label as one."""
        train = self.splits["train"]
        return math.prod(self.shape) * bytes_per_pixel(train.images, train.rows) + label_bytes(len(self.classes))

    @cached_property
    def _classes(self) -> dict[str, tuple[Tensor, ...]]:
        return {
            name: tuple((torch.from_numpy(split.labels) == label).nonzero()[:, 0] for label in range(len(self.classes)))
            for name, split in self.splits.items()
        }

    def groups(self, split: str, by: str = "class") -> tuple[Int[Tensor, " row"], ...]:
        """The rows of `split` that hold each class, in the order of `classes`, each ascending."""
        self.split(split)
        if by != "class":
            raise unknown("grouping", by, ("class",))
        return self._classes[split]

    def load(self, split: str, rows: Int[Tensor, " example"] | None = None) -> Batch:
        """The given rows of `split` (all, where none are given): float32 inputs, one-hot targets, int64 classes."""
        return self.load_on(cpu(), split, rows)

    def load_on(self, device: torch.device, split: str, rows: Int[Tensor, " example"] | None = None) -> Batch:
        """What `load` gives, on a device, from integers that lie there; no core waits for the rest."""
        chosen = self.split(split)
        at = torch.arange(len(chosen)) if rows is None else rows.cpu()
        inputs = torch.empty(len(at), *self.shape, device=device)
        # Piece by piece into place, so that a large split is held once and not three times.
        for piece, into in zip(at.split(_AT_ONCE), inputs.split(_AT_ONCE), strict=True):
            into.copy_(self.codec.encode(chosen.pixels(piece, device)))
        classes = torch.from_numpy(chosen.labels[at.numpy()])
        targets = torch.nn.functional.one_hot(classes, len(self.classes)).to(torch.float32)
        return Batch(inputs, onto(targets, device), classes)

    def native(
        self, split: str, rows: Int[Tensor, " example"] | None = None
    ) -> Float[Tensor, "example channel height width"]:
        """The pixels of the given rows of `split`, in [0, 1]."""
        chosen = self.split(split)
        return chosen.pixels(torch.arange(len(chosen)) if rows is None else rows.cpu())

    def augment(
        self, batch: Batch, key: Key, groups: Int[Tensor, " example"], policy: AbstractAugmentation | None
    ) -> Batch:
        """The batch under `policy`, without flips where a mirrored image may be of another class."""
        if policy is None:
            return batch
        policy = policy if self.mirror else policy.without("flip")
        return policy.examples(batch, key, groups)

    def network(self, name: str) -> AbstractNetwork:
        """The network of that name for images of this shape; InputError for an unknown one."""
        from limbeck.learn import networks

        return networks.build(name, self.shape, len(self.classes))

    def loss(
        self, outputs: Float[Tensor, "example output"], targets: Float[Tensor, "example weight"]
    ) -> Float[Tensor, " example"]:
        """Cross-entropy with soft targets, -sum_c target_c log softmax(outputs)_c, in nats.

        InputError where targets are of another shape, as representations are.
        """
        if targets.shape != outputs.shape:
            raise InputError(
                f"{self.name}: found targets {tuple(targets.shape)}, expected a weight for each class, "
                f"{tuple(outputs.shape)}; representations are learned from with --protocol linear alone"
            )
        return -(targets * outputs.log_softmax(-1)).sum(-1)

    def evaluate(self, predict: Callable[[Tree], Tensor], split: str, key: Key) -> dict[str, float]:
        """{"accuracy": fraction in [0, 1]} of the images of `split` whose largest output is their class.

        `predict` maps inputs (example, channel, height, width) to outputs (example, output).
        """
        correct, count = 0, len(self.split(split))
        with torch.no_grad():
            for rows in torch.arange(count).split(_AT_ONCE):
                batch = self.load(split, rows)
                correct += int((predict(batch.inputs).argmax(-1).cpu() == batch.classes).sum())
        return {"accuracy": correct / count}

    def measure(self, outputs: Float[Tensor, "example output"], examples: Batch) -> dict[str, float]:
        """{"accuracy": the share of examples whose largest output is their class}."""
        return {"accuracy": float((outputs.argmax(-1) == examples.classes).to(torch.float64).mean())}

    def describe(self) -> dict[str, Any]:
        """Counts, pixel ranges, duplicates, conflicting labels, the codec, notes and warnings: JSON."""
        from limbeck.tasks.describe import describe

        return describe(self)
