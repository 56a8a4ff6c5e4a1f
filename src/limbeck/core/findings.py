"""What a probe found of a set, as data: numbers, tables, a verdict, and how it was measured. Never a plot."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

Value = float | int | str | None

TONES = ("use", "avoid", "note", "unknown")
"""What a verdict comes to: the set may be used so, it must not be, it is a thing to know, or it could not be told."""


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


@dataclass(frozen=True)
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
    """How it was measured: protocol, counts, seeds, what was judged on."""
    caveats: tuple[str, ...] = ()
    """What the numbers do not say."""

    def document(self) -> dict[str, Any]:
        """The finding as JSON; numbers that are not finite become null."""
        return _plain({**asdict(self), "facts": [fact._asdict() for fact in self.facts]})

    @classmethod
    def of(cls, document: dict[str, Any]) -> Finding:
        """The finding that a document holds; KeyError or TypeError where it holds none."""
        rest = {name: document[name] for name in ("probe", "set", "question", "verdict", "tone", "method")}
        tables = tuple(
            Table(each["name"], tuple(each["columns"]), tuple(map(tuple, each["rows"])), each["caption"])
            for each in document["tables"]
        )
        facts = tuple(Fact(**fact) for fact in document["facts"])
        return cls(**rest, facts=facts, tables=tables, caveats=tuple(document["caveats"]))

    def fact(self, name: str) -> Fact:
        """The fact of that name; KeyError where there is none."""
        return {fact.name: fact for fact in self.facts}[name]

    def table(self, name: str) -> Table:
        """The table of that name; KeyError where there is none."""
        return {table.name: table for table in self.tables}[name]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value
