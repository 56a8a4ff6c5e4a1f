"""A picture of a set: one row of images for each class."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from limbeck.core.errors import InputError
from limbeck.core.files import write_atomically
from limbeck.distilled_set import DistilledSet

SPACING = 2
SHORTEST = 32
"""Images are enlarged by a whole factor until their side is at least this many pixels."""

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def grid(distilled: DistilledSet, columns: int = 20) -> UInt8[Tensor, "height width 3"]:
    """The images by class, first class on top, clipped to the range that a screen can show.

    A class of more than `columns` images goes on in further rows.
    """
    images = to_screen(distilled.images)
    classes = distilled.batch.classes
    rows: list[Tensor] = []
    for index in range(len(distilled.classes)):
        for part in images[classes == index].split(columns):
            rows.append(
                torch.nn.functional.pad(
                    part, (0, 0) * 3 + (0, min(columns, distilled.per_class) - len(part)), value=255
                )
            )
    cells = torch.stack(rows)
    cells = torch.nn.functional.pad(cells, (0, 0, 0, SPACING, 0, SPACING), value=255)
    row, column, height, width, channel = cells.shape
    return cells.permute(0, 2, 1, 3, 4).reshape(row * height, column * width, channel)[:-SPACING, :-SPACING]


def to_screen(images: Float[Tensor, "item channel height width"]) -> UInt8[Tensor, "item h w 3"]:
    """Images in [0, 1], clipped, as enlarged 8-bit RGB."""
    factor = max(1, -(-SHORTEST // min(images.shape[-2:])))
    eight = (images.clamp(0, 1) * 255).round().to(torch.uint8)
    eight = eight.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    return eight.expand(-1, 3, -1, -1).permute(0, 2, 3, 1)


def draw(distilled: DistilledSet, path: Path) -> None:
    """Write the grid to `path` as PNG, JPEG or WebP, by its ending; InputError for another ending."""
    from PIL import Image

    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError(
            f"{path}: found the ending {path.suffix!r}, expected one of {', '.join(FORMATS)}; rename the picture"
        )
    picture = Image.fromarray(grid(distilled).numpy())
    write_atomically(path, lambda temporary: picture.save(temporary, format=kind))
