"""Lines of a chart, drawn without a library: one for each channel of a series."""

from __future__ import annotations

import colorsys

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

HEIGHT, WIDTH, MARGIN = 96, 144, 4
"""Of a chart, in pixels; the margin is on each side."""
THICKNESS = 1.6
"""Of a line, in pixels."""
WITHIN = 9
"""How many readings of a line there are in the width of a pixel."""
LEAST = 1.5
"""A chart reaches at least so far from 0 on both sides, so that noise about the mean does not look like much."""
INKS = ("#1f5fa8", "#c8501e", "#2f8f57", "#8a4fa3", "#b8860b", "#1597a5", "#c0396b", "#5d6570")
"""Of the first channels."""
GRID = 0.88
"""How light the line at 0 is."""


def chart(values: Float[Tensor, "channel time"], width: int = WIDTH) -> UInt8[Tensor, "height width 3"]:
    """Lines on white, one for each channel, over the whole width, with a pale line at 0.

    Up is larger. Values that are not finite are drawn at 0. The first channel lies on top.
    """
    numbers = values.detach().cpu().double().nan_to_num(0.0, 0.0, 0.0)
    most = max(LEAST, float(numbers.abs().max()))
    tall, wide = HEIGHT - 2 * MARGIN, width - 2 * MARGIN
    picture = torch.ones(HEIGHT, width, 3, dtype=torch.float64)
    picture[HEIGHT // 2] = GRID
    inside = picture[:, MARGIN : width - MARGIN]
    for channel in reversed(range(len(numbers))):
        heights = MARGIN + tall / 2 - numbers[channel] / most * (tall / 2)
        covered = _covered(heights, wide)[..., None]
        inside[:] = inside * (1 - covered) + covered * ink(channel)
    return (picture * 255).round().to(torch.uint8)


def ink(channel: int) -> Float[Tensor, " 3"]:
    """The colour of a channel, red green blue in [0, 1]: the first have their own, others go round the hues.

    >>> [round(each, 2) for each in ink(0).tolist()]
    [0.12, 0.37, 0.66]
    """
    if channel < len(INKS):
        return torch.tensor([int(INKS[channel][at : at + 2], 16) / 255 for at in (1, 3, 5)], dtype=torch.float64)
    return torch.tensor(colorsys.hls_to_rgb((0.61 * channel) % 1, 0.42, 0.55), dtype=torch.float64)


def _covered(heights: Float[Tensor, " time"], wide: int) -> Float[Tensor, "height wide"]:
    """How much of each pixel a line covers, in [0, 1]: between its highest and lowest reading within a column."""
    at = (torch.arange(wide * WITHIN + 1, dtype=torch.float64) / (wide * WITHIN)) * (len(heights) - 1)
    left = at.floor().long().clamp(max=max(len(heights) - 2, 0))
    right = (left + 1).clamp(max=len(heights) - 1)
    line = torch.lerp(heights[left], heights[right], at - left)
    columns = line.unfold(0, WITHIN + 1, WITHIN)
    top, bottom = columns.amin(1) - THICKNESS / 2, columns.amax(1) + THICKNESS / 2
    row = torch.arange(HEIGHT, dtype=torch.float64)[:, None]
    return (torch.minimum(bottom, row + 1) - torch.maximum(top, row)).clamp(0, 1)
