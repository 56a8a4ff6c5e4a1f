"""The images of a set by class, and what is known of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from limbeck.core.findings import Finding, Table
from limbeck.distilled_set import DistilledSet
from limbeck.report.material import RANKS, SIDES
from limbeck.report.pictures import exact, is_picture, stretched

MOST = 200
"""Images of a set that a page shows: of every class as many."""
LEVEL = 0.05
"""Attributes are told of an image where their adjusted p-value is no larger."""


@dataclass(frozen=True)
class Tile:
    """An image as the gallery shows it."""

    item: int
    clipped: str
    """As data URI, clipped to what a screen shows."""
    raw: str
    """As data URI, the range of the whole set mapped to that of a screen; "" where nothing lies outside [0, 1]."""
    told: str
    """In words: what it was made for and the range of its values."""


@dataclass(frozen=True)
class Gallery:
    """The images of a set, class by class."""

    groups: tuple[tuple[str, tuple[Tile, ...]], ...]
    low: float | int
    high: float | int
    count: int
    shown: int

    @property
    def widest(self) -> int:
        """The most images that a class has."""
        return max(len(tiles) for _, tiles in self.groups)

    @property
    def outside(self) -> bool:
        """Whether any value lies outside of what a screen shows."""
        return any(tile.raw for _, tiles in self.groups for tile in tiles)


def gallery(name: str, distilled: DistilledSet) -> Gallery | None:
    """The gallery of a set; None where its items are not images."""
    images = distilled.images
    if not is_picture(tuple(images.shape)):
        return None
    low, high = float(images.min()), float(images.max())
    outside = low < -1e-5 or high > 1 + 1e-5
    classes = distilled.batch.classes
    present = [index for index in range(len(distilled.classes)) if bool((classes == index).any())]
    most = max(1, MOST // len(present))
    groups = []
    for index in present[:MOST]:
        tiles = []
        for item in (classes == index).nonzero()[:most, 0].tolist():
            image = images[item]
            span = f"values from {float(image.min()):.2f} to {float(image.max()):.2f}"
            raw = exact(stretched(image, low, high)) if outside else ""
            told = f"{name}, image {item}, made for {distilled.classes[index]}, {span}"
            tiles.append(Tile(item, exact(image), raw, told))
        groups.append((distilled.classes[index], tuple(tiles)))
    return Gallery(tuple(groups), low, high, len(classes), sum(len(tiles) for _, tiles in groups))


def sheet(distilled: DistilledSet, most: int = 20) -> str:
    """The first images of every class, side by side and clipped, as a data URI; "" where items are not images."""
    images, classes = distilled.images, distilled.batch.classes
    if not is_picture(tuple(images.shape)):
        return ""
    each = max(1, most // len(classes.unique()))
    rows = [row for index in classes.unique().tolist() for row in (classes == index).nonzero()[:each, 0].tolist()][
        :most
    ]
    columns = min(10, len(rows))
    cells = torch.nn.functional.pad(images[rows].clamp(0, 1), (0, 1, 0, 1), value=1.0)
    lines = [torch.cat(list(part), -1) for part in cells.split(columns) if len(part) == columns]
    # Large images are made small enough for a card before they are drawn.
    joined = torch.cat(lines, -2)[:, :-1, :-1]
    factor = max(1, joined.shape[-1] // 480)
    return exact(joined[:, ::factor, ::factor], largest=0)


def told(distilled: DistilledSet, findings: Sequence[Finding], shown: Sequence[int]) -> dict[str, dict[str, Any]]:
    """What a page knows of each shown image, as JSON: {item: {...}}.

    Its class, range of values, largest targets, the test examples that it helps and harms most as
    [row, class, influence], its effects, and the attributes that it carries.
    """
    batch, images = distilled.batch, distilled.images
    known = {}
    for item in shown:
        values, classes = batch.targets[item].topk(min(3, len(distilled.classes)))
        pairs = zip(classes.tolist(), values.tolist(), strict=True)
        known[str(item)] = {
            "class": distilled.classes[int(batch.classes[item])],
            "low": _short(float(images[item].min())),
            "high": _short(float(images[item].max())),
            "targets": [[distilled.classes[index], _short(value)] for index, value in pairs if value > 0],
            "helped": [],
            "harmed": [],
            "effects": [],
            "attributes": [],
        }
    for finding in findings:
        for table in finding.tables:
            for named, field, value in _of(finding.probe, table):
                if named in known:
                    known[named][field].append(value)
    return known


def _of(probe: str, table: Table) -> Iterator[tuple[str, str, list[Any]]]:
    """(item, field, value) of what a table says of images."""
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    if probe == "influence" and table.name == "examples":
        for row in rows:
            if row["side"] in SIDES and int(row["rank"] or 0) <= RANKS:
                yield str(row["item"]), str(row["side"]), [row["row"], row["class"], _short(row["influence"])]
    if probe == "influence" and table.name == "items":
        for row in rows:
            for name, value in row.items():
                if name not in ("item", "class") and isinstance(value, float):
                    yield str(row["item"]), "effects", [name, _short(value)]
    if probe == "semantics" and table.name == "attributes":
        for row in rows:
            if isinstance(row["adjusted p"], float) and row["adjusted p"] <= LEVEL:
                names = ("attribute", "average precision", "prevalence", "adjusted p")
                yield str(row["item"]), "attributes", [_short(row[name]) for name in names]


def _short(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value
