"""Differentiable siamese augmentation, keyed: the same draw for both sides (Zhao and Bilen, 2021)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from limbeck.core.contracts import AbstractAugmentation
from limbeck.core.errors import unknown
from limbeck.core.expect import at_least
from limbeck.core.family import Family
from limbeck.core.key import Key
from limbeck.core.placing import onto
from limbeck.learn.rolled_crops import RolledCrops as RolledCrops
from limbeck.learn.views import BLOCK, CutMix, InTurn, Mixup, ResizedCrop, by_group

Images = Float[Tensor, "example channel height width"]
Draws = Float[Tensor, "drawn draw"]
"""A row for each image, or one for all."""

OPERATION, BRIGHTNESS, SATURATION, CONTRAST, DOWN, RIGHT = range(6)
CENTRE_Y, CENTRE_X, FLIP, SCALE_X, SCALE_Y, ANGLE = range(6, 12)
"""The columns of the uniform numbers that one group draws."""
RUN = 2
"""From how many images in a run of one group on, on average, each run is taken by itself."""


@dataclass(frozen=True)
class Siamese(AbstractAugmentation):
    """One operation for each group of images, drawn uniformly, with differentiable results.

    Magnitudes are the published ones. Images are normalised, so what moves in from outside is 0, the mean colour.
    """

    operations: tuple[str, ...] = ("color", "crop", "cutout", "flip", "scale", "rotate")
    """The operations that one is drawn from."""
    brightness: float = 0.5
    """Colour: a shift drawn from U(-b, b), in normalised units."""
    saturation: float = 2.0
    """Colour: a factor drawn from U(0, s), about the mean over channels."""
    contrast: float = 0.5
    """Colour: a factor drawn from U(1 - c, 1 + c), about the mean of the image."""
    crop: float = 0.125
    """Crop: the largest shift, as a share of the side."""
    cutout: float = 0.5
    """Cutout: the side of the hole, as a share of the side."""
    scale: float = 1.2
    """Scale: the grid is stretched in each direction by a factor drawn from U(1/s, s)."""
    rotate: float = 15.0
    """Rotate: the largest angle in degrees."""
    together: bool = False
    """Whether all images of a call undergo one operation, each at a draw of its own, as published code trains."""

    def __post_init__(self) -> None:
        at_least(self, 0, "brightness", "saturation", "contrast", "crop", "cutout", "rotate")
        at_least(self, 1, "scale")

    def apply(self, inputs: Images, key: Key, groups: Int[Tensor, " example"]) -> Images:
        """The images after the operation that each one's group draws.

        The draw depends on `key` and the group's number alone: two calls with one key treat equal groups alike,
        whatever else they hold, which makes real and synthetic sides siamese. `groups = arange` draws for
        each image, zeros one operation for all. Under `torch.func.vmap` say randomness="same". Raises InputError
        for an unknown operation.
        """
        operations = self.drawable()
        if not operations:
            return inputs
        draws = uniforms(key, groups)
        if self.together:
            draws[:, OPERATION] = uniforms(key.fold("together"), groups.new_zeros(1))[:, OPERATION]
        chosen = (draws[:, OPERATION] * len(operations)).long()
        draws = onto(draws.to(inputs.dtype), inputs.device)
        if runs := _runs(groups):
            # One draw for all of a run: what is read where is worked out once.
            parts = [
                operations[int(chosen[first])](self, inputs[first:end], draws[first : first + 1]) for first, end in runs
            ]
            return torch.cat(parts)
        rows = [(chosen == index).nonzero().squeeze(1) for index in range(len(operations))]
        parts = [
            operation(self, inputs[placed], draws[placed])
            for operation, subset in zip(operations, rows, strict=True)
            if len(subset)
            for placed in [onto(subset, inputs.device)]
        ]
        order = onto(torch.cat(rows).argsort(), inputs.device)
        return torch.cat(parts)[order] if parts else inputs

    def __str__(self) -> str:
        return " ".join(self.operations) + ", one operation a batch" * self.together

    def without(self, operation: str) -> Siamese:
        """Drawn among the others."""
        return replace(self, operations=tuple(name for name in self.operations if name != operation))

    def batchwise(self) -> Siamese:
        """One operation for all images of a call."""
        return replace(self, together=True)

    def drawable(self) -> list[Callable[[Siamese, Images, Draws], Images]]:
        """The operations that may be drawn; InputError for an unknown one."""
        for name in self.operations:
            if name not in OPERATIONS:
                raise unknown("augmentation", name, OPERATIONS)
        return [OPERATIONS[name] for name in self.operations]


@dataclass(frozen=True)
class Mirror(AbstractAugmentation):
    """Every image mirrored left to right."""

    def apply(self, inputs: Images, key: Key, groups: Int[Tensor, " example"]) -> Images:
        """The mirrored images; nothing is drawn."""
        return inputs.flip(3)

    def without(self, operation: str) -> AbstractAugmentation:
        """Without "flip" images stay as they are."""
        return Siamese(()) if operation == "flip" else self

    def __str__(self) -> str:
        return "mirrored"


def uniforms(key: Key, groups: Int[Tensor, " example"]) -> Draws:
    """Uniform numbers in [0, 1) of each example's group, by the columns above, on the CPU."""
    return by_group(groups, lambda block: key.fold("augment", block).uniform(BLOCK, ANGLE + 1))


def _runs(groups: Int[Tensor, " example"]) -> list[tuple[int, int]]:
    """The first and the end of each run of one group; none where runs are too short to be taken one by one."""
    ends = [*(groups.diff().nonzero().flatten() + 1).tolist(), len(groups)]
    starts = [0, *ends[:-1]]
    return list(zip(starts, ends, strict=True)) if len(groups) >= RUN * len(ends) else []


def _between(draws: Draws, column: int, low: float, high: float) -> Float[Tensor, "drawn 1 1 1"]:
    """U(low, high) for each row."""
    return (low + (high - low) * draws[:, column])[:, None, None, None]


def _among(draws: Draws, column: int, count: int) -> Int[Tensor, "drawn 1"]:
    """Uniform whole numbers 0 .. count - 1 for each row."""
    # A number just under 1 is 1 in half precision.
    return (draws[:, column, None] * count).long().clamp(max=count - 1)


def _share(share: float, side: int) -> int:
    """A share of a side in whole pixels, halves rounded up."""
    return math.floor(share * side + 0.5)


def _color(magnitudes: Siamese, images: Images, draws: Draws) -> Images:
    """Brightness, then saturation about the channel mean, then contrast about the image's mean."""
    images = images + _between(draws, BRIGHTNESS, -magnitudes.brightness, magnitudes.brightness)
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * _between(draws, SATURATION, 0.0, magnitudes.saturation)
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (images - mean) * _between(draws, CONTRAST, 1 - magnitudes.contrast, 1 + magnitudes.contrast)


def _crop(magnitudes: Siamese, images: Images, draws: Draws) -> Images:
    """out[y, x] = in[y + down, x + right], 0 outside."""
    for dimension, column in ((2, DOWN), (3, RIGHT)):
        side = images.shape[dimension]
        reach = _share(magnitudes.crop, side)
        source = torch.arange(side, device=images.device) + _among(draws, column, 2 * reach + 1) - reach
        inside = ((source >= 0) & (source < side)).to(images.dtype)
        view = (len(source), 1, -1, 1) if dimension == 2 else (len(source), 1, 1, -1)
        index = source.clamp(0, side - 1)
        if len(index) == 1:
            images = images.index_select(dimension, index[0]) * inside.view(view)
        else:
            images = images.gather(dimension, index.view(view).expand_as(images)) * inside.view(view)
    return images


def _cutout(magnitudes: Siamese, images: Images, draws: Draws) -> Images:
    """A rectangle of a share of the sides set to 0, its centre anywhere, clipped at the borders."""
    within = []
    for dimension, column in ((2, CENTRE_Y), (3, CENTRE_X)):
        side = images.shape[dimension]
        hole = _share(magnitudes.cutout, side)
        # A hole of an even side is centred on one of the side + 1 lines between pixels, of an odd side on a pixel.
        first = _among(draws, column, side + 1 - hole % 2) - hole // 2
        pixel = torch.arange(side, device=images.device)
        within.append((pixel >= first) & (pixel < first + hole))
    cut = within[0][:, None, :, None] & within[1][:, None, None, :]
    return images * (~cut).to(images.dtype)


def _flip(magnitudes: Siamese, images: Images, draws: Draws) -> Images:
    """Mirrored left to right with probability one half."""
    return torch.where((draws[:, FLIP] < 0.5)[:, None, None, None], images.flip(3), images)


def _scale(magnitudes: Siamese, images: Images, draws: Draws) -> Images:
    """The image read on a grid stretched in each direction by a factor of its own."""
    theta = draws.new_zeros(len(draws), 2, 3)
    theta[:, 0, 0] = _between(draws, SCALE_X, 1 / magnitudes.scale, magnitudes.scale).flatten()
    theta[:, 1, 1] = _between(draws, SCALE_Y, 1 / magnitudes.scale, magnitudes.scale).flatten()
    return _resample(images, theta)


def _rotate(magnitudes: Siamese, images: Images, draws: Draws) -> Images:
    """The image read on a grid turned by an angle."""
    largest = math.radians(magnitudes.rotate)
    angle = _between(draws, ANGLE, -largest, largest).flatten()
    theta = draws.new_zeros(len(draws), 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = angle.cos()
    theta[:, 0, 1], theta[:, 1, 0] = -angle.sin(), angle.sin()
    return _resample(images, theta)


def _resample(images: Images, theta: Float[Tensor, "drawn 2 3"]) -> Images:
    """The images read bilinearly at theta (x, y, 1), with coordinates in [-1, 1] and 0 outside.

    Equal to `grid_sample(images, affine_grid(theta, ...), align_corners=False)`, whose backward pass
    cannot be differentiated again; gathering the four neighbours can.
    """
    _, channels, height, width = images.shape
    grid = nn.functional.affine_grid(theta, [len(theta), channels, height, width], align_corners=False)
    x = ((grid[..., 0] + 1) * width - 1) / 2
    y = ((grid[..., 1] + 1) * height - 1) / 2
    left, top = x.floor(), y.floor()
    # One grid for all: pixels lead, so that reading one is a copy of a whole row.
    flat = images.flatten(2) if len(theta) > 1 else images.flatten(2).flatten(0, 1).t().contiguous()
    total = torch.zeros_like(flat)
    for column, across in ((left, left + 1 - x), (left + 1, x - left)):
        for row, down in ((top, top + 1 - y), (top + 1, y - top)):
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            index = (row.clamp(0, height - 1) * width + column.clamp(0, width - 1)).long().flatten(1)
            weight = (across * down * inside).flatten(1)
            if len(theta) > 1:
                total = total + flat.gather(2, index[:, None].expand_as(flat)) * weight[:, None]
            else:
                total = total + flat.index_select(0, index[0]) * weight[0, :, None]
    return total.view_as(images) if len(theta) > 1 else total.t().reshape(images.shape)


OPERATIONS: dict[str, Callable[[Siamese, Images, Draws], Images]] = {
    "color": _color,
    "crop": _crop,
    "cutout": _cutout,
    "flip": _flip,
    "scale": _scale,
    "rotate": _rotate,
}

AUGMENTATIONS = Family(
    "augmentation", AbstractAugmentation, Siamese, Mirror, RolledCrops, ResizedCrop, CutMix, Mixup, InTurn
)
