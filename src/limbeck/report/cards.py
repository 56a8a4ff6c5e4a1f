"""What a set comes to, on one card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from limbeck.comparison import measured
from limbeck.core.findings import Fact, Finding, Table
from limbeck.distilled_set import DistilledSet
from limbeck.report.charts import Axis, Interval, Linear, Look, heat, intervals
from limbeck.report.charts.scales import finite
from limbeck.report.figures.figure import Figure
from limbeck.report.gallery import sheet
from limbeck.report.numbers import size
from limbeck.report.sections import TONES

ORDER = tuple(TONES)


@dataclass(frozen=True)
class Card:
    """One set: its images, its score beside baselines, what it is worth, and the verdicts."""

    name: str
    look: Look
    picture: str
    numbers: tuple[tuple[str, str, str], ...]
    """(what, value, more) of each."""
    chart: Figure | None
    findings: tuple[Finding, ...]
    """With what it is to be used for first."""


def card(
    place: int,
    name: str,
    full: str,
    distilled: DistilledSet,
    findings: Sequence[Finding],
    rows: Sequence[Mapping[str, Any]],
    baselines: Sequence[Mapping[str, Any]],
) -> Card:
    """The card of the set at a place; `full` is its name in findings and rows, `baselines` are rows of no set."""
    mine = sorted((each for each in findings if each.set == full), key=lambda each: ORDER.index(each.tone))
    facts = {(each.probe, fact.name): fact for each in mine for fact in each.facts}
    own = [row for row in rows if row["set"] == full]
    numbers = [
        *_score(own, facts.get(("substitution", "accuracy"))),
        *_worth(mine, "real images per class", ("real images", "per class"), "real images per class"),
        *_worth(mine, "real training steps", ("real steps", "step"), "steps on all real data"),
        ("holds", f"{len(distilled):,} items", f"{distilled.per_class} of a class, {distilled.label_mode} labels"),
        ("stored", size(distilled.budget.bytes), f"{distilled.budget.scalars:,} numbers"),
    ]
    return Card(name, Look(place), sheet(distilled), tuple(numbers), _beside(place, name, own, baselines), tuple(mine))


def _score(own: Sequence[Mapping[str, Any]], fact: Fact | None) -> list[tuple[str, str, str]]:
    """By the first score; by the learners of the explanation where it was not scored."""
    if own:
        row = own[0]
        mean, low, high = (measured(row[name], row["unit"]) for name in ("mean", "low", "high"))
        spread = f"{low} to {high}, " if row["n"] > 1 else ""
        return [(row["metric"], mean, f"{spread}{row['network']}, n {row['n']}")]
    if fact is None:
        return []
    value, low, high = (measured(each, "fraction") for each in (fact.value, fact.low, fact.high))
    spread = f"{low} to {high}, " if fact.n > 1 else ""
    return [(fact.name, value, f"{spread}n {fact.n}")]


def _worth(findings: Sequence[Finding], name: str, curve: tuple[str, str], unit: str) -> list[tuple[str, str, str]]:
    """What substitution says; more than the end of its curve where that never gets there."""
    for finding in findings:
        if finding.probe == "substitution":
            for fact in finding.facts:
                if fact.name == name:
                    spread = f" ({fact.low:.0f} to {fact.high:.0f})" if fact.n > 1 else ""
                    return [("worth", f"{fact.value:.0f}", f"{unit}{spread}")]
            for table in finding.tables:
                if table.name == curve[0] and table.rows and curve[1] in table.columns:
                    return [("worth", f"> {max(finite(table.column(curve[1]))):.0f}", unit)]
    return []


def _beside(
    place: int, name: str, own: Sequence[Mapping[str, Any]], baselines: Sequence[Mapping[str, Any]]
) -> Figure | None:
    """The set and the baselines of its size, and all data, under its first network."""
    if not own:
        return None
    network, stored = own[0]["network"], own[0]["bytes"]
    others = [row for row in baselines if row["network"] == network and row["split"] == own[0]["split"]]
    others = [row for row in others if row["bytes"] == stored or row["set"] == "full"]
    title = f"{name} beside baselines"
    return standing([(name, Look(place), own[0]), *((row["set"], Look(-1, 1), row) for row in others)], title)


def standing(found: Sequence[tuple[str, Look, Mapping[str, Any]]], title: str) -> Figure:
    """Scores beside one another, each with its interval, from 0."""
    parts, first = [], found[0][2]
    share = first["unit"] == "fraction"
    least, most = 0.0, 0.0
    for name, look, row in found:
        text = measured(row["mean"], row["unit"]).removesuffix(" %")
        parts.append((name, [Interval(look, row["mean"], row["low"], row["high"], text)]))
        least = min(least, row["mean"], row["low"])
        most = max(most, row["mean"], min(row["high"], 1.0) if share else row["high"])
    unit = "%" if share else first["unit"]
    named = f"{first['metric']} on {first['split']} examples{f', {unit}' if unit else ''}"
    axis = Axis(named, Linear(least * 1.05, most * 1.05 or 1.0), times=100 if share else 1)
    caption = (
        f"{first['network']}: mean {first['metric']} and 95 % interval, fresh learners, protocol {first['protocol']}; "
        f"{'higher' if first['higher_is_better'] else 'lower'} is better."
    )
    return Figure(title, intervals(parts, axis, title), caption, (), (("", scores([row for _, _, row in found])),))


def scores(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Rows of scores as a table."""
    columns = ("set", "network", "split", "metric", "mean", "low", "high", "n", "protocol", "bytes")
    return Table("scores", columns, tuple(tuple(row[name] for name in columns) for row in rows), "95 % intervals")


def matrix(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str], title: str) -> Figure | None:
    """Scores of every set and baseline under every network as a heat map; None where there is one network."""
    networks = list(dict.fromkeys(row["network"] for row in rows))
    entries = list(dict.fromkeys((row["set"], row["bytes"]) for row in rows))
    if len(networks) < 2:
        return None
    found = {(row["set"], row["bytes"], row["network"]): row for row in rows}
    cells = [[found.get((*entry, network)) for network in networks] for entry in entries]
    values = [[cell["mean"] if cell else None for cell in line] for line in cells]
    texts = [
        [(measured(cell["mean"], cell["unit"]).removesuffix(" %"), _half(cell)) if cell else ("", "") for cell in line]
        for line in cells
    ]
    picture = heat([names.get(entry[0], entry[0]) for entry in entries], networks, values, texts, title)
    unit = "per cent" if rows[0]["unit"] == "fraction" else rows[0]["unit"]
    caption = f"{rows[0]['metric'].capitalize()}{f' in {unit}' if unit else ''}, half of its 95 % interval below."
    return Figure(title, picture, caption, (), (("", scores(rows)),))


def _half(row: Mapping[str, Any]) -> str:
    """Half of an interval."""
    half = (row["high"] - row["low"]) / 2
    return f"± {100 * half:.1f}" if row["unit"] == "fraction" else f"± {half:.2g}"
