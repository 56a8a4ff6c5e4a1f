"""Small tables of mixed columns, drawn from keys, whose classes can be learned."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from limbeck.core.key import Key

KEY = Key(("rows",))
COLOURS = ("blue", "green", "red")


def drawn(count: int = 240, key: Key = KEY) -> dict[str, list[Any]]:
    """Columns by name: numbers, some of them missing, dates, categories, and what says nothing of a row."""
    classes = key.fold("classes").integers(2, count).tolist()
    noise = key.fold("numbers").normal(count, 3).tolist()
    chance = key.fold("chance").uniform(count, 5).tolist()
    found: dict[str, list[Any]] = {name: [] for name in ("id", "age", "size", "joined", "colour", "member", "note")}
    found |= {"constant": [], "label": []}
    for row, (label, numbers, draws) in enumerate(zip(classes, noise, chance, strict=True)):
        found["id"].append(row + 1)
        found["age"].append("" if draws[0] < 0.1 else round(40 + 10 * label + 5 * numbers[0]))
        found["size"].append(round(1.5 - label + numbers[1] / 2, 3))
        found["joined"].append((date(2020, 1, 1) + timedelta(round(200 * draws[1]) + 100 * label)).isoformat())
        found["colour"].append("" if draws[2] < 0.1 else COLOURS[label + (draws[2] > 0.55)])
        found["member"].append("yes" if (draws[3] < 0.8) == bool(label) else "no")
        found["note"].append(f"row {row} {draws[4]:.4f}")
        found["constant"].append(7)
        found["label"].append(("poor", "rich")[label])
    return found


def write(path: Path, columns: dict[str, list[Any]]) -> str:
    """A CSV file of columns; its place as a name of data."""
    with path.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return f"table:{path}"
