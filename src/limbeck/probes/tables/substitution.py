"""What a finding of substitution has in its tables."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.findings import Fact, Row

ACCURACY, IMAGES, STEPS = "test accuracy", "equivalent real examples per class", "equivalent steps on real data"
"""The facts that say how well learners of the set do, and what it is equivalent to."""


IN_WORDS, IN_SIGNS = ("fewer than", "more than"), ("<", ">")
"""How is said that a number lies below, and above, all that was measured."""


def reached(value: float, ends: tuple[float, float], said: tuple[str, str] = IN_WORDS) -> str:
    """A number of images or steps, where it lies between the ends of what was measured; else beyond which it lies.

    >>> reached(47.2, (1, 260)), reached(1.0, (1, 260)), reached(260.0, (1, 260), IN_SIGNS), reached(3.96, (1, 260))
    ('47', 'fewer than 1', '> 260', '4.0')
    """
    low, high = ends
    if value <= low:
        return f"{said[0]} {low:,.0f}"
    return f"{said[1]} {high:,.0f}" if value >= high else f"{value:,.{int(value < 10)}f}"


def spread(fact: Fact, ends: tuple[float, float], said: tuple[str, str] = IN_WORDS) -> str:
    """The interval of such a number; "" where all of it lies beyond an end.

    >>> spread(Fact(IMAGES, 47.0, 10.0, 260.0, 3), (10, 260)), spread(Fact(IMAGES, 260.0, 260.0, 260.0, 3), (10, 260))
    ('fewer than 10 to more than 260', '')
    """
    if fact.low >= ends[1] or fact.high <= ends[0]:
        return ""
    return f"{reached(fact.low, ends, said)} to {reached(fact.high, ends, said)}"


def range_of_images(sizes: list[int]) -> tuple[float, float]:
    """Between how many real examples per class accuracy was measured."""
    return float(min(sizes)), float(max(sizes))


def range_of_steps(steps: list[int]) -> tuple[float, float]:
    """Between how many steps of real training it was measured; before the first, there is no training."""
    return 1.0, float(max(steps))


@dataclass(frozen=True)
class RealImagesRow(Row, table="real examples", caption="mean test accuracy and 95 % interval over seeds"):
    """Learners of so many random real examples of every class."""

    per_class: int
    test_accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class RealStepsRow(Row, table="real steps", caption="mean test accuracy and 95 % interval over seeds"):
    """Learners of all real data after so many steps."""

    step: int
    test_accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class RangeRow(Row, table="raw range", caption="the least and largest raw values"):
    """A channel of the set's items and of real examples."""

    channel: int
    set_low: float
    set_high: float
    real_low: float
    real_high: float


@dataclass(frozen=True)
class DensityRow(Row, table="raw density", caption="probability density of all raw values"):
    """An interval of raw values."""

    from_: float
    to: float
    set: float
    real: float
