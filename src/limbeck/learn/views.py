"""Views of images as decoupled methods train on them: cut out and made large, mixed, and one after another."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractAugmentation, Batch
from limbeck.core.expect import expect, positive
from limbeck.core.key import Key
from limbeck.core.placing import onto
from limbeck.core.tree import Tree
from limbeck.learn.crops import draw_boxes, resized

Images = Float[Tensor, "example channel height width"]

BLOCK = 1024
"""Groups drawn at once; a group's draw depends on its number, never on which other groups are there."""


def by_group(
    groups: Int[Tensor, " example"], draw: Callable[[int], Shaped[Tensor, "group number"]], size: int = BLOCK
) -> Shaped[Tensor, "example number"]:
    """The row of each example's group, on the CPU, where `draw(block)` has those of the groups of a block of `size`.

    >>> by_group(torch.tensor([1025, 0]), lambda block: torch.arange(BLOCK)[:, None] + 10_000 * block).tolist()
    [[10001], [0]]
    """
    groups = groups.cpu()
    blocks, place = torch.unique(groups.div(size, rounding_mode="floor"), return_inverse=True)
    drawn = [draw(block) for block in blocks.tolist() or [0]]
    return torch.cat(drawn)[place * size + groups.remainder(size)]


@dataclass(frozen=True)
class ResizedCrop(AbstractAugmentation):
    """A random box of each image, made as large as the image (Szegedy et al., CVPR 2015).

    Its area is drawn from U(least, most), as a share of the image's, and its width over its height log-uniformly.
    """

    least: float = 0.08
    """The least area of a box, as a share of the image."""
    most: float = 1.0
    """The largest."""
    ratio: float = 4 / 3
    """Width over height lies between one over this and this."""

    def __post_init__(self) -> None:
        positive(self, "least", "most", "ratio")
        expect(self, "most", self.least <= self.most <= 1, f"a share from least, {self.least:g}, to 1")
        expect(self, "ratio", self.ratio >= 1, "a number of at least 1")

    def apply(self, inputs: Images, key: Key, groups: Int[Tensor, " example"]) -> Images:
        """What lies in the box that each image's group draws, read bilinearly."""
        sides = (inputs.shape[2], inputs.shape[3])
        areas, ratios = (self.least, self.most), (1 / self.ratio, self.ratio)
        boxes = by_group(groups, lambda block: draw_boxes(key.fold("boxes", block), BLOCK, sides, areas, ratios))
        return resized(inputs, boxes, sides)

    def without(self, operation: str) -> ResizedCrop:
        """Itself: it mirrors nothing."""
        return self

    def __str__(self) -> str:
        return f"crops of {self.least:g} to {self.most:g} of the area"


@dataclass(frozen=True)
class CutMix(AbstractAugmentation):
    """A box of each image is that of another of the same call, and its label is mixed alike (Yun et al., ICCV 2019).

    One box for all images of a call. A share is drawn from U(0, 1), which is Beta(1, 1), and the sides of the box are
    the root of that share of the image's; its centre is uniform and it is clipped at the borders. A target becomes
    (1 - a) y + a y', where a is the share of the pixels that lie within. What an example is mixed with is drawn among
    those of the call: unlike under other augmentations, it matters what else is there.
    """

    chance: float = 1.0
    """How likely it is that a call mixes at all."""

    def __post_init__(self) -> None:
        expect(self, "chance", 0 < self.chance <= 1, "a number above 0, to 1")

    def apply(self, inputs: Images, key: Key, groups: Int[Tensor, " example"]) -> Images:
        """The images with the box of another one each."""
        inside, partner = self._drawn(key, len(groups), (inputs.shape[2], inputs.shape[3]))
        return torch.where(onto(inside, inputs.device), inputs[onto(partner, inputs.device)], inputs)

    def examples(self, batch: Batch, key: Key, groups: Int[Tensor, " example"]) -> Batch:
        """The images so, and their targets; classes stay those of what is outside of the box."""
        inside, partner = self._drawn(key, len(groups), (batch.inputs.shape[2], batch.inputs.shape[3]))
        targets = _mixed(batch.targets, partner, float(inside.double().mean()))
        return batch._replace(inputs=self.apply(batch.inputs, key, groups), targets=targets)

    def without(self, operation: str) -> CutMix:
        """Itself: it mirrors nothing."""
        return self

    def _drawn(
        self, key: Key, count: int, sides: tuple[int, int]
    ) -> tuple[Shaped[Tensor, "height width"], Int[Tensor, " example"]]:
        """Which pixels lie in the box, and whose they are in each image; on the CPU."""
        cut, *centre = key.fold("box").uniform(3).tolist()
        cut *= _happens(self.chance, key)
        within = []
        for side, place in zip(sides, centre, strict=True):
            half, middle = math.floor(side * math.sqrt(cut)) // 2, math.floor(side * place)
            pixel = torch.arange(side)
            within.append((pixel >= middle - half) & (pixel < middle + half))
        return within[0][:, None] & within[1], key.fold("partner").permutation(count)

    def __str__(self) -> str:
        return f"CutMix{_often(self.chance)}"


@dataclass(frozen=True)
class Mixup(AbstractAugmentation):
    """Each input and its target are mixed with those of another of the same call (Zhang et al., ICLR 2018).

    x becomes (1 - a) x + a x', and a target y becomes (1 - a) y + a y'. One share a for all of a call is drawn from
    U(0, 1), which is Beta(1, 1). What an example is mixed with is drawn among those of the call, as by `CutMix`.
    """

    chance: float = 1.0
    """How likely it is that a call mixes at all."""

    def __post_init__(self) -> None:
        expect(self, "chance", 0 < self.chance <= 1, "a number above 0, to 1")

    def apply(self, inputs: Tree, key: Key, groups: Int[Tensor, " example"]) -> Tree:
        """The inputs with a share of another one each."""
        a, partner = self._drawn(key, len(groups))
        return _mixed(inputs, partner, a)

    def examples(self, batch: Batch, key: Key, groups: Int[Tensor, " example"]) -> Batch:
        """The inputs so, and their targets; classes stay those of the input itself."""
        a, partner = self._drawn(key, len(groups))
        return batch._replace(inputs=_mixed(batch.inputs, partner, a), targets=_mixed(batch.targets, partner, a))

    def without(self, operation: str) -> Mixup:
        """Itself: it mirrors nothing."""
        return self

    def _drawn(self, key: Key, count: int) -> tuple[float, Int[Tensor, " example"]]:
        """The share of the other, and which that is for each; on the CPU."""
        a = float(key.fold("share").uniform(1)) * _happens(self.chance, key)
        return a, key.fold("partner").permutation(count)

    def __str__(self) -> str:
        return f"Mixup{_often(self.chance)}"


def _mixed(leaves: Tree, partner: Int[Tensor, " example"], a: float) -> Tree:
    """(1 - a) of each example and a of its partner."""
    return tree.map(lambda own, other: own + a * (other - own), leaves, tree.rows(leaves, partner))


def _happens(chance: float, key: Key) -> bool:
    """Whether what has a chance happens in a call."""
    return float(key.fold("happens").uniform(1)) < chance


def _often(chance: float) -> str:
    return "" if chance == 1 else f" at {chance:g} of the steps"


@dataclass(frozen=True)
class InTurn(AbstractAugmentation):
    """Several augmentations, one after another, each with draws of its own."""

    parts: tuple[AbstractAugmentation, ...] = ()
    """The augmentations, in order."""

    def apply(self, inputs: Tree, key: Key, groups: Int[Tensor, " example"]) -> Tree:
        """The inputs after all of them."""
        for index, part in enumerate(self.parts):
            inputs = part.apply(inputs, key.fold(index), groups)
        return inputs

    def examples(self, batch: Batch, key: Key, groups: Int[Tensor, " example"]) -> Batch:
        """The examples after all of them."""
        for index, part in enumerate(self.parts):
            batch = part.examples(batch, key.fold(index), groups)
        return batch

    def without(self, operation: str) -> InTurn:
        """Each without it."""
        return replace(self, parts=tuple(part.without(operation) for part in self.parts))

    def batchwise(self) -> InTurn:
        """Each as training draws it."""
        return replace(self, parts=tuple(part.batchwise() for part in self.parts))

    def __str__(self) -> str:
        return ", ".join(map(str, self.parts))
