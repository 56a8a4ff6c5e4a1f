"""A row of scores: what learners of a set or of a baseline come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from limbeck.core import notebook
from limbeck.core.text import per_class
from limbeck.core.units import measured, measured_range, size

TEACHER = "a teacher of "


def of_teacher(stored: int) -> str:
    """Whose labels those are that no set stores: those of a network of so many bytes, which sees every view.

    >>> of_teacher(4104)
    'a teacher of 4,104 B'
    """
    return TEACHER + size(stored)


def by_teacher(labels: str) -> bool:
    """Whether a row's labels are such.

    >>> by_teacher(of_teacher(4104)), by_teacher("teacher's")
    (True, False)
    """
    return labels.startswith(TEACHER)


@dataclass(frozen=True, repr=False)
class Score:
    """One row: a mean and its 95 % interval by Student's t over independent draws (the mean itself where there is one).

    The draws are the learners. Where a set was distilled several times, they are the distillations, of each the mean of
    its learners: `value[k][r] = mean + distillation[k] + network[k, r]`, and the interval is exact where these are
    normal and every distillation has as many learners.
    """

    set: str
    network: str
    split: str
    metric: str
    mean: float
    low: float
    high: float
    n: int
    """How many learners, in all."""
    protocol: str
    bytes: int
    unit: str
    higher_is_better: bool
    per_class: int
    """The most items that any class has."""
    matched: str
    """How a baseline was matched with sets, "items" or "bytes"; "" for a set and for all real data."""
    beside: str
    """The one set that a baseline is of, since it is trained as that says; "" where it is beside all of its size."""
    seeds: int
    """How many distillations it is over: 1 for one set, 0 for what was not distilled."""
    about: str
    """What must stand with it: which distillations, a recipe cut short, how long all real data were trained on."""
    whole: bool
    """False for a recipe cut short, and for all real data where training on them had not levelled off."""
    values: tuple[float, ...]
    """The draws."""
    labels: str = ""
    """Whose labels it is trained on: as in `DistilledSet.label_kind`, or as in `of_teacher`."""
    float32: int = 0
    """The bytes of all numbers that are stored if each took 32 bits; 0 where nobody counted."""
    looks: int = 1
    """At how many numbers of learners it might have ended: its interval holds at each of them."""
    classes: int = 0
    """How many classes the data have; 0 where nobody counted."""
    others: tuple[tuple[str, float, str], ...] = ()
    """The name, the mean over all learners and the unit of each further metric of the task."""

    def row(self) -> dict[str, Any]:
        """The row as plain values."""
        return {**asdict(self), "values": list(self.values), "others": [list(each) for each in self.others]}

    @property
    def over(self) -> str:
        """What the interval is over, in words."""
        learners = f"{self.n} learner{'s' * (self.n != 1)}"
        return f"{self.seeds} distillations, {learners} in all" if self.seeds > 1 else learners

    @property
    def interval(self) -> str:
        """The interval in words; "" where there is one draw."""
        return measured_range(self.low, self.high, self.unit) if len(self.values) > 1 else ""

    def __repr__(self) -> str:
        spread = f" ({self.interval})" if self.interval else ""
        labels = f", {self.labels} labels" if self.labels else ""
        what = f"{self.split} {self.metric} {measured(self.mean, self.unit)}{spread}, {self.over} of {self.network}"
        return (
            f"Score({self.set or 'set'}: {what};\n"
            f"      protocol {self.protocol}, {per_class(self.per_class, self.classes)}, {size(self.bytes)}{labels})"
        )

    def _repr_html_(self) -> str:
        return Scores([self])._repr_html_()


def tells_float32(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a table of rows of scores has a column of their bytes in 32 bits: where one differs from what is stored.

    >>> tells_float32([{"bytes": 8, "float32": 8}, {"bytes": 8}]), tells_float32([{"bytes": 2, "float32": 8}])
    (False, True)
    """
    return any(row.get("float32", 0) not in (0, row["bytes"]) for row in rows)


def float32_of(row: Mapping[str, Any]) -> str:
    """These bytes, with their unit; empty where nobody counted."""
    return size(row["float32"]) if row.get("float32") else ""


def items_of(row: Mapping[str, Any], of: str = "") -> str:
    """How many of something every class has of which a row is, in words.

    >>> items_of({"per_class": 2}), items_of({"per_class": 50, "classes": 1})
    ('2 per class', '50 items')
    """
    return per_class(row["per_class"], row.get("classes", 0), of)


class Scores(list[Score]):
    """Rows of scores, which a notebook shows as one table."""

    def _repr_html_(self) -> str:
        told = tells_float32([each.row() for each in self])
        columns = (
            *("set", "score", "95 % interval", "over", "network", "protocol", "per class", "stored"),
            *(["as float32"] if told else []),
            "labels",
        )
        rows = [
            (
                f"{each.set}{f', matched by {each.matched}' if each.matched else ''}",
                f"{each.split} {each.metric} {measured(each.mean, each.unit)}",
                each.interval,
                ", ".join(filter(None, [each.over, each.about])),
                each.network,
                each.protocol,
                each.per_class,
                size(each.bytes),
                *([float32_of(each.row())] if told else []),
                each.labels,
            )
            for each in self
        ]
        return notebook.table(columns, rows)
