"""Rows of mixed columns: in the units they came in, and as a network sees them."""

from __future__ import annotations

import functools
import json
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.contracts import AbstractCodec
from limbeck.core.errors import InputError
from limbeck.core.placing import onto
from limbeck.core.schema import mismatch

Rows = Float[Tensor, "row field"]
Seen = Float[Tensor, "row number"]

NUMBER, WHOLE, DATE, CATEGORY, YES_NO = "number", "whole number", "date", "category", "yes/no"
NUMBERS, CATEGORIES = (NUMBER, WHOLE, DATE), (CATEGORY, YES_NO)
"""The kinds of columns, and which of them are numbers and which a choice of one."""
MISSING = "(missing)"
"""The category of an empty cell."""
EPOCH = date(1970, 1, 1)
FEW = 5
"""Categories that are told by name."""


@dataclass(frozen=True)
class Column:
    """What a column holds, and how a network sees it."""

    name: str
    kind: str
    values: tuple[str, ...] = ()
    """The categories, by their number in a row; a cell that is empty has one of its own."""
    native: tuple[float, ...] = ()
    """Numbers in their own units, ascending, between and beyond which all others lie on lines."""
    seen: tuple[float, ...] = ()
    """What a network sees of those, ascending."""
    low: float = 0.0
    high: float = 0.0
    """The least and the largest number that the data have."""
    fill: float = 0.0
    """What stands for a number that is missing."""
    missing: bool = False
    """Whether a number may be missing, which the next field of a row says by 1."""

    @property
    def chooses(self) -> bool:
        """Whether it is one of several categories."""
        return self.kind in CATEGORIES

    @property
    def fields(self) -> int:
        """How many numbers of a row in its own units are its."""
        return 1 + self.missing

    @property
    def width(self) -> int:
        """How many numbers a network sees of it."""
        return len(self.values) if self.chooses else 1 + self.missing

    @property
    def told(self) -> str:
        """What its values are, in words.

        >>> Column("sex", CATEGORY, ("Female", "Male")).told, Column("age", WHOLE, low=17, high=90, missing=True).told
        ('2: Female, Male', '17 to 90, or missing')
        """
        if self.chooses:
            more = f" and {len(self.values) - FEW} more" if len(self.values) > FEW else ""
            return f"{len(self.values)}: {', '.join(self.values[:FEW])}{more}"
        return f"{self.said(self.low)} to {self.said(self.high)}{', or missing' * self.missing}"

    def said(self, value: float) -> str:
        """A value in words: a category by its name, a number in its units, a date as such.

        >>> Column("day", DATE).said(1.0), Column("size", NUMBER).said(0.12345678), Column("age", WHOLE).said(1e6)
        ('1970-01-02', '0.1235', '1000000')
        """
        if self.chooses:
            return self.values[min(max(round(value), 0), len(self.values) - 1)]
        if self.kind == DATE:
            days = min(max(round(value), (date.min - EPOCH).days), (date.max - EPOCH).days)
            return (EPOCH + timedelta(days)).isoformat()
        return f"{round(value)}" if self.kind == WHOLE else f"{value:.4g}"


@dataclass(frozen=True)
class Columns(AbstractCodec):
    """Rows of mixed columns <-> numbers: numbers through lines to a common scale, categories as one 1 among zeros.

    A row in its own units (field,) has a number for each column: itself, days since 1970 for a date, or which of its
    categories it is; and a 1 or 0 after each number that may be missing, which says whether it is. `decode` gives rows
    as they could be: the largest category, whole numbers rounded, and where a number is missing what stands for it.
    """

    columns: tuple[Column, ...]
    """What each column holds, in their order."""

    def encode(self, native: Rows) -> Seen:
        """Rows in their units -> what a network sees; differentiable in the numbers."""
        parts, at = [], 0
        for column in self.columns:
            value = native[:, at]
            if column.chooses:
                last = len(column.values) - 1
                parts.append(torch.nn.functional.one_hot(value.round().long().clamp(0, last), last + 1).to(native))
            else:
                parts.append(_through(value, column.native, column.seen)[:, None])
            if column.missing:
                parts.append(native[:, at + 1 : at + 2])
            at += column.fields
        return torch.cat(parts, 1)

    def decode(self, inputs: Seen) -> Rows:
        """What a network sees -> rows in their units, each as a row can be; numbers may leave the range of the data."""
        parts = []
        for column, block in zip(self.columns, self.blocks, strict=True):
            part = inputs[:, block]
            if column.chooses:
                parts.append(part.argmax(1).to(inputs))
                continue
            value = _through(part[:, 0], column.seen, column.native)
            value = value if column.kind == NUMBER else value.round()
            if column.missing:
                gone = part[:, 1] > 0.5
                parts += [torch.where(gone, column.fill, value), gone.to(inputs)]
            else:
                parts.append(value)
        return torch.stack(parts, 1)

    def clip(self, native: Rows) -> Rows:
        """Numbers within the range that the data have, and categories that there are."""
        limits = [
            limit
            for column in self.columns
            for limit in (
                (0, len(column.values) - 1) if column.chooses else (column.low, column.high),
                *([(0, 1)] if column.missing else []),
            )
        ]
        low, high = (onto(torch.tensor(each, dtype=native.dtype), native.device) for each in zip(*limits, strict=True))
        return native.clamp(low, high)

    def words(self, item: Float[Tensor, " field"]) -> str:
        """A row as a person reads it: the name and the value of each column."""
        said, at, values = [], 0, item.tolist()
        for column in self.columns:
            gone = column.missing and values[at + 1] > 0.5
            said.append(f"{column.name} {'missing' if gone else column.said(values[at])}")
            at += column.fields
        return ", ".join(said)

    @functools.cached_property
    def blocks(self) -> tuple[slice, ...]:
        """Where what a network sees of each column lies."""
        found, at = [], 0
        for column in self.columns:
            found.append(slice(at, at + column.width))
            at += column.width
        return tuple(found)

    @property
    def choices(self) -> tuple[slice, ...]:
        """Where the categories of each column that has some lie in what a network sees."""
        return tuple(block for column, block in zip(self.columns, self.blocks, strict=True) if column.chooses)

    @property
    def width(self) -> int:
        """How many numbers a network sees of a row."""
        return self.blocks[-1].stop

    @property
    def field_names(self) -> tuple[str, ...]:
        """What each number of a row in its own units is called."""
        return tuple(
            name
            for column in self.columns
            for name in (column.name, *([f"{column.name} missing"] if column.missing else []))
        )

    def header(self) -> dict[str, Any]:
        """Each column: its name, its kind, and what its values are."""
        told = [{"name": each.name, "kind": each.kind, "values": each.told} for each in self.columns]
        return {"seen": self.width, "columns": told}

    def to_tensors(self) -> dict[str, Tensor]:
        """All there is to know of the columns, as the bytes of a JSON text."""
        text = json.dumps([asdict(each) for each in self.columns])
        return {"columns": torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8).clone()}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> Columns:
        """The codec that `to_tensors` wrote; InputError where it is missing, damaged, or of columns that cannot be."""
        held = tensors.get("columns", torch.zeros(0))
        try:
            document = json.loads(bytes(held.tolist()).decode())
            wrong = mismatch(document, [_SCHEMA], "columns")
        except (TypeError, ValueError) as error:
            wrong = str(error)
        if wrong is None:
            columns = tuple(map(_column, document))
            wrong = next(filter(None, map(_fault, columns)), None if columns else "no columns")
        if wrong is not None:
            raise InputError(f"a codec of columns that is none ({wrong}), expected what limbeck wrote; make it again")
        return cls(columns)


_SCHEMA = {
    "name": str, "kind": str, "values": [str], "native": [float], "seen": [float], "low": float, "high": float,
    "fill": float, "missing": bool,
}  # fmt: skip


def _column(document: dict[str, Any]) -> Column:
    """The column that a document is of."""
    made: dict[str, Any] = {field.name: document[field.name] for field in fields(Column)}
    made |= {name: tuple(value) for name, value in made.items() if isinstance(value, list)}
    return Column(**made)


def _fault(column: Column) -> str | None:
    """What is wrong with a column; None where nothing is."""
    if column.kind in CATEGORIES:
        return None if column.values and not column.missing else f"column {column.name!r} without categories"
    if column.kind not in NUMBERS:
        return f"column {column.name!r} of the kind {column.kind!r}"
    pairs = torch.tensor([*column.native, *column.seen, column.low, column.high, column.fill], dtype=torch.float64)
    rising = all(b > a for knots in (column.native, column.seen) for a, b in zip(knots, knots[1:], strict=False))
    fits = len(column.native) == len(column.seen) > 1 and rising and column.low <= column.high
    return None if fits and bool(pairs.isfinite().all()) else f"column {column.name!r} without a scale"


def _through(values: Float[Tensor, " row"], start: tuple[float, ...], end: tuple[float, ...]) -> Float[Tensor, " row"]:
    """Values through the lines that take ascending numbers to others, beyond the ends on the last lines."""
    wide = values.double()
    x, y = (onto(torch.tensor(each, dtype=torch.float64), values.device) for each in (start, end))
    at = torch.searchsorted(x[1:-1].contiguous(), wide.detach().contiguous(), right=True)
    slope = (y[1:] - y[:-1]) / (x[1:] - x[:-1])
    return (y[at] + slope[at] * (wide - x[at])).to(values.dtype)
