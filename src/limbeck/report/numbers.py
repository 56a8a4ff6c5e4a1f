"""How numbers are written, and tables as a page shows and hands them out."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from limbeck.core.findings import Fact, Table, Value

MOST = 60
"""Rows of a table that the page writes out; its script adds the others where it is opened, and a download has all."""


def written(value: Value) -> str:
    """A value in a table: four digits of a number that is no count.

    >>> written(0.123456), written(300), written(None), written("cat")
    ('0.1235', '300', '', 'cat')
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e6 else f"{value:.4g}"
    return "" if value is None else str(value)


def spread(fact: Fact) -> str:
    """A fact with its interval.

    >>> spread(Fact("a", 0.5, 0.25, 0.75, 3)), spread(Fact.once("a", 12.0))
    ('0.5 (0.25 to 0.75)', '12')
    """
    alone = f"{fact.value:.3g}"
    return f"{alone} ({fact.low:.3g} to {fact.high:.3g})" if fact.n > 1 else alone


def slug(*words: str) -> str:
    """A name of a file or anchor from any words.

    >>> slug("traces along real", "<b>x</b>")
    'traces-along-real-b-x-b'
    """
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-")[:80] or "x"


@dataclass(frozen=True)
class PageTable:
    """A table as a page shows it."""

    key: str
    """What the page calls it; its name as a download."""
    whose: str
    """The set that it is of; "" for more than one."""
    table: Table

    @property
    def rows(self) -> list[list[str]]:
        """The text of each cell of the rows that are written out."""
        return [[written(value) for value in row] for row in self.table.rows[:MOST]]

    @property
    def numeric(self) -> str:
        """Classes that name the columns which hold numbers alone: "n1 n3"."""
        columns = zip(*self.table.rows, strict=True)
        known = [[value for value in column if value is not None] for column in columns]
        positions = [index for index, column in enumerate(known, 1) if column and not any(map(_is_text, column))]
        return " ".join(f"n{index}" for index in positions)

    @property
    def left_out(self) -> int:
        """How many rows are not written out."""
        return max(0, len(self.table.rows) - MOST)

    def document(self) -> dict[str, list]:
        """All of its values, column by column, to seven digits (those of single precision), for a download.

        A column with text is {"of": its different values, "at": the position of each row's value among them}, since
        names of classes and the like come again and again.
        """
        columns = zip(*self.table.rows, strict=True)
        return {"columns": list(self.table.columns), "values": [_column(column) for column in columns]}


def _is_text(value: Value) -> bool:
    return isinstance(value, str)


def _column(column: Sequence[Value]) -> list[Value] | dict[str, list]:
    values = [_exact(value) for value in column]
    if not any(map(_is_text, values)):
        return values
    distinct = list(dict.fromkeys(values))
    positions = {value: index for index, value in enumerate(distinct)}
    return {"of": distinct, "at": [positions[value] for value in values]}


def _exact(value: Value) -> Value:
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    short = float(f"{value:.7g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short
