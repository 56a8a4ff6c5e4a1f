"""A picture of a set: one row of pictures for each class, its name before it, and what is stored where that is more.

A network sees a set as `DistilledSet.batch.inputs`; a picture is of `DistilledSet.native`, the same in the units of the
data, which is what `codec.decode` makes of it. For images these are pixels, 0 black and 1 white:
`pixels = inputs * std + mean` in each channel, with `codec.mean` and `codec.std`, after the whitening is undone where
there is one (`codec.zca.invert`). Distilled pixels may leave [0, 1], and are drawn clipped.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from limbeck.core import notebook, tree
from limbeck.core.contracts import AbstractCodec
from limbeck.core.errors import InputError
from limbeck.core.family import part_name
from limbeck.core.files import write_atomically
from limbeck.core.text import shown
from limbeck.core.tree import Tree
from limbeck.core.units import measured, measured_range, size
from limbeck.distilled_set import DistilledSet
from limbeck.header import made_by
from limbeck.inside import Drawn, pictures_of
from limbeck.items import write_sound, write_words

SPACING = 2
SHORTEST = 64
"""Pictures are enlarged by a whole factor until their side is at least this many pixels."""

ROUNDING = 1e-6
"""How far out of its range a real number may come to lie when it is encoded and back."""
COLUMNS = 20
"""How many pictures stand side by side at most."""
FEW = 10
"""How many classes, and how many items of each, a notebook shows."""
SMALLEST, LARGEST, MARGIN, LONGEST = 10, 16, 6, 32
"""The size of letters and the room beside them, in pixels, and the letters of a name at most."""

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
TOLD = {".txt": write_words, ".wav": write_sound}
"""What else a set can be shown as."""


def grid(distilled: DistilledSet, columns: int = COLUMNS, few: int | None = None) -> UInt8[Tensor, "height width 3"]:
    """The items by class, first class on top, as their codec draws them.

    A class of more than `columns` items goes on in further rows. With `few` there are the first items of the first
    classes alone, so many of each. Raises InputError where items have no picture.
    """
    pictures = to_screen(distilled.codec, distilled.native)
    rows: list[Tensor] = []
    longest = min(columns, distilled.per_class, few or columns)
    for _, items in _rows(distilled, columns, few):
        part = pictures[items]
        rows.append(torch.nn.functional.pad(part, (0, 0) * 3 + (0, longest - len(part)), value=255))
    cells = torch.stack(rows)
    cells = torch.nn.functional.pad(cells, (0, 0, 0, SPACING, 0, SPACING), value=255)
    row, column, height, width, channel = cells.shape
    return cells.permute(0, 2, 1, 3, 4).reshape(row * height, column * width, channel)[:-SPACING, :-SPACING]


def _rows(distilled: DistilledSet, columns: int, few: int | None) -> list[tuple[int, Tensor]]:
    """The class and the items of each row of the grid; a class without items has an empty one."""
    classes = distilled.batch.classes
    by_class = [(classes == index).nonzero()[:few, 0] for index in range(len(distilled.classes))][:few]
    return [(index, row) for index, items in enumerate(by_class) for row in items.split(columns)]


def labelled(
    distilled: DistilledSet, columns: int = COLUMNS, few: int | None = None
) -> UInt8[Tensor, "height width 3"]:
    """The grid, and before the first row of each class its name; errors as in `grid`."""
    from PIL import Image, ImageDraw, ImageFont

    drawn = grid(distilled, columns, few)
    rows = _rows(distilled, columns, few)
    height = (len(drawn) + SPACING) // len(rows)
    font = ImageFont.load_default(size=max(SMALLEST, min(LARGEST, height // 2)))
    names = [drawable(name) for name in distilled.classes[:few]]
    width = round(max(font.getlength(name) for name in names)) + 2 * MARGIN
    margin = Image.new("RGB", (width, len(drawn)), "white")
    pen, before = ImageDraw.Draw(margin), -1
    for number, (label, _) in enumerate(rows):
        if label != before:
            middle = number * height + (height - SPACING) // 2
            pen.text((width - MARGIN, middle), names[label], fill="black", font=font, anchor="rm")
        before = label
    return torch.cat([torch.from_numpy(np.array(margin)), drawn], 1)


def html(distilled: DistilledSet) -> str:
    """What a notebook shows of a set: some of its pictures, where it has any, what it is, and its scores."""
    of_classes = f", {distilled.per_class} per class" if len(distilled.classes) > 1 else ""
    rows: list[tuple[object, ...]] = [
        ("data", distilled.data.get("name", "unknown")),
        ("made", made_by(distilled.spec)),
        ("items", f"{len(distilled)}{of_classes}, {distilled.label_kind} labels"),
        ("stored", size(distilled.budget.bytes)),
    ]
    rows += [(f"{score['split']} {score['metric']}", _score(score)) for score in distilled.scores]
    return f"{_picture(distilled)}{notebook.table(('', ''), rows)}"


def _score(score: dict[str, Any]) -> str:
    value = measured(score["mean"], score["unit"])
    spread = f" ({measured_range(score['low'], score['high'], score['unit'])})" if score["n"] > 1 else ""
    return f"{value}{spread}, {score['network']}, protocol {score['protocol']}, n {score['n']}"


def _picture(distilled: DistilledSet) -> str:
    """A picture of the first items of the first classes as HTML; "" where there is none."""
    from PIL import Image

    try:
        drawn = labelled(distilled, few=FEW)
    except InputError:
        return ""
    written = io.BytesIO()
    Image.fromarray(drawn.numpy()).save(written, "PNG")
    return (
        f'<img alt="items of the set" src="data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"><br>'
    )


def stored_below(distilled: DistilledSet) -> UInt8[Tensor, "height width 3"]:
    """The labelled grid, or all items in one picture, and below it what is stored of the set where that is more."""
    whole = distilled.codec.scene(distilled.native, distilled.batch.classes, distilled.classes)
    parts = [labelled(distilled) if whole is None else whole, *map(_strip, pictures_of(distilled))]
    width = max(part.shape[1] for part in parts)
    return torch.cat([torch.nn.functional.pad(part, (0, 0, 0, width - part.shape[1]), value=255) for part in parts])


def _strip(drawn: Drawn) -> UInt8[Tensor, "height width 3"]:
    """A line of words, and the pictures of one kind side by side below it."""
    from PIL import Image, ImageDraw, ImageFont

    font, text = ImageFont.load_default(size=LARGEST - 3), f"{drawn.name}: {drawn.line}"
    height, width = drawn.displayed
    whole = max(len(drawn.pictures) * (width + 2 * SPACING), round(font.getlength(text)) + MARGIN)
    head = 2 * LARGEST
    strip = Image.new("RGB", (whole, head + height), "white")
    ImageDraw.Draw(strip).text((0, head - MARGIN), text, fill="black", font=font, anchor="ls")
    for number, picture in enumerate(drawn.pictures):
        drawing = Image.fromarray(picture.numpy()).resize((width, height), Image.Resampling.NEAREST)
        strip.paste(drawing, (number * (width + 2 * SPACING), head))
    return torch.from_numpy(np.array(strip))


def drawable(name: str) -> str:
    r"""A name in letters that Pillow's own font has, and not too long; the rest is escaped.

    >>> print(drawable('cat'), drawable('a\nb'), drawable('\u732b'), drawable('x' * 40))
    cat "a\nb" \u732b xxxxxxxxxxxxxxxxxxxxxxxxxxxxx...
    """
    text = shown(name).encode("latin-1", "backslashreplace").decode("latin-1")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def to_screen(codec: AbstractCodec, native: Tree) -> UInt8[Tensor, "item h w 3"]:
    """Native items as enlarged pictures of one size; InputError where the codec draws none."""
    drawn = [codec.picture(tree.row(native, item)) for item in range(tree.length(native))]
    pictures = [picture for picture in drawn if picture is not None]
    if len(pictures) < len(drawn) or not pictures:
        raise InputError(
            f"items of the codec {part_name(type(codec))} have no picture, expected images; "
            "read their words with --out FILE.txt, or their numbers with DistilledSet.load(PATH).native"
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
    return float((~torch.isclose(*numbers, rtol=1e-5, atol=ROUNDING)).double().mean())


def draw(distilled: DistilledSet, path: Path) -> None:
    """Write the grid with its labels, and below it what is stored, to `path` as PNG, JPEG or WebP, by its ending.

    With the ending .txt its items are written in words, with .wav as sound. InputError for another ending, and where
    items have no picture, no words or no sound.
    """
    from PIL import Image

    ending = path.suffix.lower()
    if ending in TOLD:
        return TOLD[ending](distilled, path)
    kind = FORMATS.get(ending)
    if kind is None:
        expected = ", ".join((*FORMATS, *TOLD))
        raise InputError(f"{path}: found the ending {path.suffix!r}, expected one of {expected}; rename the picture")
    picture = Image.fromarray(stored_below(distilled).numpy())
    write_atomically(path, lambda temporary: picture.save(temporary, format=kind))
