"""A figure, and what functions that draw findings share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from limbeck.core.findings import Finding, Table, Value
from limbeck.report.charts import Axis, Dots, Line, Linear, Look, Rule
from limbeck.report.charts.plot import marker
from limbeck.report.charts.svg import tag

Key = tuple[Markup, str]


@dataclass(frozen=True)
class Shown:
    """A finding, the place of its set among those of the page, and how that is called."""

    place: int
    name: str
    finding: Finding

    def look(self, dash: int = 0) -> Look:
        """Its set's colour, with a dash for what is drawn of it."""
        return Look(self.place, dash)


@dataclass(frozen=True)
class Figure:
    """A chart with what it shows in words, what its lines are, and the tables that hold its numbers."""

    title: str
    picture: Markup
    caption: str
    legend: tuple[Key, ...] = ()
    tables: tuple[tuple[str, Table], ...] = ()
    """Each with the name of its set, or "" where it is of all."""


Held = tuple[Shown, Table]


def having(found: Sequence[Shown], name: str, *columns: str) -> list[Held]:
    """Those with a table of that name that has rows and the columns: a finding of another version may have others."""
    return [
        (shown, table)
        for shown in found
        for table in shown.finding.tables
        if table.name == name and table.rows and set(columns) <= set(table.columns)
    ]


def once(held: Sequence[Held], *columns: str) -> list[tuple[str, Table]]:
    """The tables that differ in some columns, each with what to call it: ", of NAME", or "" where all are the same.

    What concerns real data alone is the same beside every set, and need not be drawn for each.
    """
    told: dict[tuple[tuple[Value, ...], ...], tuple[str, Table]] = {}
    for shown, table in held:
        told.setdefault(tuple(tuple(table.column(column)) for column in columns), (shown.name, table))
    return [(f", beside {name}" if len(told) > 1 else "", table) for name, table in told.values()]


def tables_of(held: Sequence[Held]) -> tuple[tuple[str, Table], ...]:
    """The tables, each with its set's name."""
    return tuple((shown.name, table) for shown, table in held)


def legend(marks: Sequence[Line | Dots | Rule]) -> tuple[Key, ...]:
    """For each name the look of its first mark."""
    first: dict[str, Line | Dots | Rule] = {}
    for mark in marks:
        if mark.name:
            first.setdefault(mark.name, mark)
    return tuple((key(mark.look, "dots" if isinstance(mark, Dots) else "line"), name) for name, mark in first.items())


def key(look: Look, kind: str = "line") -> Markup:
    """A sample of a look: of a line, of dots, or of a mark with its interval."""
    if kind == "mark":
        drawn = tag("line", x1=3, x2=27, y1=6, y2=6, class_=f"interval {look.classes}") + marker(15, 6, look, 4.2)
    else:
        data = "M15 6h0" if kind == "dots" else "M1 6h28"
        size = "large " if kind == "dots" else ""
        drawn = tag("path", d=data, class_=f"{kind} {size}{look.classes}")
    return tag("svg", drawn, viewBox="0 0 30 12", class_="key", aria_hidden="true")


def percents(label: str, *values: Sequence[Value]) -> Axis:
    """An axis of shares over all of the values, in per cent."""
    scale = Linear.over(value for each in values for value in each)
    return Axis(f"{label}, %", scale, times=100)


def numbers(label: str, *values: Sequence[Value], include: Sequence[float | int] = ()) -> Axis:
    """A linear axis over all of the values."""
    return Axis(label, Linear.over((value for each in values for value in each), include))


def select(table: Table, **wanted: Value) -> Table:
    """The rows whose columns have those values."""
    places = {table.columns.index(name): value for name, value in wanted.items()}
    rows = tuple(row for row in table.rows if all(row[place] == value for place, value in places.items()))
    return Table(table.name, table.columns, rows, table.caption)
