"""What methods came to in how much work, as measured, and which of them is best for so much work of such data.

The rows are those of benchmarks/per_minute.py, as that wrote them to measured.jsonl beside this file.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from limbeck.statistics.estimates import interval

FILE = "measured.jsonl"
OVER = 1.5
"""How much more work than there is a method may have taken where it was measured: times are no better known."""


@dataclass(frozen=True)
class Measurement:
    """One distillation by a method on one thread, and what it came to."""

    recipe: str
    options: Mapping[str, Any]
    """In what it was not by the settings published for these data at this size."""
    data: str
    numbers: int
    """How many numbers an example has."""
    ipc: int
    """Items of each class."""
    steps: int
    seconds: float
    """Of the processor."""
    passes: float
    """Examples that one thread read with the network in a second, there."""
    validation: Sequence[float]
    """The score of each fresh learner of the set on validation examples."""

    @property
    def method(self) -> str:
        """What it is called among others: its recipe, and as what the set is stored where that is not the recipe's."""
        stored = self.options.get("parameterization", "pixels")
        return self.recipe if stored == "pixels" else f"{self.recipe} stored as {stored}"

    @property
    def work(self) -> float:
        """How many examples the network could have read in the time that it took."""
        return self.seconds * self.passes

    @property
    def score(self) -> tuple[float, float, float]:
        """The mean on validation examples, and its 95 % interval over learners."""
        return interval(self.validation)


@functools.cache
def measurements() -> tuple[Measurement, ...]:
    """All of them."""
    lines = resources.files("limbeck.recipes").joinpath(FILE).read_text().splitlines()
    names = ("recipe", "options", "data", "numbers", "ipc", "steps", "seconds", "passes", "validation")
    return tuple(Measurement(**{name: row[name] for name in names}) for row in map(json.loads, lines))


def ranked(rows: Sequence[Measurement], numbers: int, ipc: int, work: float) -> list[Measurement]:
    """The methods by their mean score, best first, each as it came highest in as much work as there is, or less.

    They are those of the data whose examples are nearest in size, and of these of the nearest number of items per
    class, both by ratio. A method that took more work each time is left out.
    """

    def off(row: Measurement) -> tuple[float, str, float, int]:
        sizes = abs(math.log(row.numbers / numbers)), abs(math.log(row.ipc / ipc))
        return sizes[0], row.data, sizes[1], row.ipc

    nearest = min(map(off, rows), default=None)
    allowed = [row for row in rows if off(row) == nearest and row.work <= OVER * work]
    best: dict[str, Measurement] = {}
    for row in sorted(allowed, key=lambda each: -each.score[0]):
        best.setdefault(row.method, row)
    return list(best.values())
