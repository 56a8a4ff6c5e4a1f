"""The images of a set by class, and what is known of each."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from markupsafe import Markup
from torch import Tensor

from limbeck.core import tree
from limbeck.core.findings import Finding, Table
from limbeck.core.tree import Tree
from limbeck.distilled_set import DistilledSet
from limbeck.inside import pictures_of
from limbeck.items import has_pictures, wav, words_of
from limbeck.probes.tables.influence import ItemRow
from limbeck.probes.tables.semantics import AttributeRow
from limbeck.report.charts import strip
from limbeck.report.data import shown_examples, shown_training
from limbeck.report.pictures import LARGEST, exact, small
from limbeck.statistics.labels import label_weights

MOST = 200
"""Images of a set that a page shows: of every class as many."""
WRITTEN = 24
"""Numbers of an item without a picture that are written out, at most."""


@dataclass(frozen=True)
class Tile:
    """An image as the gallery shows it."""

    item: int
    clipped: str
    """As data URI, as the codec draws it."""
    raw: str
    """As data URI, the range of the whole set mapped to that of a screen; "" where nothing is clipped."""
    words: str
    """What it is: what it was made for and the range of its values."""
    label: Markup = Markup()
    """Its target as a strip of weights over the classes; empty where each target of the set is one class."""
    said: str = ""
    """The item in words; empty where it has none."""
    sound: str = ""
    """The item as sound, a data URI; empty where it has none."""


@dataclass(frozen=True)
class Gallery:
    """The items of a set that are drawn, class by class."""

    groups: tuple[tuple[str, tuple[Tile, ...]], ...]
    low: float | int
    high: float | int
    count: int
    shown: int
    noun: str
    """What one of them is: an "image", or an "item" that is drawn."""

    @property
    def widest(self) -> int:
        """The most images that a class has."""
        return max(len(tiles) for _, tiles in self.groups)

    @property
    def labelled(self) -> bool:
        """Whether images have their labels below them."""
        return any(tile.label for _, tiles in self.groups for tile in tiles)

    @property
    def outside(self) -> bool:
        """Whether any value lies outside of what a screen shows."""
        return any(tile.raw for _, tiles in self.groups for tile in tiles)


def gallery(name: str, distilled: DistilledSet) -> Gallery | None:
    """The gallery of a set; None where its items have no picture."""
    native, codec = distilled.native, distilled.codec
    if not has_pictures(distilled):
        return None
    noun = "image" if isinstance(native, Tensor) and native.dim() == 4 else "item"
    low, high = _span(native)
    # A native item that is one tensor can be mapped to the range of a screen as a whole.
    outside = isinstance(native, Tensor) and not torch.allclose(native, codec.clip(native), rtol=0, atol=1e-5)
    shown = _shown(distilled)
    weights = label_weights(distilled.batch.targets, len(distilled.classes)) if distilled.label_mode == "soft" else None
    said, groups = words_of(distilled), []
    for index, items in shown.items():
        tiles = []
        for item in items:
            one = tree.row(native, item)
            least, most = _span(one)
            words = f"{name}, {noun} {item}, made for {distilled.classes[index]}, values from {least:.2f} to {most:.2f}"
            raw = _drawn(distilled, (one - low) / max(high - low, 1e-12)) if outside else ""
            whose = f"{noun} {item} of {name}"
            label = Markup() if weights is None else strip(weights[item].tolist(), distilled.classes, whose)
            text = "" if said is None else said[item]
            tiles.append(Tile(item, _drawn(distilled, one), raw, words, label, text, _played(distilled, one)))
        groups.append((distilled.classes[index], tuple(tiles)))
    return Gallery(tuple(groups), low, high, len(distilled), sum(len(tiles) for _, tiles in groups), noun)


@dataclass(frozen=True)
class Plates:
    """Pictures of one kind of what is stored."""

    name: str
    line: str
    height: int
    width: int
    pictures: tuple[tuple[str, str], ...]
    """(data URI, words) of each."""


def plates(distilled: DistilledSet) -> list[Plates]:
    """What is stored of a set, as pictures, where that is more than its items."""
    found = []
    for each in pictures_of(distilled):
        # Large ones lose a little, so that a page of several sets stays one that is sent.
        uris = [small(one, 2 * LARGEST) if 2 * max(one.shape) > LARGEST else exact(one) for one in each.pictures]
        pairs = zip(uris, each.words, strict=True)
        found.append(Plates(each.name, each.line, *each.displayed, tuple(pairs)))
    return found


def listing(distilled: DistilledSet) -> Table:
    """The items of a set that has no pictures, a row each: what each was made for, its values, and its soft label.

    Where items have words, these stand for the values. Of other items of more than `WRITTEN` numbers only the range of
    values is told.
    """
    native, classes, said = distilled.native, distilled.classes, words_of(distilled)
    numbers = tree.flat_rows(native)
    columns: list[str]
    values: list[list[Any]]
    if said is not None:
        columns, values = ["in words"], [[each] for each in said]
    elif numbers.shape[1] <= WRITTEN:
        columns, values = [f"value {place + 1}" for place in range(numbers.shape[1])], numbers.tolist()
    else:
        columns, values = (
            ["least value", "largest value"],
            [*map(list, zip(numbers.amin(1).tolist(), numbers.amax(1).tolist(), strict=True))],
        )
    weights = label_weights(distilled.batch.targets, len(classes)) if distilled.label_mode == "soft" else None
    if weights is not None and len(classes) <= WRITTEN:
        columns += [f"weight of {name}" for name in classes]
        values = [[*row, *of_item] for row, of_item in zip(values, weights.tolist(), strict=True)]
    rows = [(item, classes[index], *values[item]) for index, items in _shown(distilled).items() for item in items]
    return Table("items", ("item", "made for", *columns), tuple(rows), "in the units of the data")


def _shown(distilled: DistilledSet) -> dict[int, list[int]]:
    """The items of each class that are shown."""
    classes = distilled.batch.classes
    present = [index for index in range(len(distilled.classes)) if bool((classes == index).any())]
    most = max(1, MOST // len(present))
    return {index: (classes == index).nonzero()[:most, 0].tolist() for index in present[:MOST]}


def _span(native: Tree) -> tuple[float, float]:
    """The least and the largest number of some native items."""
    leaves = tree.leaves(native)
    return min(float(leaf.min()) for leaf in leaves), max(float(leaf.max()) for leaf in leaves)


def scene(distilled: DistilledSet) -> str:
    """All items of a set in one picture, as a data URI; "" where each stands for itself."""
    drawn = distilled.codec.scene(distilled.native, distilled.batch.classes, distilled.classes)
    return "" if drawn is None else small(drawn, largest=0)


def _played(distilled: DistilledSet, item: Tree) -> str:
    sound = distilled.codec.sound(item)
    return "" if sound is None else f"data:audio/wav;base64,{base64.b64encode(wav([sound])).decode()}"


def _drawn(distilled: DistilledSet, item: Tree) -> str:
    picture = distilled.codec.picture(item)
    return "" if picture is None else exact(picture)


def contact_sheet(distilled: DistilledSet, most: int = 20) -> str:
    """The first items of every class, side by side, as a data URI; "" where items have no picture."""
    native, classes = distilled.native, distilled.batch.classes
    each = max(1, most // len(classes.unique()))
    rows = [row for index in classes.unique().tolist() for row in (classes == index).nonzero()[:each, 0].tolist()][
        :most
    ]
    drawn = [distilled.codec.picture(tree.row(native, row)) for row in rows]
    pictures = [picture for picture in drawn if picture is not None]
    if len(pictures) < len(rows) or len({picture.shape for picture in pictures}) > 1:
        return ""
    columns = min(10, len(rows))
    cells = torch.nn.functional.pad(torch.stack(pictures), (0, 0, 0, 1, 0, 1), value=255)
    lines = [torch.cat(list(part), 1) for part in cells.split(columns) if len(part) == columns]
    # Large images are made small enough for a card before they are drawn.
    joined = torch.cat(lines, 0)[:-1, :-1]
    factor = max(1, joined.shape[1] // 480)
    return exact(joined[::factor, ::factor], largest=0)


def item_data(distilled: DistilledSet, findings: Sequence[Finding], shown: Sequence[int]) -> dict[str, dict[str, Any]]:
    """What a page knows of each shown image, as JSON: {item: {...}}.

    Its class, range of values, largest targets, the test examples that it helps and harms most as
    [row, class, influence], its effects, and the attributes that it carries.
    """
    batch, native = distilled.batch, distilled.native
    known = {}
    for item in shown:
        low, high = _span(tree.row(native, item))
        pairs = _largest(batch.targets, item, len(distilled.classes))
        known[str(item)] = {
            "class": distilled.classes[int(batch.classes[item])],
            "low": _short(low),
            "high": _short(high),
            "targets": [[distilled.classes[index], _short(value)] for index, value in pairs if value > 0],
            "helped": [],
            "harmed": [],
            "near": [],
            "effects": [],
            "attributes": [],
        }
    for finding in findings:
        for item, field, value in _of(finding):
            if str(item) in known:
                known[str(item)][field].append(value)
    return known


def _largest(targets: Tree, item: int, classes: int) -> list[tuple[int, float]]:
    """The largest weights of an item over the classes; none where targets are no such weights."""
    if not isinstance(targets, Tensor) or targets.dim() != 2 or targets.shape[1] != classes:
        return []
    values, largest = targets[item].topk(min(3, classes))
    return list(zip(largest.tolist(), values.tolist(), strict=True))


def _of(finding: Finding) -> list[tuple[int, str, list[Any]]]:
    """(item, field, value) of what a finding says of images."""
    if finding.probe == "influence":
        effects = [(row.item, name, value) for row in ItemRow.of(finding) or [] for name, value in row.effects]
        return [
            *((row.item, row.side, [row.row, row.class_, _short(row.influence)]) for row in shown_examples(finding)),
            *((item, "effects", [name, _short(value)]) for item, name, value in effects),
        ]
    if finding.probe == "mimicry":
        return [(row.item, "near", [row.row, row.class_, _short(row.distance)]) for row in shown_training(finding)]
    if finding.probe == "semantics":
        carried = [row for row in AttributeRow.of(finding) or [] if row.found]
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
