"""What a probe found of a set, as data: numbers, tables, a verdict, and how it was measured. Never a plot.

A probe declares the rows of each of its tables once, as a subclass of `Row`; whoever reads the table reads rows of that
class, so that a column that is renamed there is an error of types everywhere else, and a stored finding whose columns
are others says so (`out_of_date`).
"""

from __future__ import annotations

import dataclasses
import math
import re
import types
import typing
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, NamedTuple, TypeVar

from limbeck.core import notebook
from limbeck.core.units import duration

Value = float | int | str | None
_NONE = type(None)

TONES = {"use": "use", "avoid": "do not", "note": "note", "unknown": "open"}
"""What a verdict comes to, in words: the set may be used so, must not be, it is a thing to know, or that is open."""


class Fact(NamedTuple):
    """One number with its 95 % interval over `n` independent measurements; the number itself where n = 1."""

    name: str
    value: float
    low: float
    high: float
    n: int

    @classmethod
    def once(cls, name: str, value: float) -> Fact:
        """A number that was measured once, or that is exact."""
        return cls(name, value, value, value, 1)


class Claim(NamedTuple):
    """What a verdict says of a number, or leaves open: where its interval lies of a cut."""

    fact: str
    """The name of the number."""
    cut: float
    side: str
    """Where all of the interval lies, "above" or "below" the cut; else "open"."""
    draws: int
    """About how many independent draws would decide it where it is open; 0 where none that can be had would."""


class Verdict(NamedTuple):
    """What a probe says of a set, and what that rests on."""

    text: str
    """In plain words, with the numbers it rests on."""
    tone: str
    """One of `TONES`."""
    claims: tuple[Claim, ...] = ()
    """What was asked of the numbers; none where nothing is said."""


@dataclass(frozen=True)
class Table:
    """Rows of plain values under named columns; accuracies and shares are fractions in [0, 1]."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    caption: str = ""
    """What a reader of the numbers must know: units, n, what an interval is of."""

    def column(self, name: str) -> list[Value]:
        """The values of one column.

        >>> Table("t", ("step", "loss"), ((0, 2.5), (1, 2.0))).column("loss")
        [2.5, 2.0]
        """
        return [row[self.columns.index(name)] for row in self.rows]


@dataclass(frozen=True, repr=False)
class Finding:
    """What one probe says of one set."""

    probe: str
    set: str
    question: str
    verdict: str
    """One line in plain words, with the numbers it rests on."""
    tone: str
    """One of `TONES`."""
    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()
    method: str = ""
    """How it was measured: protocol, counts, seeds, evaluation examples."""
    caveats: tuple[str, ...] = ()
    """What the numbers do not say."""
    control: tuple[Fact, ...] = ()
    """The same numbers of as many random real examples, by name: what they come to without any distillation."""
    claims: tuple[Claim, ...] = ()
    """What the verdict says of numbers, and what it leaves open."""
    deciding: str = ""
    """What would decide what is left open; "" where nothing is."""
    seconds: float | None = None
    """About how long that would take here, where it is known; it is no part of the document."""

    @property
    def words(self) -> str:
        """The verdict, and what would decide what it leaves open."""
        if not self.deciding:
            return self.verdict
        takes = "" if self.seconds is None else f", {duration(self.seconds)} here"
        return f"{self.verdict} {self.deciding[0].upper()}{self.deciding[1:]}{takes}."

    @property
    def first(self) -> str:
        """The first sentence of the verdict."""
        return re.split(r"(?<=\.) (?=[A-Z])", self.verdict, maxsplit=1)[0]

    @property
    def brief(self) -> str:
        """That, and, unless the verdict is decided, what would decide what it leaves open."""
        return self.first + ("" if self.tone in ("use", "avoid") else self.words.removeprefix(self.verdict))

    def __repr__(self) -> str:
        return f"Finding({self.probe} of {self.set}, {TONES[self.tone]}:\n        {self.words})"

    def _repr_html_(self) -> str:
        facts = [(fact.name, *map("{:.4g}".format, fact[1:4]), self._beside(fact.name)) for fact in self.facts]
        numbers = notebook.table(("", "value", "low", "high", "random real examples"), facts, self.method)
        return Findings([self])._repr_html_() + (numbers if facts else "")

    def _beside(self, name: str) -> str:
        """What a number is of random real examples, where that is known."""
        found = [fact for fact in self.control if fact.name == name]
        return f"{found[0].value:.4g} ({found[0].low:.4g} to {found[0].high:.4g})" if found else ""

    def document(self) -> dict[str, Any]:
        """The finding as JSON; numbers that are not finite become null."""
        named = {name: [each._asdict() for each in getattr(self, name)] for name in ("facts", "control", "claims")}
        whole = {**asdict(self), **named}
        del whole["seconds"]
        return _plain(whole)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Finding:
        """The finding that a document holds; KeyError or TypeError where it holds none."""
        rest = {name: document[name] for name in ("probe", "set", "question", "verdict", "tone", "method")}
        tables = tuple(
            Table(each["name"], tuple(each["columns"]), tuple(map(tuple, each["rows"])), each["caption"])
            for each in document["tables"]
        )
        return cls(
            **rest,
            facts=tuple(Fact(**fact) for fact in document["facts"]),
            tables=tables,
            caveats=tuple(document["caveats"]),
            control=tuple(Fact(**fact) for fact in document.get("control", ())),
            claims=tuple(Claim(**claim) for claim in document.get("claims", ())),
            deciding=document.get("deciding", ""),
        )

    def fact(self, name: str) -> Fact:
        """The fact of that name; KeyError where there is none."""
        return {fact.name: fact for fact in self.facts}[name]

    def table(self, name: str) -> Table:
        """The table of that name; KeyError where there is none."""
        return {table.name: table for table in self.tables}[name]


class Findings(list[Finding]):
    """Findings, which a notebook shows as one table."""

    def _repr_html_(self) -> str:
        rows = [(each.set, TONES[each.tone], each.probe, each.words) for each in self]
        return notebook.table(("set", "", "probe", "verdict"), rows)


Own = TypeVar("Own", bound="Row")
"""A class of rows."""


@dataclass(frozen=True)
class Row:
    """One row of a table: its fields are the columns, in order, and hold int, float or str, or one of these or None.

    The field `low_gain` is the column "low gain", and `class_` is "class". A number that is not finite is null in JSON:
    it comes back as None where the field may be that, else as NaN.

    >>> @dataclass(frozen=True)
    ... class Reading(Row, table="readings", caption="one training"):
    ...     step: int
    ...     test_accuracy: float | None
    >>> table = Reading.table([Reading(0, None), Reading(10, 0.5)])
    >>> table.name, table.columns, table.rows
    ('readings', ('step', 'test accuracy'), ((0, None), (10, 0.5)))
    >>> finding = Finding("p", "s", "Is it?", "It is.", "note", tables=(table,))
    >>> [row.test_accuracy for row in Reading.of(finding) or []]
    [None, 0.5]
    """

    table_name: ClassVar[str]
    caption: ClassVar[str]

    def __init_subclass__(cls, table: str = "", caption: str = "") -> None:
        cls.table_name, cls.caption = table, caption

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(field.name.rstrip("_").replace("_", " ") for field in dataclasses.fields(cls))

    @classmethod
    def place(cls, field: str) -> int:
        """Where the column of a field stands; ValueError where there is no such field."""
        return [each.name for each in dataclasses.fields(cls)].index(field)

    @classmethod
    def table(cls: type[Own], rows: Iterable[Own], caption: str = "") -> Table:
        """The table of these rows, with the caption of the class where none is given."""
        named = [
            (field.name, _NONE in kinds) for field, kinds in zip(dataclasses.fields(cls), _kinds(cls), strict=True)
        ]
        values = tuple(tuple(_known(getattr(row, name), empty) for name, empty in named) for row in rows)
        return Table(cls.table_name, cls.columns(), values, caption or cls.caption)

    @classmethod
    def read(cls: type[Own], table: Table) -> list[Own]:
        """The rows of a table; ValueError, in words, where its columns or their values are not those of the class."""
        columns = cls.columns()
        missing = [f"no column {name!r}" for name in columns if name not in table.columns]
        unknown = [f"an unknown column {name!r}" for name in table.columns if name not in columns]
        if missing or unknown:
            raise ValueError(", ".join([*missing, *unknown]))
        at, kinds = [table.columns.index(name) for name in columns], _kinds(cls)
        return [cls(*map(_value, columns, kinds, [row[index] for index in at])) for row in table.rows]

    @classmethod
    def of(cls: type[Own], finding: Finding) -> list[Own] | None:
        """The rows of this table in a finding; None where it has no such table, or one of other columns."""
        try:
            return cls.read(finding.table(cls.table_name))
        except (KeyError, ValueError):
            return None


def _kinds(row: type[Row]) -> list[frozenset[type]]:
    """The types that the values of each column may have."""
    hints = typing.get_type_hints(row)
    declared = [hints[field.name] for field in dataclasses.fields(row)]
    return [frozenset(typing.get_args(each) if isinstance(each, types.UnionType) else (each,)) for each in declared]


def _known(value: Value, empty: bool) -> Value:
    return None if empty and isinstance(value, float) and not math.isfinite(value) else value


def _value(column: str, kinds: frozenset[type], value: Value) -> Value:
    """A value as its column holds it: a number that was not finite is null in JSON."""
    if type(value) in kinds:
        return value
    if float in kinds and value is None:
        return math.nan
    if float in kinds and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    raise ValueError(f"{value!r} in column {column!r}")


def out_of_date(finding: Finding, rows: Sequence[type[Row]]) -> str:
    """Why a finding is not what its probe, whose tables have these rows, finds today; "" where it is.

    A finding without any table answers that nothing is known, and is never out of date.
    """
    if not finding.tables:
        return ""
    by_name = {row.table_name: row for row in rows}
    tables = {table.name: table for table in finding.tables}
    reasons = [f"table {name!r} is missing" for name in by_name if name not in tables]
    reasons += [f"table {name!r} is unknown" for name in tables if name not in by_name]
    for name, table in tables.items():
        try:
            if name in by_name:
                by_name[name].read(table)
        except ValueError as error:
            reasons.append(f"table {name!r} has {error}")
    return "; ".join(reasons)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value
