"""Random resized crops (Szegedy et al., CVPR 2015), all images at once and differentiable in them."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.key import Key
from limbeck.core.placing import onto

TRIES = 10
"""How often an area and a ratio are drawn until such a box lies within the image."""
Boxes = Int[Tensor, "crop 4"]
"""Top, left, height and width of each, in pixels."""


def draw_boxes(
    key: Key,
    count: int,
    sides: tuple[int, int],
    areas: tuple[float, float],
    ratios: tuple[float, float] = (1.0, 1.0),
) -> Boxes:
    """Random boxes in images of sides (height, width), on the CPU.

    The area is drawn from U(areas), as a share of the image's, and width over height from exp U(log ratios), up to
    `TRIES` times until the box, its sides rounded, lies within; then its place, uniformly. Where none does, the box is
    the largest in the middle whose ratio is nearest to the image's.
    """
    height, width = sides
    draws = key.uniform(count, 2 * TRIES + 2).to(torch.float64)
    area = (areas[0] + (areas[1] - areas[0]) * draws[:, :TRIES]) * height * width
    low, high = map(math.log, ratios)
    ratio = (low + (high - low) * draws[:, TRIES : 2 * TRIES]).exp()
    down, across = (area / ratio).sqrt().round().long(), (area * ratio).sqrt().round().long()
    within = (down > 0) & (down <= height) & (across > 0) & (across <= width)
    # The first of equals is the largest one of a mask.
    first = within.long().argmax(1, keepdim=True)
    found = within.any(1)
    nearest = min(max(width / height, ratios[0]), ratios[1])
    whole = min(height, round(width / nearest)), min(width, round(height * nearest))
    tall = torch.where(found, down.gather(1, first)[:, 0], whole[0])
    wide = torch.where(found, across.gather(1, first)[:, 0], whole[1])
    places = []
    for side, length, draw in ((height, tall, draws[:, -2]), (width, wide, draws[:, -1])):
        free = side - length
        place = torch.minimum((draw * (free + 1)).long(), free)
        places.append(torch.where(found, place, free // 2))
    return torch.stack([*places, tall, wide], 1)


def resized(
    images: Float[Tensor, "crop channel height width"], boxes: Boxes, size: tuple[int, int]
) -> Float[Tensor, "crop channel down across"]:
    """What lies in the box of each image, at `size` (height, width), read bilinearly with a filter against aliasing.

    Equal to cutting each out and `interpolate(..., mode="bilinear", antialias=True)`: a pixel of the result is a mean
    of those of the box, weighted by a triangle about its centre that is as wide as the pixels of either, the larger.
    """
    boxes = onto(boxes, images.device)
    rows = _weights(boxes[:, 0], boxes[:, 2], images.shape[2], size[0]).to(images.dtype)
    columns = _weights(boxes[:, 1], boxes[:, 3], images.shape[3], size[1]).to(images.dtype)
    return rows[:, None] @ images @ columns[:, None].mT


def _weights(
    first: Int[Tensor, " crop"], length: Int[Tensor, " crop"], side: int, size: int
) -> Float[Tensor, "crop size side"]:
    """How much each pixel of a side counts in each of `size` pixels that stand for the span from `first` on."""
    stretch = length[:, None, None].to(torch.float64) / size
    centre = first[:, None, None] + (torch.arange(size, device=first.device)[:, None] + 0.5) * stretch
    pixel = torch.arange(side, device=first.device)
    inside = (pixel >= first[:, None, None]) & (pixel < (first + length)[:, None, None])
    weights = (1 - (pixel + 0.5 - centre).abs() / stretch.clamp(min=1)).clamp(min=0) * inside
    return weights / weights.sum(2, keepdim=True)
