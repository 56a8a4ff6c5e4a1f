"""The page: everything in order, written by templates that escape what they are given."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from importlib import resources
from typing import Any

from markupsafe import Markup
from torch import Tensor

from limbeck.comparison import against_baselines, called, merged, short_names
from limbeck.core.units import size
from limbeck.core.version import VERSION
from limbeck.opening import grouped, opening
from limbeck.probes.tables.influence import ExampleRow
from limbeck.report.cards import card, matrix, standing
from limbeck.report.charts import Look
from limbeck.report.data import RANKS, ReportData, rows_needed, training_rows_needed
from limbeck.report.figures.figure import Figure, key
from limbeck.report.gallery import Gallery, gallery, item_data, listing, plates, scene
from limbeck.report.numbers import PageTable, slug, spread, written
from limbeck.report.pictures import small
from limbeck.report.sections import TONES, PageFigure, Section, beside, sections


def page(data: ReportData) -> str:
    """The whole HTML document of a study: one file that loads nothing, with every number behind every picture."""
    full = [name for name, _ in data.distilled_sets]
    names = short_names(full, ".safetensors")
    order = {name: index for index, name in enumerate(full)}
    findings = list(data.findings)
    rows = merged(data.rows)
    baselines = [row for row in rows if row["set"] not in order]
    verdicts = [*against_baselines(rows, full), *findings]
    cards = [
        card(index, names[name], name, distilled, verdicts, rows, baselines)
        for index, (name, distilled) in enumerate(data.distilled_sets)
    ]
    by_probe = sections(findings, order, names)
    comparison = _comparison(rows, names, order)
    galleries = [gallery(names[name], distilled) for name, distilled in data.distilled_sets]
    listings = [
        None if drawn else PageTable(slug("items", str(number)), names[name], listing(distilled))
        for number, (drawn, (name, distilled)) in enumerate(zip(galleries, data.distilled_sets, strict=True), 1)
    ]
    stored = [plates(distilled) for _, distilled in data.distilled_sets]
    scenes = [scene(distilled) for _, distilled in data.distilled_sets]
    figures = [*_on_page("card", [each.chart for each in cards]), *_on_page("scores", comparison)]
    style, script = stylesheet(), _file("script.js")
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            title=data.title,
            opening=opening(data.rows, verdicts, full),
            cards=list(zip(cards, figures[: len(cards)], galleries, listings, stored, scenes, strict=True)),
            comparison=figures[len(cards) :],
            beside=beside(findings, full),
            noun=next((each.noun for each in galleries if each), ""),
            opens=_opens({each.probe for each in findings}),
            names=[names[name] for name in full],
            sections=by_probe,
            facts=dict(data.facts),
            version=VERSION,
            tones=TONES,
            policy=_policy(style, script),
            style=Markup(style),
            script=Markup(script),
            data=_json(_item_data(data, names, galleries, by_probe)),
            tables=_json(_tables(figures, by_probe, listings)),
            key=key,
            look=Look,
            ranks=RANKS,
            spread=spread,
            slug=slug,
            grouped=grouped,
            written=written,
        )
    )


def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("limbeck.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _file(name: str) -> str:
    return (resources.files("limbeck.report") / "templates" / name).read_text("utf-8")


def stylesheet() -> str:
    """The style sheet of every page."""
    return _file("style.css")


def _policy(style: str, script: str) -> str:
    """Nothing is loaded, and no style or script runs but the page's own, by their digests."""
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        "default-src 'none'; img-src data:; media-src data:; "
        f"style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _json(value: Any) -> Markup:
    """JSON within a script element: nothing in it can end that."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


def _opens(asked: Collection[str]) -> str:
    """What the view of an image tells, by the probes that were asked."""
    told = ["what it was made for"]
    told += ["the training examples nearest to it"] * ("mimicry" in asked)
    told += ["the test examples that it helps and harms most"] * ("influence" in asked)
    return f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else told[0]


def _comparison(
    scores: Sequence[Mapping[str, Any]], names: Mapping[str, str], order: Mapping[str, int]
) -> list[Figure]:
    """All scores beside one another, those of one protocol together."""
    drawn: list[Figure | None] = []
    if len(order) == 1 and len({(row["network"], row["protocol"]) for row in scores}) == 1:
        # The card of the only set shows just that.
        return []
    protocols = dict.fromkeys(row["protocol"] for row in scores)
    for protocol in protocols:
        # Sets in their order, then what they are held against.
        of_it = [row for row in scores if row["protocol"] == protocol]
        rows = sorted(of_it, key=lambda row: order.get(row["set"], len(order)))
        metric, by = rows[0]["metric"].capitalize(), f", protocol {protocol}" if len(protocols) > 1 else ""
        labels = _labels(rows, names)
        for network in dict.fromkeys(row["network"] for row in rows):
            scored = [
                (label, Look(order[row["set"]]) if row["set"] in order else Look(-1, 1), row)
                for label, row in zip(labels, rows, strict=True)
                if row["network"] == network
            ]
            drawn.append(standing(scored, f"{metric} of learners, {network}{by}"))
        drawn.append(matrix(rows, labels, f"{metric} under every network{by}"))
    return [each for each in drawn if each is not None]


def _labels(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[str]:
    """What each row is called among all, with its bytes where there are others of that name of other bytes."""
    labels = [called(row, rows, names) for row in rows]
    sizes: dict[str, set[int]] = {}
    for label, row in zip(labels, rows, strict=True):
        sizes.setdefault(label, set()).add(row["bytes"])
    return [
        f"{label}, {size(row['bytes'])}" if len(sizes[label]) > 1 else label
        for label, row in zip(labels, rows, strict=True)
    ]


def _on_page(where: str, figures: Sequence[Figure | None]) -> list[PageFigure | None]:
    shown: list[PageFigure | None] = []
    for number, figure in enumerate(figures, 1):
        tables = figure.tables if figure else ()
        on_page = tuple(PageTable(slug(where, str(number), table.name), whose, table) for whose, table in tables)
        shown.append(PageFigure(figure, on_page) if figure else None)
    return shown


def _tables(
    figures: Sequence[PageFigure | None], by_probe: Sequence[Section], listings: Sequence[PageTable | None]
) -> dict[str, Any]:
    """Every table on the page by its key."""
    tables = [table for table in listings if table]
    tables += [table for figure in figures if figure for table in figure.tables]
    for section in by_probe:
        tables += [table for figure in section.figures for table in figure.tables] + list(section.others)
    return {table.key: table.document() for table in tables}


def _item_data(
    data: ReportData, names: Mapping[str, str], galleries: Sequence[Gallery | None], by_probe: Sequence[Section]
) -> dict[str, Any]:
    """What is known of single images, the test examples that they are shown beside, and which table has others where.

    {sets: [{name, items, examples: the key of a table, or ""}], examples: {row: picture}, training: {row: picture},
    places: {field: column}}.
    """
    others = [table for section in by_probe if section.probe == "influence" for table in section.others]
    kept = (ExampleRow.table_name, ExampleRow.columns())
    listed = {each.whose: each.key for each in others if (each.table.name, each.table.columns) == kept}
    sets = []
    for (name, distilled), shown in zip(data.distilled_sets, galleries, strict=True):
        items = [tile.item for _, tiles in shown.groups for tile in tiles] if shown else []
        known = item_data(distilled, [each for each in data.findings if each.set == name], items)
        sets.append({"name": names[name], "items": known, "examples": listed.get(names[name], "")})
    pictures = _pictures(data.examples, rows_needed(data.findings))
    training = _pictures(data.training, training_rows_needed(data.findings))
    places = {name: ExampleRow.place(name) for name in ("item", "class_", "influence", "distance")}
    return {"sets": sets, "examples": pictures, "training": training, "places": places}


def _pictures(pictures: Mapping[int, Tensor], wanted: Collection[int]) -> dict[str, str]:
    """Those that the page shows, by row."""
    shown = set(wanted)
    return {str(row): small(image) for row, image in sorted(pictures.items()) if row in shown}
