"""Attributes that are measured of the pixels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from limbeck.computations.contract import ProbeContext
from limbeck.probes.attributes.contract import AbstractAttributes, Attributes

HUES = {
    "red": (345, 15),
    "orange": (15, 45),
    "yellow": (45, 70),
    "green": (70, 165),
    "cyan": (165, 195),
    "blue": (195, 260),
    "purple": (260, 345),
}
"""The range of each hue, in degrees of the colour circle."""
SATURATED, LIT = 0.25, 0.2
"""The saturation and value from which a pixel has a hue."""
COLOURED = 0.25
"""The share of the pixels looked at that the commonest hue must have to be the hue."""
DARK, BRIGHT = 0.25, 0.75
"""Mean luminance of a border that is dark below and bright above."""
TOP = 0.25
"""The share of a class that is bright, dark, of high or low contrast, of many or few edges."""
LUMINANCE = (0.299, 0.587, 0.114)
AT_ONCE = 1000


@dataclass(frozen=True)
class Measured(AbstractAttributes):
    """Hue, background, brightness, contrast and edges, measured of the pixels of images.

    The hue of an image is the commonest of the middle half of it (in height and width), its background's that of a
    border of an eighth; each only where at least a quarter of those pixels have it, with saturation from 0.25 and
    value from 0.2. A background is dark (bright) where its mean luminance is below 0.25 (above 0.75). Bright, dark,
    of high and low contrast (the standard deviation of luminance), of many and few edges (the mean size of the steps
    between neighbours) are the top and bottom quarters of each class. Values are clipped to [0, 1]. Hues need
    three channels; what is no image has no attributes.
    """

    def describe(self) -> str:
        """Of the pixels."""
        return "hue, background, brightness, contrast and edges, measured of the pixels"

    def check(self, context: ProbeContext) -> None:
        """Nothing can be at fault."""

    def of(self, context: ProbeContext) -> Attributes:
        """The attributes of the evaluation examples."""
        task, examples = context.problem.task, context.examples
        if not isinstance(task.shape, tuple) or len(task.shape) != 3 or task.shape[0] not in (1, 3):
            nothing = torch.zeros(len(examples.classes), 0, dtype=torch.bool)
            return Attributes((), nothing, nothing)
        chunks = (task.codec.clip(task.native(context.split, rows)) for rows in context.rows.split(AT_ONCE))
        parts = [self._at_once(chunk) for chunk in chunks]
        found = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        carried = {name: values for name, values in found.items() if values.dtype == torch.bool}
        for (low, high), name in ((("dark", "bright"), "luminance"), (("low contrast", "high contrast"), "contrast"),
                                  (("few edges", "many edges"), "edges")):  # fmt: skip
            carried[high] = top_quarter(found[name], examples.classes)
            carried[low] = top_quarter(-found[name], examples.classes)
        marks = torch.stack(list(carried.values()), 1)
        return Attributes(tuple(carried), marks, torch.ones_like(marks))

    def _at_once(self, images: Float[Tensor, "image channel height width"]) -> dict[str, Tensor]:
        height, width = images.shape[-2:]
        weights = torch.tensor(LUMINANCE if images.shape[1] == 3 else (1.0,))
        light = (images * weights[:, None, None]).sum(1)
        frame = max(1, height // 8), max(1, width // 8)
        border = torch.ones(height, width, dtype=torch.bool)
        border[frame[0] : height - frame[0], frame[1] : width - frame[1]] = False
        edge = light[:, border].mean(1)
        found = {
            "luminance": light.mean((1, 2)),
            "contrast": light.flatten(1).std(1),
            "edges": light.diff(dim=1).abs().mean((1, 2)) + light.diff(dim=2).abs().mean((1, 2)),
            "dark background": edge < DARK,
            "bright background": edge > BRIGHT,
        }
        if images.shape[1] == 3:
            middle = torch.zeros(height, width, dtype=torch.bool)
            middle[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
            hues = hue_of(images)
            for where, pixels in (("hue", middle), ("background", border)):
                shares = torch.stack([(hues[:, pixels] == index).double().mean(1) for index in range(len(HUES))], 1)
                most = shares.max(1)
                for index, name in enumerate(HUES):
                    found[f"{name} {where}"] = (most.indices == index) & (most.values >= COLOURED)
        return found


def hue_of(images: Float[Tensor, "image 3 height width"]) -> Tensor:
    """The place in `HUES` of each pixel's hue, -1 where it has none: (image, height, width).

    Hue, saturation and value of red, green and blue in [0, 1] by the hexagon: with M the largest and m the smallest,
    value M, saturation (M - m) / M, and an angle of 60 degrees times the place between the two largest.
    """
    red, green, blue = images.unbind(1)
    most, least = images.amax(1), images.amin(1)
    span = (most - least).clamp_min(1e-12)
    angle = torch.where(
        most == red,
        ((green - blue) / span) % 6,
        torch.where(most == green, (blue - red) / span + 2, (red - green) / span + 4),
    )
    degrees = 60 * angle
    hues = torch.full(degrees.shape, -1)
    for index, (low, high) in enumerate(HUES.values()):
        inside = (degrees >= low) & (degrees < high) if low < high else (degrees >= low) | (degrees < high)
        hues[inside] = index
    grey = ((most - least) < SATURATED * most) | (most < LIT)
    hues[grey] = -1
    return hues


def top_quarter(values: Float[Tensor, " example"], classes: Tensor) -> Bool[Tensor, " example"]:
    """Whether an example is among the quarter of its class (rounded down) with the largest values."""
    found = torch.zeros(len(values), dtype=torch.bool)
    for label in classes.unique():
        rows = (classes == label).nonzero()[:, 0]
        order = values[rows].argsort(descending=True, stable=True)
        found[rows[order[: int(TOP * len(rows))]]] = True
    return found
