"""The page: everything in order, written by templates that escape what they are given."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from markupsafe import Markup

from limbeck.comparison import against_baselines
from limbeck.core.version import VERSION
from limbeck.report.cards import card, matrix, standing
from limbeck.report.charts import Look
from limbeck.report.figures.figure import Figure, key
from limbeck.report.gallery import Gallery, gallery, listing, told
from limbeck.report.material import RANKS, Material, rows_needed, short_names
from limbeck.report.numbers import Sheet, slug, spread, written
from limbeck.report.pictures import small
from limbeck.report.sections import TONES, Plate, Section, beside, sections


def page(material: Material) -> str:
    """The whole HTML document of a study: one file that loads nothing, with every number behind every picture."""
    full = [name for name, _ in material.distilled_sets]
    names = short_names(full)
    places = {name: place for place, name in enumerate(full)}
    findings = list(material.findings)
    rows = [{**row} for row in material.rows]
    baselines = [row for row in rows if row["set"] not in places]
    judged = [*against_baselines(rows, full), *findings]
    cards = [
        card(place, names[name], name, distilled, judged, rows, baselines)
        for place, (name, distilled) in enumerate(material.distilled_sets)
    ]
    found = sections(findings, places, names)
    comparison = _comparison(material, names, places)
    galleries = [gallery(names[name], distilled) for name, distilled in material.distilled_sets]
    listings = [
        None if drawn else Sheet(slug("items", str(place + 1)), names[name], listing(distilled))
        for place, (drawn, (name, distilled)) in enumerate(zip(galleries, material.distilled_sets, strict=True))
    ]
    plates = [*_plates("card", [each.chart for each in cards]), *_plates("scores", comparison)]
    style, script = _file("style.css"), _file("script.js")
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            title=material.title,
            cards=list(zip(cards, plates[: len(cards)], galleries, listings, strict=True)),
            comparison=plates[len(cards) :],
            beside=beside(findings, full),
            names=[names[name] for name in full],
            sections=found,
            facts=dict(material.facts),
            version=VERSION,
            tones=TONES,
            policy=_policy(style, script),
            style=Markup(style),
            script=Markup(script),
            data=_json(_data(material, names, galleries, found)),
            sheets=_json(_sheets(plates, found, listings)),
            key=key,
            look=Look,
            ranks=RANKS,
            spread=spread,
            slug=slug,
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


def _policy(style: str, script: str) -> str:
    """Nothing is loaded, and no style or script runs but the page's own, by their digests."""
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _json(value: Any) -> Markup:
    """JSON within a script element: nothing in it can end that."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


def _comparison(material: Material, names: Mapping[str, str], places: Mapping[str, int]) -> list[Figure]:
    """All scores beside one another."""
    rows = [{**row} for row in material.rows]
    drawn: list[Figure | None] = []
    for network in dict.fromkeys(row["network"] for row in rows):
        mine = [row for row in rows if row["network"] == network]
        # Sets in their order, then what they are held against.
        mine.sort(key=lambda row: places.get(row["set"], len(places)))
        found = []
        for row in mine:
            place = places.get(row["set"], -1)
            sizes = {each["bytes"] for each in mine if each["set"] == row["set"]}
            name = names.get(row["set"], row["set"]) + (f", {row['bytes']} B" if len(sizes) > 1 else "")
            found.append((name, Look(place) if place >= 0 else Look(-1, 1), row))
        drawn.append(standing(found, f"{mine[0]['metric'].capitalize()} of learners, {network}"))
    if rows:
        drawn.append(matrix(rows, names, f"{rows[0]['metric'].capitalize()} under every network"))
    return [each for each in drawn if each is not None]


def _plates(where: str, figures: Sequence[Figure | None]) -> list[Plate | None]:
    found: list[Plate | None] = []
    for index, figure in enumerate(figures):
        if figure is None:
            found.append(None)
        else:
            sheets = [Sheet(slug(where, str(index + 1), table.name), whose, table) for whose, table in figure.tables]
            found.append(Plate(figure, tuple(sheets)))
    return found


def _sheets(
    plates: Sequence[Plate | None], found: Sequence[Section], listings: Sequence[Sheet | None]
) -> dict[str, Any]:
    """Every table on the page by its key."""
    sheets = [sheet for sheet in listings if sheet]
    sheets += [sheet for plate in plates if plate for sheet in plate.sheets]
    for section in found:
        sheets += [sheet for plate in section.plates for sheet in plate.sheets] + list(section.others)
    return {sheet.key: sheet.document() for sheet in sheets}


def _data(
    material: Material, names: Mapping[str, str], galleries: Sequence[Gallery | None], found: Sequence[Section]
) -> dict[str, Any]:
    """What is known of single images, the test examples that they are shown beside, and which table has others."""
    influence = [sheet for section in found if section.probe == "influence" for sheet in section.others]
    listed = {sheet.whose: sheet.key for sheet in influence if sheet.table.name == "examples"}
    sets = []
    for (name, distilled), shown in zip(material.distilled_sets, galleries, strict=True):
        items = [tile.item for _, tiles in shown.groups for tile in tiles] if shown else []
        known = told(distilled, [each for each in material.findings if each.set == name], items)
        sets.append({"name": names[name], "items": known, "examples": listed.get(names[name], "")})
    wanted = set(rows_needed(material.findings))
    pictures = {str(row): small(image) for row, image in sorted(material.examples.items()) if row in wanted}
    return {"sets": sets, "examples": pictures}
