"""A figure, and what functions that draw findings share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from markupsafe import Markup

from limbeck.core.findings import Finding, Row, Table, Value
from limbeck.report.charts import Axis, Dots, Line, Linear, Look, Rule
from limbeck.report.charts.plot import marker
from limbeck.report.charts.svg import tag

Key = tuple[Markup, str]
Kind = TypeVar("Kind", bound=Row)


@dataclass(frozen=True)
class SetFinding:
    """A finding, the number of its set among those of the page (-1 for none of them), and how that is called."""

    index: int
    name: str
    finding: Finding

    def look(self, dash: int = 0) -> Look:
        """Its set's colour, with a dash for what is drawn of it."""
        return Look(self.index, dash)


@dataclass(frozen=True)
class SetRows(Generic[Kind]):
    """The rows of one table of a set's finding."""

    of: SetFinding
    rows: list[Kind]
    table: Table

    def column(self, value: Callable[[Kind], Value]) -> list[Value]:
        """One value of every row."""
        return [value(row) for row in self.rows]

    def line(self, *values: Callable[[Kind], Value], name: str | None = None, look: Look | None = None) -> Line:
        """A curve of x and y, and the ends of its band where given; under its set's name and look unless told."""
        columns = [self.column(value) for value in values]
        return Line(self.of.name if name is None else name, look or self.of.look(), *columns)


@dataclass(frozen=True)
class Figure:
    """A chart with what it shows in words, what its lines are, and the tables that hold its numbers."""

    title: str
    picture: Markup
    caption: str
    legend: tuple[Key, ...] = ()
    tables: tuple[tuple[str, Table], ...] = ()
    """Each with the name of its set, or "" where it is of all."""


def rows_of(findings: Sequence[SetFinding], kind: type[Kind]) -> list[SetRows[Kind]]:
    """The rows of a table, of each finding that has any; one that is out of date has none, and the page says so."""
    return [
        SetRows(each, rows, each.finding.table(kind.table_name))
        for each in findings
        for rows in [kind.of(each.finding)]
        if rows
    ]


def once(tables: Sequence[SetRows[Kind]], key: Callable[[Kind], object]) -> list[tuple[str, SetRows[Kind]]]:
    """The tables that differ in a key, each with what to call it: ", beside NAME", or "" where all are the same.

    What concerns real data alone is the same beside every set, and need not be drawn for each.
    """
    different: dict[tuple[object, ...], SetRows[Kind]] = {}
    for each in tables:
        different.setdefault(tuple(map(key, each.rows)), each)
    return [(f", beside {each.of.name}" if len(different) > 1 else "", each) for each in different.values()]


def named(tables: Sequence[SetRows[Kind]]) -> tuple[tuple[str, Table], ...]:
    """The tables, each with its set's name."""
    return tuple((each.of.name, each.table) for each in tables)


def colours(tables: Sequence[SetRows[Kind]]) -> tuple[Key, ...]:
    """The colour of each set."""
    return tuple((key(each.of.look(), "mark"), each.of.name) for each in tables)


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
