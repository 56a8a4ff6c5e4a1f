"""Images of few colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core import tree
from limbeck.core.budget import FLOAT
from limbeck.core.contracts import (
    AbstractParameterization,
    AbstractTask,
    Batch,
    Counted,
    Parameters,
    Pictured,
    Problem,
)
from limbeck.core.expect import expect
from limbeck.core.key import Key
from limbeck.core.later import without_gradients
from limbeck.core.pictured import first_items, named
from limbeck.parameterizations.images import images_of
from limbeck.parameterizations.packing import BYTE, bytes_of, packed, unpacked
from limbeck.parameterizations.pixels import labelled, labels_of

ROUNDS = 10
"""How often the palettes of the start are moved to the means of their pixels."""
AT_ONCE = 1 << 22
"""Most distances of a pixel to a colour that are held at once."""
INDICES = "indices"
"""The group of what is stored of the images: which colour of its palette each pixel has."""

Pixel = Float[Tensor, "item pixel channel"]
Colour = Float[Tensor, "item colour channel"]


@dataclass(frozen=True)
class Palette(AbstractParameterization):
    """Images whose pixels have the nearest colour of a palette of their own (AutoPalette, Yuan et al., NeurIPS 2024).

    What is learned are the palettes (item, colour, channel), group "palette", and images (item, channel, height,
    width), group "inputs", which choose: at every render each pixel gets the nearest colour of the palette of its item.
    The slope of a colour is that of all its pixels, and slopes pass to the images as if nothing was chosen (straight
    through). There is no network that makes palettes, nor its losses. The palettes of the start are found by k-means.
    What is stored are the palettes and which colour each pixel has, in ceil(log2 colours) bits; the images are not.
    """

    colours: int = 16
    """Colours of an image."""

    def __post_init__(self) -> None:
        expect(self, "colours", 2 <= self.colours <= 1 << BYTE, f"a number from 2 to {1 << BYTE}")

    @property
    def bits(self) -> int:
        """Of the number of a colour."""
        return (self.colours - 1).bit_length()

    def cost(self, task: AbstractTask, per_class: int) -> int:
        """That of the palettes in 32 bits, and of which colour each pixel has; of what is no image, as plain."""
        if not isinstance(task.shape, tuple) or len(task.shape) != 3:
            return super().cost(task, per_class)
        channels, height, width = task.shape
        items = per_class * len(task.classes)
        return FLOAT * items * self.colours * channels + bytes_of(items * height * width, self.bits)

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """The images of the start, and their palettes; InputError for what is no image."""
        images = images_of(start, self).detach().clone()
        palettes = [palettes_of(part, self.colours) for part in _pixels(images).split(self._at_once(images))]
        return Parameters({"inputs": images, "palette": torch.cat(palettes)}, labels_of(start))

    def render(self, params: Parameters, key: Key) -> Batch:
        """Every pixel in the nearest colour of its palette, or in the one that is stored."""
        learned, fixed = params.learned, tree.widen(params.fixed)
        if INDICES in learned:
            palette, shape = learned["palette"], fixed["shape"].shape[2:]
            count = len(palette) * shape.numel()
            indices = unpacked(learned[INDICES], self.bits, count).long().reshape(len(palette), shape.numel())
            return labelled(_picked(palette, indices).mT.unflatten(2, shape), fixed)
        images = learned["inputs"]
        coloured = _picked(learned["palette"], self._chosen(params)).mT.unflatten(2, images.shape[2:])
        # What is added is 0, and has the slope of the images.
        return labelled(coloured + (images - images.detach()), fixed)

    def stored(self, params: Parameters) -> Parameters:
        """The palettes, and which colour each pixel has."""
        if INDICES in params.learned:
            return tree.compact(params)
        params = tree.compact(params)
        images = params.learned["inputs"]
        learned = {
            "palette": params.learned["palette"],
            INDICES: packed(self._chosen(params).flatten(), self.bits),
        }
        # A tensor without numbers says a shape and costs nothing.
        return Parameters(learned, {**params.fixed, "shape": images.new_empty(0, *images.shape[1:])})

    def counted(self, params: Parameters) -> Counted:
        """The numbers of inputs are those of the palettes, and one for each pixel."""
        found = super().counted(params)
        pixels = len(params.learned["palette"]) * params.fixed["shape"].shape[2:].numel()
        inputs = found.inputs._replace(scalars=params.learned["palette"].numel() + pixels)
        return found._replace(inputs=inputs)

    def pictured(self, params: Parameters, classes: Sequence[str]) -> tuple[Pictured, ...]:
        """The palettes of some items, from dark to bright."""
        fixed, palette = tree.widen(params.fixed), params.learned["palette"]
        items = first_items(fixed["classes"])
        colours = palette[items]
        order = colours.mean(2, keepdim=True).argsort(1).expand_as(colours)
        swatches = colours.gather(1, order).mT[:, :, None]
        line = f"{self.colours} colours of each item, of which every pixel has one, told in {self.bits} bits"
        return (Pictured("palettes", line, swatches, named(items, fixed["classes"], classes), as_items=True),)

    @without_gradients
    def _chosen(self, params: Parameters) -> Int[Tensor, "item pixel"]:
        """The number of the nearest colour of each pixel."""
        images, palette = params.learned["inputs"], params.learned["palette"]
        size = self._at_once(images)
        pairs = zip(_pixels(images).split(size), palette.split(size), strict=True)
        return torch.cat([distances(pixels, colours).argmin(2) for pixels, colours in pairs])

    def _at_once(self, images: Tensor) -> int:
        """Of how many items the distances are held at once."""
        return max(1, AT_ONCE // (images.shape[2:].numel() * self.colours))


def _pixels(images: Float[Tensor, "item channel height width"]) -> Pixel:
    return images.flatten(2).mT


def _picked(colours: Colour, indices: Int[Tensor, "item pixel"]) -> Pixel:
    """The colour that each pixel has."""
    return colours[torch.arange(len(colours), device=indices.device)[:, None], indices]


def distances(pixels: Pixel, colours: Colour) -> Float[Tensor, "item pixel colour"]:
    """The squared distance of each pixel of an item to each colour of its palette: 0 exactly where they are one."""
    channels = zip(pixels.unbind(2), colours.unbind(2), strict=True)
    return torch.stack([(pixel[:, :, None] - colour[:, None]).square() for pixel, colour in channels]).sum(0)


def palettes_of(pixels: Pixel, count: int) -> Colour:
    """`count` colours for the pixels of each item: k-means (Lloyd 1982), from pixels far from one another.

    The first is the pixel nearest to the mean, each other the one farthest from those before it (Gonzalez 1985). All
    the colours of an item are among them where it has no more, and the others are one of these again. Nothing is drawn.
    """
    rows = torch.arange(len(pixels), device=pixels.device)
    chosen = [pixels[rows, distances(pixels, pixels.mean(1, keepdim=True))[..., 0].argmin(1)]]
    least = distances(pixels, chosen[0][:, None])[..., 0]
    for _ in range(count - 1):
        chosen.append(pixels[rows, least.argmax(1)])
        least = torch.minimum(least, distances(pixels, chosen[-1][:, None])[..., 0])
    colours = torch.stack(chosen, 1)
    numbers = torch.arange(count, device=pixels.device)
    for _ in range(ROUNDS):
        nearest = distances(pixels, colours).argmin(2)
        belongs = (nearest[..., None] == numbers).to(pixels.dtype)
        # By how far its pixels are from a colour, so that one that has no other pixels stays to the bit.
        moved = belongs.mT @ (pixels - _picked(colours, nearest))
        colours = colours + moved / belongs.sum(1).clamp(min=1)[..., None]
    return colours
