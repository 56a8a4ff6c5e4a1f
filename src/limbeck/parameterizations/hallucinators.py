"""Images as what small networks, which all classes share, make of bases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from limbeck.core import tree
from limbeck.core.batch import holders
from limbeck.core.budget import FLOAT
from limbeck.core.contracts import AbstractParameterization, AbstractTask, Batch, Parameters, Pictured, Problem
from limbeck.core.expect import at_least, expect
from limbeck.core.key import Key
from limbeck.core.pictured import MOST, first_items
from limbeck.core.placing import onto
from limbeck.core.tree import Tree
from limbeck.parameterizations.images import image_shape, images_of
from limbeck.parameterizations.pixels import labelled, labels_of

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Hallucinators(AbstractParameterization):
    """Bases of each class, and networks that all share, of which each makes an item of each basis.

    They are the groups "bases" (basis, channel, height, width) and "hallucinators", whose leaves have a first axis of
    that name (Liu et al., HaBa, NeurIPS 2022). Hallucinator j makes of a basis b the item

        decode_j(scale_j * encode_j(b) + shift_j),

    where `encode` is a convolution without padding to as many channels as an image has, `decode` a transposed one back
    to its size, both with biases, and scale and shift have a number for each of what lies between. The items of a class
    are its first basis under all hallucinators, then its second, and so on.

    A basis begins as the mean of the items of the start that it is to make, and hallucinators as the identity within,
    each shifted by the mean of what its items of the start differ by from their bases. On the rim, `kernel` - 1 pixels
    in all along each side, which lie between has no places for, every item begins as the mean of the start there. So
    what is missing of the start at first is how single items differ from that sum, and how the rim varies.
    """

    count: int = 5
    """How many hallucinators there are."""
    kernel: int = 3
    """The side of the convolutions, in pixels."""
    channels: int = 0
    """Channels of a basis; 0: as many as an image has. Of fewer, each is the mean of neighbouring ones at first."""
    shared = ("hallucinators",)

    def __post_init__(self) -> None:
        at_least(self, 1, "count", "kernel")
        at_least(self, 0, "channels")

    def cost(self, task: AbstractTask, per_class: int) -> int:
        """That of all bases and of the hallucinators; InputError for a task of no images."""
        shape = image_shape(task, self)
        basis = self._channels(shape[0]) * shape[1] * shape[2]
        bases = len(task.classes) * -(-per_class // self.count)
        each = sum(math.prod(numbers) for numbers in self.shapes(shape).values())
        return FLOAT * (bases * basis + self.count * each)

    def shapes(self, shape: Shape) -> dict[str, tuple[int, ...]]:
        """The shapes of the numbers of one hallucinator of images of a shape."""
        image, height, width = shape
        basis, between = self._channels(image), (height - self.kernel + 1, width - self.kernel + 1)
        expect(self, "kernel", min(between) > 0, f"at most {min(height, width)}, the shorter side of an image")
        return {
            "encoder": (image, basis, self.kernel, self.kernel),
            "encoder_bias": (image,),
            "scale": (image, *between),
            "shift": (image, *between),
            "decoder": (image, image, self.kernel, self.kernel),
            "decoder_bias": (image,),
        }

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """Means of the start, and near identities; InputError for what is no image."""
        images = images_of(start, self).detach()
        of, places = holders(start.classes, self.count)
        basis, place = onto(of, images.device), onto(places, images.device)
        means = _means(images, basis, int(of.max()) + 1)
        image, height, width = images.shape[1:]
        source = torch.arange(image, device=images.device) * self._channels(image) // image
        bases = _means(means.transpose(0, 1), source, self._channels(image)).transpose(0, 1)
        shapes, ahead = self.shapes((image, height, width)), (self.kernel - 1) // 2
        inner = (..., slice(ahead, ahead + shapes["scale"][1]), slice(ahead, ahead + shapes["scale"][2]))
        rim = images.new_ones(height, width)
        rim[inner] = 0
        level = (images * rim).sum((0, 2, 3)) / (len(images) * rim.sum()).clamp(min=1)
        differ = _means((images - bases[basis][:, source])[inner], place, self.count)
        made = {name: images.new_zeros(self.count, *each) for name, each in shapes.items()}
        numbers = torch.arange(image, device=images.device)
        made["encoder"][:, numbers, source, ahead, ahead] = 1
        made["decoder"][:, numbers, numbers, ahead, ahead] = 1
        made["scale"] += 1
        made["shift"] += differ - level[:, None, None]
        made["decoder_bias"] += level
        return Parameters({"bases": bases.contiguous(), "hallucinators": made}, labels_of(start))

    def render(self, params: Parameters, key: Key) -> Batch:
        """What the hallucinators make of the bases."""
        fixed, bases = tree.widen(params.fixed), params.learned["bases"]
        basis, place = (onto(each, bases.device) for each in holders(fixed["classes"], self.count))
        return labelled(_made(bases, params.learned["hallucinators"])[basis, place], fixed)

    def origins(self, params: Parameters) -> Int[Tensor, " item"]:
        """The basis of each item."""
        return holders(params.fixed["classes"].long(), self.count)[0]

    def pictured(self, params: Parameters, classes: Sequence[str]) -> tuple[Pictured, ...]:
        """The first basis of every class, and what the hallucinators make of the first of them."""
        fixed, bases = tree.widen(params.fixed), params.learned["bases"]
        items = first_items(fixed["classes"])
        basis = self.origins(params)
        made = _made(bases[basis[items[:1]]], params.learned["hallucinators"])[0, :MOST]
        return (
            Pictured(
                "bases",
                f"{len(bases)} bases, of each of which {self.count} hallucinators make an item",
                bases[basis[items]],
                tuple(classes[int(fixed["classes"][item])] for item in items),
                as_items=bases.shape[1] == made.shape[1],
            ),
            Pictured(
                "made of the first basis",
                "what each hallucinator makes of it: what learners are trained on",
                made,
                tuple(f"by hallucinator {number}" for number in range(len(made))),
                as_items=True,
            ),
        )

    def _channels(self, image: int) -> int:
        """The channels of a basis of images of so many."""
        expect(self, "channels", self.channels <= image, f"at most {image}, those of an image")
        return self.channels or image


def _means(rows: Tensor, of: Int[Tensor, " row"], count: int) -> Tensor:
    """The mean of the rows of each of so many groups; 0 of none."""
    share = (of[:, None] == torch.arange(count, device=rows.device)).to(rows)
    share = share / share.sum(0).clamp(min=1)
    return (share.T @ rows.flatten(1)).unflatten(1, rows.shape[1:])


def _made(
    bases: Float[Tensor, "basis channel height width"], hallucinators: Tree
) -> Float[Tensor, "basis hallucinator image height width"]:
    """What every hallucinator makes of every basis."""
    each = hallucinators
    count = len(each["scale"])
    seen = nn.functional.conv2d(bases, each["encoder"].flatten(0, 1), each["encoder_bias"].flatten())
    moved = each["scale"].flatten(0, 1) * seen + each["shift"].flatten(0, 1)
    made = nn.functional.conv_transpose2d(
        moved, each["decoder"].flatten(0, 1), each["decoder_bias"].flatten(), groups=count
    )
    return made.unflatten(1, (count, -1))
