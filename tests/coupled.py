"""Pictures with words that are drawn here: a square of a colour at a place, on a ground, and a line that says so."""

from __future__ import annotations

import io
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
from PIL import Image

from limbeck.core.key import Key

KEY = Key(("coupled",))
COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 180, 40),
    "blue": (40, 60, 220),
    "yellow": (230, 220, 40),
    "cyan": (40, 210, 210),
    "purple": (150, 40, 170),
}
ROWS, COLUMNS, GROUNDS = ("top", "middle", "bottom"), ("left", "centre", "right"), {"black": 20, "grey": 130}


def pairs() -> list[tuple[Any, str]]:
    """All 108 pictures (9, 9, 3) with their lines, in an order of no meaning."""
    found = []
    for colour, row, column, ground in itertools.product(COLOURS, range(3), range(3), GROUNDS):
        picture = np.full((9, 9, 3), GROUNDS[ground], np.uint8)
        picture[3 * row : 3 * row + 3, 3 * column : 3 * column + 3] = COLOURS[colour]
        found.append((picture, f"{colour} square {ROWS[row]} {COLUMNS[column]} on {ground}"))
    return [found[at] for at in KEY.permutation(len(found)).tolist()]


def png(picture: Any) -> bytes:
    held = io.BytesIO()
    Image.fromarray(picture).save(held, "PNG")
    return held.getvalue()


def write(folder: Path, train: int = 72, **columns: Any) -> str:
    """The name of a folder of train.parquet and test.parquet; `columns` of the training file are added or replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    every = pairs()
    for split, some in (("train", every[:train]), ("test", every[train:])):
        table = {"image": [png(picture) for picture, _ in some], "text": [line for _, line in some]}
        table |= columns if split == "train" else {}
        table = {name: values for name, values in table.items() if values is not None}
        pyarrow.parquet.write_table(pyarrow.table(table), folder / f"{split}.parquet")
    return f"pairs:{folder}"
