"""Figures of what items look like, and of which classes learners confuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from limbeck.core.units import per_cent, percent
from limbeck.probes.tables.mimicry import FEATURES, INPUTS, ConfusionRow, KindRow, LookRow, RealLookRow
from limbeck.probes.verdicts.mimicry import ERRORS
from limbeck.report.charts import Axis, Dots, Interval, Linear, Look, heat, intervals, plot
from limbeck.report.charts.scales import finite
from limbeck.report.figures.figure import (
    Figure,
    SetFinding,
    SetRows,
    colours,
    key,
    legend,
    named,
    numbers,
    once,
    percents,
    rows_of,
)

LARGEST = 12
"""Classes up to which a matrix of confusions is drawn; the table has any."""
SEEN = {INPUTS: "in the units of the data", FEATURES: "in the features of learners of real data"}


def mimicry(findings: Sequence[SetFinding]) -> list[Figure]:
    """What items look like, how they lie among training examples, and what learners confuse."""
    figures = []
    if tables := rows_of(findings, KindRow):
        figures.append(_kinds(tables))
    items, real = rows_of(findings, LookRow), rows_of(findings, RealLookRow)
    figures += [figure for space in SEEN for figure in _lying(space, items, real)]
    confusions = rows_of(findings, ConfusionRow)
    return [*figures, *_confused(confusions), *_alike(confusions)]


def _kinds(tables: list[SetRows[KindRow]]) -> Figure:
    parts: dict[str, list[Interval]] = {}
    grey = Look(-1, 1)
    for each in tables:
        for row in each.rows:
            drawn = Interval(each.of.look(), row.share, row.low, row.high, percent(row.share, 0))
            parts.setdefault(f"{row.looks}, {row.space}", []).append(drawn)
    for _, each in once(tables, lambda row: (row.space, row.looks, row.unseen_real))[:1]:
        for row in each.rows:
            value = row.unseen_real
            parts[f"{row.looks}, {row.space}"].append(Interval(grey, value, value, value, percent(value, 0)))
    title = "What the items look like"
    picture = intervals(list(parts.items()), Axis("share of items, %", Linear(0.0, 1.0), times=100), title)
    caption = "Bars: 95 % intervals over items. Grey squares: unseen real examples, among which each kind is defined."
    return Figure(
        title, picture, caption, (*colours(tables), (key(grey, "mark"), "unseen real examples")), named(tables)
    )


def _lying(space: str, items: list[SetRows[LookRow]], real: list[SetRows[RealLookRow]]) -> list[Figure]:
    """How items lie in one space; nothing where class means say nothing."""
    marks = []
    for of, unseen in once([each for each in real if each.rows], lambda row: (row.space, row.relative, row.explained)):
        there = [row for row in unseen.rows if row.space == space]
        x, y = [row.relative for row in there], [row.explained for row in there]
        marks.append(Dots(f"unseen real examples{of}", Look(), x, y))
    for each in items:
        ours = [row for row in each.rows if row.space == space]
        x, y = [row.relative for row in ours], [row.explained for row in ours]
        marks.append(Dots(each.of.name, each.of.look(), x, y, large=True))
    marks = [mark for mark in marks if finite(mark.x) and finite(mark.y)]
    if not marks:
        return []
    title = f"Real examples or class means, {SEEN[space]}"
    across = numbers(
        "distance to the nearest training example, in medians", *(mark.x for mark in marks), include=(0.0,)
    )
    up = percents("variance that class means explain", *(mark.y for mark in marks))
    caption = (
        "Each dot is an item: at the left edge it is a copy of a training example, at the top a mixture of class "
        "means. In grey the same of real examples that the learners have not seen."
    )
    return [Figure(title, plot(marks, across, up, title), caption, legend(marks), (*named(items), *named(real)))]


def _confused(tables: list[SetRows[ConfusionRow]]) -> list[Figure]:
    """Who takes which class for which: learners of real data, and those of each set."""
    figures = []
    # Which rows there are hangs on the set, too.
    of_real = [replace(each, rows=[row for row in each.rows if row.real_data]) for each in tables]
    for of, each in once(of_real, lambda row: (row.class_, row.predicted, row.real_data)):
        figures += _matrix(each, f"What learners of real data confuse{of}", [row.real_data for row in each.rows])
    for each in tables:
        figures += _matrix(each, f"What learners of {each.of.name} confuse", [row.the_set for row in each.rows])
    return figures


def _matrix(confusions: SetRows[ConfusionRow], title: str, shares: Sequence[float]) -> list[Figure]:
    rows = confusions.rows
    names = list(dict.fromkeys([*(row.class_ for row in rows), *(row.predicted for row in rows)]))
    if len(names) > LARGEST:
        return []
    found = {(row.class_, row.predicted): value for row, value in zip(rows, shares, strict=True)}
    cells = [[found.get((name, other), 0.0) for other in names] for name in names]
    # Shaded are errors alone: beside what is right they would all be pale.
    values = [
        [None if name == other else value for other, value in zip(names, row, strict=True)]
        for name, row in zip(names, cells, strict=True)
    ]
    texts = [[(_rounded(value), "") for value in row] for row in cells]
    caption = (
        "Rows: the class of test examples; columns: what learners take them for, in %; mean over learners. The "
        "stronger, the more are mistaken."
    )
    return [Figure(title, heat(names, names, values, texts, title), caption, (), named([confusions]))]


def _rounded(share: float) -> str:
    """In per cent, as short as a cell asks for."""
    return "" if not share else "<1" if share < 0.005 else per_cent(share, 0)


def _alike(tables: list[SetRows[ConfusionRow]]) -> list[Figure]:
    """How far learners err like learners of real data, of each set and of its control; the numbers are facts."""
    lines: list[tuple[str, list[Interval]]] = []
    drawn: list[SetRows[ConfusionRow]] = []
    for each in tables:
        parts = [
            Interval(look, fact.value, fact.low, fact.high, f"{fact.value:.2f}")
            for look, found in ((each.of.look(), each.of.finding.facts), (Look(-1, 1), each.of.finding.control))
            for fact in found
            if fact.name == ERRORS and finite([fact.value])
        ]
        if parts:
            lines.append((each.of.name, parts))
            drawn.append(each)
    if not lines:
        return []
    title = "Whether learners err like learners of real data"
    picture = intervals(lines, Axis("correlation of errors", Linear(-1.0, 1.0)), title)
    caption = "Of the shares of each class taken for each other one; in grey: learners of as many random real examples."
    return [Figure(title, picture, caption, colours(drawn), named(drawn))]
