"""Scales: where a value lies along an axis, and which values are marked there."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass


def finite(values: Iterable[float | int | str | None]) -> list[float]:
    """The numbers among values that are finite.

    >>> finite([1, None, float("nan"), 2.5])
    [1.0, 2.5]
    """
    return [float(value) for value in values if isinstance(value, float | int) and math.isfinite(value)]


@dataclass(frozen=True)
class AbstractScale(ABC):
    """An increasing map of [low, high] onto [0, 1]."""

    low: float | int
    high: float | int

    @abstractmethod
    def bend(self, value: float | int) -> float:
        """What is laid out evenly."""

    @abstractmethod
    def ticks(self, count: int = 5) -> list[float]:
        """About `count` round values within [low, high]."""

    def place(self, value: float | int) -> float:
        """Where a value lies: 0 at low, 1 at high, beyond them outside [0, 1].

        >>> Linear(10.0, 20.0).place(12.5), Log(1.0, 100.0).place(10.0)
        (0.25, 0.5)
        """
        low, high = self.bend(self.low), self.bend(self.high)
        return (self.bend(value) - low) / (high - low)

    def holds(self, value: float | int | str | None) -> bool:
        """Whether it is a finite number that the scale can place within a hundredth of its ends."""
        return bool(finite([value])) and -0.01 <= self.place(float(value or 0)) <= 1.01


@dataclass(frozen=True)
class Linear(AbstractScale):
    """Equal differences are equally long."""

    def bend(self, value: float | int) -> float:
        """The value itself."""
        return value

    @classmethod
    def over(
        cls, values: Iterable[float | int | str | None], include: Iterable[float | int] = (), pad: float | int = 0.04
    ) -> Linear:
        """From the least to the largest of the values, with a margin, which does not cross an included value."""
        held = list(include)
        found = finite(values) + held
        low, high = (min(found), max(found)) if found else (0.0, 1.0)
        margin = pad * (high - low) or (abs(low) or 1.0) / 10
        return cls(low if low in held else low - margin, high if high in held and len(held) > 1 else high + margin)

    def ticks(self, count: int = 5) -> list[float]:
        """Multiples of 1, 2 or 5 times a power of ten.

        >>> Linear(0.0, 1.0).ticks(), Linear(-3.0, 12.0).ticks(4)
        ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 5.0, 10.0])
        """
        step = _step((self.high - self.low) / count)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(index * step, 12) + 0.0 for index in range(first, last + 1)]


@dataclass(frozen=True)
class Log(AbstractScale):
    """Equal ratios are equally long; values that are not positive have no place."""

    def bend(self, value: float | int) -> float:
        """The logarithm; -inf for what has none."""
        return math.log10(value) if value > 0 else -math.inf

    @classmethod
    def over(cls, values: Iterable[float | int | str | None]) -> Log:
        """From the least to the largest positive value, with a margin."""
        found = [value for value in finite(values) if value > 0] or [1.0, 10.0]
        low, high = min(found), max(found)
        factor = (high / low) ** 0.04 if high > low else 2.0
        return cls(low / factor, high * factor)

    def ticks(self, count: int = 5) -> list[float]:
        """Powers of ten, and 2 and 5 times those where they are few.

        >>> Log(1.0, 1000.0).ticks(), Log(1.0, 60.0).ticks()
        ([1.0, 10.0, 100.0, 1000.0], [1.0, 2.0, 5.0, 10.0, 20.0, 50.0])
        """
        low, high = math.floor(self.bend(self.low)), math.ceil(self.bend(self.high))
        every = max(1, math.ceil((high - low) / (count + 1)))
        times = (1, 2, 5) if high - low <= 2 else (1,)
        found = [each * 10.0**power for power in range(low, high + 1, every) for each in times]
        inside = [value for value in found if self.low * 0.999 <= value <= self.high * 1.001]
        return inside if len(inside) > 1 else Linear(self.low, self.high).ticks(count)


@dataclass(frozen=True)
class Log1p(AbstractScale):
    """As logarithms for large values, and zero has a place: log(1 + value)."""

    def bend(self, value: float | int) -> float:
        """log(1 + value)."""
        return math.log1p(value) if value > -1 else -math.inf

    @classmethod
    def over(cls, values: Iterable[float | int | str | None]) -> Log1p:
        """From zero to the largest value, with a margin."""
        return cls(0.0, max([*finite(values), 1.0]) * 1.1)

    def ticks(self, count: int = 5) -> list[float]:
        """Zero, and powers of ten with 3 times those.

        >>> Log1p(0.0, 330.0).ticks()
        [0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0]
        """
        powers = range(math.ceil(math.log10(self.high)) + 1)
        found = [0.0, *(each * 10.0**power for power in powers for each in (1, 3))]
        return [value for value in found if value <= self.high * 1.001]


def _step(about: float | int) -> float:
    power = 10.0 ** math.floor(math.log10(about)) if about > 0 else 1.0
    return next((each * power for each in (1, 2, 5) if each * power >= about * 0.999), 10 * power)
