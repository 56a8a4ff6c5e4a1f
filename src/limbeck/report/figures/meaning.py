"""Figures of what single items stand for: influence and attributes."""

from __future__ import annotations

from collections.abc import Sequence

from limbeck.core.units import percent
from limbeck.probes.tables.influence import ADDITIVE, DISTANCE, OTHERS, SEEDS, ItemRow, RealImageRow, within_class
from limbeck.probes.tables.semantics import AccuracyRow, CurveRow
from limbeck.report.charts import Axis, Dots, Interval, Line, Linear, Look, Rule, intervals, plot
from limbeck.report.charts.scales import finite
from limbeck.report.figures.figure import (
    Figure,
    SetFinding,
    SetRows,
    colours,
    legend,
    named,
    numbers,
    once,
    rows_of,
)

MEASURES = {
    within_class(SEEDS): "with itself under another seed",
    OTHERS: "with other items under another seed",
    within_class(ADDITIVE): "with itself added instead of left out",
    within_class(DISTANCE): "with distance, in the units of the data",
}
"""What the correlations of influence are called."""
REAL = "random real examples"
CURVES = 2
"""Attributes of a set whose curves are drawn, the strongest."""
FEW = 4
"""Items of a class up to which each has a line of its own."""


def influence(findings: Sequence[SetFinding]) -> list[Figure]:
    """What items do to examples of their class and of others, and whether that repeats."""
    figures = []
    tables = rows_of(findings, ItemRow)
    if tables:
        real = once(
            rows_of(findings, RealImageRow),
            lambda row: (row.mean_influence_in_class, row.mean_influence_out_of_class),
        )
        dots = [
            *(_effects(f"{REAL}{of}", Look(), each) for of, each in real),
            *(_effects(each.of.name, each.of.look(), each) for each in tables),
        ]
        title = "What one item does to its class and to the others"
        x = numbers("influence on test examples of other classes", *(each.x for each in dots))
        y = numbers("influence on those of its class (loss that it spares)", *(each.y for each in dots))
        rules = [Rule("", Look(), x=0.0), Rule("", Look(), y=0.0)]
        caption = (
            "Each dot is an item, left out of training: upwards it helps its own class, to the left it harms others."
        )
        figures.append(Figure(title, plot([*rules, *dots], x, y, title), caption, legend(dots), named(tables)))
    if parts := _repeating(findings):
        title = "Whether what an item helps repeats"
        axis = Axis("mean correlation within the class", Linear(-1.0, 1.0))
        caption = (
            "Of the influence of an item on the test examples of its class; mean over items, its interval over "
            f"seeds. Below each set, in grey: {REAL} in its place."
        )
        figures.append(Figure(title, intervals(parts, axis, title), caption, colours(tables), named(tables)))
    return figures


def _repeating(findings: Sequence[SetFinding]) -> list[tuple[str, list[Interval]]]:
    """What influence goes along with, of each set and of its control."""
    parts = []
    for name, words in MEASURES.items():
        facts = [
            (look, fact)
            for each in findings
            for look, found in ((each.look(), each.finding.facts), (Look(), each.finding.control))
            for fact in found
            if fact.name == name and finite([fact.value])
        ]
        if facts:
            parts.append((words, [Interval(look, f.value, f.low, f.high, f"{f.value:.2f}") for look, f in facts]))
    return parts


def _effects(name: str, look: Look, items: SetRows[ItemRow] | SetRows[RealImageRow]) -> Dots:
    x = [row.mean_influence_out_of_class for row in items.rows]
    return Dots(name, look, x, [row.mean_influence_in_class for row in items.rows], large=True)


def semantics(findings: Sequence[SetFinding]) -> list[Figure]:
    """Precision and recall of the strongest attributes, and how often learners are right on who carries them."""
    figures = [figure for each in rows_of(findings, CurveRow) for figure in _curves(each)]
    if tables := rows_of(findings, AccuracyRow):
        dots = [
            Dots(
                each.of.name,
                each.of.look(),
                each.column(lambda row: row.accuracy_on_others),
                each.column(lambda row: row.accuracy_on_carriers),
                large=True,
            )
            for each in tables
        ]
        same = Line("as often", Look(-1, 1), [0.0, 1.0], [0.0, 1.0])
        title = "Learners on examples with an attribute and without"
        x, y = (
            Axis(f"right on {side}, %", Linear(0.0, 1.0), times=100) for side in ("the others", "those that carry it")
        )
        caption = "Each dot is an attribute of a class; above the line, learners are right more often on its carriers."
        picture = plot([same, *dots], x, y, title)
        figures.append(Figure(title, picture, caption, legend([*dots, same]), named(tables)))
    return figures


def _curves(points: SetRows[CurveRow]) -> list[Figure]:
    figures = []
    for pair in list(dict.fromkeys((row.class_, row.attribute) for row in points.rows))[:CURVES]:
        mine = [row for row in points.rows if (row.class_, row.attribute) == pair]
        items = list(dict.fromkeys(row.item for row in mine))
        lines = []
        for index, item in enumerate(items):
            curve = [row for row in mine if row.item == item]
            name = f"item {item}" if len(items) <= FEW else f"each item of {points.of.name}"
            look = points.of.look(index if len(items) <= FEW else 0)
            lines.append(Line(name, look, [row.recall for row in curve], [row.precision for row in curve]))
        title = f"{points.of.name}: class {pair[0]}, {pair[1]}"
        x, y = (Axis(f"{name}, %", Linear(0.0, 1.0), times=100) for name in ("recall", "precision"))
        caption = (
            "Test examples of the class, ranked by the influence of an item, the mean of two seeds; precision where "
            "recall first gets there; "
            f"{percent(mine[0].prevalence)} of them carry it."
        )
        figures.append(Figure(title, plot(lines, x, y, title), caption, legend(lines), named([points])))
    return figures
