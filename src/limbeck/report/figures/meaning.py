"""Figures of what single images stand for: influence and attributes."""

from __future__ import annotations

from collections.abc import Sequence

from limbeck.core.findings import Table
from limbeck.report.charts import Axis, Dots, Interval, Line, Linear, Look, Rule, intervals, plot
from limbeck.report.charts.scales import finite
from limbeck.report.figures.figure import Figure, Shown, having, legend, numbers, once, tables_of
from limbeck.report.figures.likeness import keys

MEASURES = (
    ("seed correlation within class", "under another seed"),
    ("additive correlation within class", "added instead of left out"),
    ("distance correlation within class", "with distance in pixels"),
)


def influence(found: Sequence[Shown]) -> list[Figure]:
    """What images do to examples of their class and of others, and whether that repeats."""
    drawn = []
    inside, outside = "mean influence in class", "mean influence out of class"
    held = having(found, "items", "item", inside, outside)
    if held:
        real = once(having(found, "real images", inside, outside), inside, outside)
        dots = [
            *(
                Dots(f"real images{of}", Look(), table.column(outside), table.column(inside), True)
                for of, table in real
            ),
            *(
                Dots(shown.name, shown.look(), table.column(outside), table.column(inside), True)
                for shown, table in held
            ),
        ]
        title = "What one image does to its class and to the others"
        x = numbers("influence on test examples of other classes", *(each.x for each in dots))
        y = numbers("influence on those of its class (loss that it spares)", *(each.y for each in dots))
        rules = [Rule("", Look(), x=0.0), Rule("", Look(), y=0.0)]
        caption = (
            "Each dot is an image, left out of training: upwards it helps its own class, to the left it harms others."
        )
        drawn.append(Figure(title, plot([*rules, *dots], x, y, title), caption, legend(dots), tables_of(held)))
    told = {
        (name, fact.name): (shown, fact) for shown in found for fact in shown.finding.facts for name in [shown.name]
    }
    rows = []
    for measure, said in MEASURES:
        facts = [told[name] for name in told if name[1] == measure and finite([told[name][1].value])]
        if facts:
            rows.append((said, [Interval(s.look(), f.value, f.low, f.high, f"{f.value:.2f}") for s, f in facts]))
    if rows:
        title = "Whether what an image helps repeats"
        axis = Axis("mean correlation within the class", Linear(-1.0, 1.0))
        caption = "Of the influence of an image on the test examples of its class; mean and 95 % interval over images."
        drawn.append(Figure(title, intervals(rows, axis, title), caption, keys(held), tables_of(held)))
    return drawn


def semantics(found: Sequence[Shown]) -> list[Figure]:
    """Precision and recall of the strongest attributes, and how often learners are right on who carries them."""
    drawn = []
    for shown in found:
        for table in [each for each in shown.finding.tables if each.name.startswith("curves of ")][:2]:
            if {"item", "recall", "precision"} <= set(table.columns) and table.rows:
                drawn.append(_curves(shown, table))
    held = having(found, "accuracy", "class", "attribute", "accuracy on carriers", "accuracy on others")
    if held:
        dots = [
            Dots(
                shown.name, shown.look(), table.column("accuracy on others"), table.column("accuracy on carriers"), True
            )
            for shown, table in held
        ]
        same = Line("as often", Look(-1, 1), [0.0, 1.0], [0.0, 1.0])
        title = "Learners on examples with an attribute and without"
        x, y = (
            Axis(f"right on {side}, %", Linear(0.0, 1.0), times=100) for side in ("the others", "those that carry it")
        )
        caption = "Each dot is an attribute of a class; above the line, learners are right more often on its carriers."
        drawn.append(Figure(title, plot([same, *dots], x, y, title), caption, legend([*dots, same]), tables_of(held)))
    return drawn


def _curves(shown: Shown, table: Table) -> Figure:
    items = list(dict.fromkeys(table.column("item")))
    lines = []
    for index, item in enumerate(items):
        rows = [row for row in table.rows if row[table.columns.index("item")] == item]
        part = Table("", table.columns, tuple(rows))
        name = f"image {item}" if len(items) <= 4 else f"each image of {shown.name}"
        lines.append(
            Line(name, shown.look(index if len(items) <= 4 else 0), part.column("recall"), part.column("precision"))
        )
    title = f"{shown.name}: {table.name.removeprefix('curves of ')}"
    x, y = (Axis(f"{name}, %", Linear(0.0, 1.0), times=100) for name in ("recall", "precision"))
    caption = f"Test examples of the class, ranked by the influence of an image; {table.caption}."
    return Figure(title, plot(lines, x, y, title), caption, legend(lines), ((shown.name, table),))
