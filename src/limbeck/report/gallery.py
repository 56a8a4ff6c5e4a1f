"""The images of a set by class, and what is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from limbeck.core.findings import Finding
from limbeck.distilled_set import DistilledSet
from limbeck.probes.tables.influence import ItemRow
from limbeck.probes.tables.semantics import AttributeRow
from limbeck.report.data import shown_examples
from limbeck.report.pictures import exact, is_picture, stretched

MOST = 200
"""Images of a set that a page shows: of every class as many."""
LEVEL = 0.05
"""Attributes are shown of an image where their adjusted p-value is no larger."""


@dataclass(frozen=True)
class Tile:
    """An image as the gallery shows it."""

    item: int
    clipped: str
    """As data URI, clipped to what a screen shows."""
    raw: str
    """As data URI, the range of the whole set mapped to that of a screen; "" where nothing lies outside [0, 1]."""
    words: str
    """What it is: what it was made for and the range of its values."""


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
            words = f"{name}, image {item}, made for {distilled.classes[index]}, {span}"
            tiles.append(Tile(item, exact(image), raw, words))
        groups.append((distilled.classes[index], tuple(tiles)))
    return Gallery(tuple(groups), low, high, len(classes), sum(len(tiles) for _, tiles in groups))


def contact_sheet(distilled: DistilledSet, most: int = 20) -> str:
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


def item_data(distilled: DistilledSet, findings: Sequence[Finding], shown: Sequence[int]) -> dict[str, dict[str, Any]]:
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
        for item, field, value in _of(finding):
            if str(item) in known:
                known[str(item)][field].append(value)
    return known


def _of(finding: Finding) -> list[tuple[int, str, list[Any]]]:
    """(item, field, value) of what a finding says of images."""
    if finding.probe == "influence":
        effects = [(row.item, name, value) for row in ItemRow.of(finding) or [] for name, value in row.effects]
        return [
            *((row.item, row.side, [row.row, row.class_, _short(row.influence)]) for row in shown_examples(finding)),
            *((item, "effects", [name, _short(value)]) for item, name, value in effects),
        ]
    if finding.probe == "semantics":
        carried = [row for row in AttributeRow.of(finding) or [] if row.adjusted_p <= LEVEL]
        return [
            (
                row.item,
                "attributes",
                [row.attribute, *map(_short, (row.average_precision, row.prevalence, row.adjusted_p))],
            )
            for row in carried
        ]
    return []


def _short(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value
