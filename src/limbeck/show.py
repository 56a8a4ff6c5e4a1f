"""A picture of a set: one row of pictures for each class."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractCodec
from limbeck.core.errors import InputError
from limbeck.core.family import part_name
from limbeck.core.files import write_atomically
from limbeck.core.tree import Tree
from limbeck.distilled_set import DistilledSet

SPACING = 2
SHORTEST = 32
"""Pictures are enlarged by a whole factor until their side is at least this many pixels."""

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def grid(distilled: DistilledSet, columns: int = 20) -> UInt8[Tensor, "height width 3"]:
    """The items by class, first class on top, as their codec draws them.

    A class of more than `columns` items goes on in further rows. Raises InputError where items have no picture.
    """
    pictures = to_screen(distilled.codec, distilled.native)
    classes = distilled.batch.classes
    rows: list[Tensor] = []
    for index in range(len(distilled.classes)):
        for part in pictures[classes == index].split(columns):
            rows.append(
                torch.nn.functional.pad(
                    part, (0, 0) * 3 + (0, min(columns, distilled.per_class) - len(part)), value=255
                )
            )
    cells = torch.stack(rows)
    cells = torch.nn.functional.pad(cells, (0, 0, 0, SPACING, 0, SPACING), value=255)
    row, column, height, width, channel = cells.shape
    return cells.permute(0, 2, 1, 3, 4).reshape(row * height, column * width, channel)[:-SPACING, :-SPACING]


def to_screen(codec: AbstractCodec, native: Tree) -> UInt8[Tensor, "item h w 3"]:
    """Native items as enlarged pictures of one size; InputError where the codec draws none."""
    drawn = [codec.picture(tree.row(native, item)) for item in range(tree.length(native))]
    pictures = [picture for picture in drawn if picture is not None]
    if len(pictures) < len(drawn) or not pictures:
        raise InputError(
            f"items of the codec {part_name(type(codec))} have no picture, expected images; "
            "read their numbers with DistilledSet.load(PATH).native"
        )
    height, width = (max(picture.shape[side] for picture in pictures) for side in (0, 1))
    whole = torch.stack(
        [
            torch.nn.functional.pad(each, (0, 0, 0, width - each.shape[1], 0, height - each.shape[0]), value=255)
            for each in pictures
        ]
    )
    factor = max(1, -(-SHORTEST // min(height, width)))
    return whole.repeat_interleave(factor, 1).repeat_interleave(factor, 2)


def share_clipped(distilled: DistilledSet) -> float:
    """The share of the native numbers of a set that no real data could have."""
    native = distilled.native
    numbers = tree.flat_rows(native), tree.flat_rows(distilled.codec.clip(native))
    return float((numbers[0] != numbers[1]).double().mean())


def draw(distilled: DistilledSet, path: Path) -> None:
    """Write the grid to `path` as PNG, JPEG or WebP, by its ending; InputError for another, and for no pictures."""
    from PIL import Image

    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError(
            f"{path}: found the ending {path.suffix!r}, expected one of {', '.join(FORMATS)}; rename the picture"
        )
    picture = Image.fromarray(grid(distilled).numpy())
    write_atomically(path, lambda temporary: picture.save(temporary, format=kind))
