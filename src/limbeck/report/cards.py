"""What a set comes to, on one card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from limbeck.comparison import basis, called, draws, matching
from limbeck.core.findings import Fact, Finding, Table
from limbeck.core.score import tells_float32
from limbeck.core.units import bare, headed, measured, measured_range, percent, size
from limbeck.distilled_set import DistilledSet
from limbeck.inside import account
from limbeck.probes.tables.substitution import (
    ACCURACY,
    IMAGES,
    IN_SIGNS,
    STEPS,
    RealImagesRow,
    RealStepsRow,
    range_of_images,
    range_of_steps,
    reached,
    spread,
)
from limbeck.report.charts import Axis, Interval, Linear, Look, heat, intervals
from limbeck.report.figures.figure import Figure
from limbeck.report.gallery import contact_sheet
from limbeck.report.sections import TONES

ORDER = tuple(TONES)


@dataclass(frozen=True)
class Card:
    """One set: its images, its score beside baselines, what it is equivalent to, and the verdicts."""

    name: str
    look: Look
    picture: str
    numbers: tuple[tuple[str, str, str], ...]
    """(what, value, more) of each."""
    chart: Figure | None
    findings: tuple[Finding, ...]
    """With what it is to be used for first."""


def card(
    index: int,
    name: str,
    full: str,
    distilled: DistilledSet,
    findings: Sequence[Finding],
    rows: Sequence[Mapping[str, Any]],
    baselines: Sequence[Mapping[str, Any]],
) -> Card:
    """The card of the set of that number; `full` is its name in findings and rows, `baselines` are rows of no set."""
    mine = sorted((each for each in findings if each.set == full), key=lambda each: ORDER.index(each.tone))
    facts = {(each.probe, fact.name): fact for each in mine for fact in each.facts}
    own, stored = [row for row in rows if row["set"] == full], account(distilled)
    of_classes = f"{distilled.per_class} of a class, " if len(distilled.classes) > 1 else ""
    numbers = [
        *_score(own, facts.get(("substitution", ACCURACY))),
        *_equivalents(mine),
        ("holds", f"{len(distilled):,} items", f"{of_classes}{distilled.label_kind} labels"),
        ("stored", size(stored.bytes), stored.words),
    ]
    return Card(
        name, Look(index), contact_sheet(distilled), tuple(numbers), _beside(index, name, own, baselines), tuple(mine)
    )


def _score(own: Sequence[Mapping[str, Any]], fact: Fact | None) -> list[tuple[str, str, str]]:
    """By the first score; by the learners of the explanation where it was not scored."""
    if own:
        row = own[0]
        spread = f"{measured_range(row['low'], row['high'], row['unit'])}, " if len(row["values"]) > 1 else ""
        score, about = measured(row["mean"], row["unit"]), f"; {row['about']}" if row["about"] else ""
        return [(f"{row['split']} {row['metric']}", score, f"{spread}{row['network']}, {draws(row)}{about}")]
    if fact is None:
        return []
    spread = f"{measured_range(fact.low, fact.high, 'fraction')}, " if fact.n > 1 else ""
    return [(fact.name, percent(fact.value), f"{spread}n {fact.n}")]


def _equivalents(findings: Sequence[Finding]) -> list[tuple[str, str, str]]:
    """What substitution says; "<" and ">" where that lies beyond the ends of what it measured."""
    numbers = []
    for finding in (each for each in findings if each.probe == "substitution"):
        facts = {fact.name: fact for fact in finding.facts}
        images, steps = RealImagesRow.of(finding), RealStepsRow.of(finding)
        measured_at = (
            (IMAGES, images and range_of_images([row.per_class for row in images]), "real examples per class"),
            (STEPS, steps and range_of_steps([row.step for row in steps]), "steps on all real data"),
        )
        for name, ends, unit in measured_at:
            if name in facts and ends:
                between = spread(facts[name], ends, IN_SIGNS) if facts[name].n > 1 else ""
                more = f"{unit} ({between})" if between else unit
                numbers.append(("equivalent to", reached(facts[name].value, ends, IN_SIGNS), more))
    return numbers


def _beside(
    index: int, name: str, own: Sequence[Mapping[str, Any]], baselines: Sequence[Mapping[str, Any]]
) -> Figure | None:
    """The set, the baselines that match it by items and by bytes, and all data, under its first network."""
    if not own:
        return None
    others = [row for how in ("items", "bytes", "") for row in matching(own[0], baselines, how)]
    title = f"{name} beside baselines"
    named = [(called(row, (row,), {}), Look(-1, 1), row) for row in others]
    return standing([(name, Look(index), own[0]), *named], title)


def standing(scored: Sequence[tuple[str, Look, Mapping[str, Any]]], title: str) -> Figure:
    """Scores beside one another, each with its interval; from 0 unless that would leave them little room."""
    parts, first = [], scored[0][2]
    share = first["unit"] == "fraction"
    lows, highs = [], []
    for name, look, row in scored:
        text = bare(row["mean"], row["unit"])
        parts.append((name, [Interval(look, row["mean"], row["low"], row["high"], text)]))
        lows.append(min(row["mean"], row["low"]))
        highs.append(max(row["mean"], min(row["high"], 1.0) if share else row["high"]))
    named = headed(f"{first['metric']} on {first['split']} examples", first["unit"])
    axis = Axis(named, _around(min(lows), max(highs)), times=100 if share else 1)
    caption = (
        f"{first['network']}: mean {first['metric']}, {basis([row for _, _, row in scored])}, protocol "
        f"{first['protocol']}; {'higher' if first['higher_is_better'] else 'lower'} is better."
    )
    return Figure(title, intervals(parts, axis, title), caption, (), (("", scores([row for _, _, row in scored])),))


def _around(least: float | int, most: float | int) -> Linear:
    """A scale of values from `least` to `most`: of positive ones from 0, unless a third of that would be empty."""
    if 0 <= least <= most / 3 or most <= 0:
        return Linear(min(least * 1.05, 0.0), max(most * 1.05, 0.0) or 1.0)
    return Linear.over((least, most), pad=0.08)


def scores(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Rows of scores as a table."""
    columns = (
        "set",
        "network",
        "split",
        "metric",
        "mean",
        "low",
        "high",
        "n",
        "protocol",
        "bytes",
        *(["float32"] if tells_float32(rows) else []),
        "per_class",
        "labels",
        "matched",
        "beside",
        "seeds",
        "about",
    )
    return Table("scores", columns, tuple(tuple(row.get(name, "") for name in columns) for row in rows), basis(rows))


def matrix(rows: Sequence[Mapping[str, Any]], labels: Sequence[str], title: str) -> Figure | None:
    """A heat map of every set and baseline, by the label of its row, under every network; None for one network."""
    networks = list(dict.fromkeys(row["network"] for row in rows))
    if len(networks) < 2:
        return None
    found = {(label, row["network"]): row for label, row in zip(labels, rows, strict=True)}
    entries = list(dict.fromkeys(labels))
    cells = [[found.get((entry, network)) for network in networks] for entry in entries]
    values = [[cell["mean"] if cell else None for cell in line] for line in cells]
    texts = [
        [(bare(cell["mean"], cell["unit"]), f"± {_half(cell)}") if cell else ("", "") for cell in line]
        for line in cells
    ]
    picture = heat(entries, networks, values, texts, title)
    named = headed(rows[0]["metric"].capitalize(), rows[0]["unit"])
    caption = f"{named}; below it half of its interval: {basis(rows)}."
    return Figure(title, picture, caption, (), (("", scores(rows)),))


def _half(row: Mapping[str, Any]) -> str:
    """Half of an interval."""
    return bare((row["high"] - row["low"]) / 2, row["unit"], 2)
