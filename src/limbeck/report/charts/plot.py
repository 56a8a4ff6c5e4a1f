"""Lines with bands, dots and rules in one frame."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from limbeck.report.charts.scales import AbstractScale
from limbeck.report.charts.svg import Look, number, path, picture, shortened, tag

WIDTH, HEIGHT = 460.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 54.0, 14.0, 30.0, 44.0
MARKED = 16
"""Lines of no more points than this show each."""

Values = Sequence[float | int | str | None]


@dataclass(frozen=True)
class Axis:
    """A scale, what it is of, and how its values are written: a format of Python's, of the value times `times`."""

    label: str
    scale: AbstractScale
    form: str = "g"
    times: float | int = 1.0
    at: tuple[float, ...] = ()
    """Which values are marked, where the scale is not to choose."""

    def marked(self) -> Iterator[tuple[float, float, str]]:
        """The place in [0, 1], the value and the text of each mark."""
        for value in self.at or self.scale.ticks():
            if self.scale.holds(value):
                yield self.scale.place(value), value, _text(value * self.times, self.form)


@dataclass(frozen=True)
class Line:
    """A curve, with the ends of a band where they are known; where a value is missing it is interrupted."""

    name: str
    look: Look
    x: Values
    y: Values
    low: Values = ()
    high: Values = ()


@dataclass(frozen=True)
class Dots:
    """Points."""

    name: str
    look: Look
    x: Values
    y: Values
    large: bool = False


@dataclass(frozen=True)
class Rule:
    """A straight line across the whole frame, at a y or at an x."""

    name: str
    look: Look
    y: float | None = None
    x: float | None = None


Mark = Line | Dots | Rule


@dataclass(frozen=True)
class Frame:
    """Where values lie in a picture."""

    x: Axis
    y: Axis
    width: float | int = WIDTH
    height: float | int = HEIGHT

    def across(self, value: float | int) -> float:
        """From the left, clipped to the frame."""
        return LEFT + min(max(self.x.scale.place(value), 0.0), 1.0) * (self.width - LEFT - RIGHT)

    def down(self, value: float | int) -> float:
        """From the top, clipped to the frame."""
        inside = self.height - TOP - BOTTOM
        return TOP + (1 - min(max(self.y.scale.place(value), 0.0), 1.0)) * inside

    def axes(self, grid: bool = True) -> Markup:
        """Thin lines at the marked values of y, where a grid is wanted, marks of x, and what both are of."""
        bottom, right = self.height - BOTTOM, self.width - RIGHT
        parts = []
        for _, value, text in self.y.marked():
            at = self.down(value)
            if grid:
                parts.append(tag("line", x1=LEFT, x2=right, y1=at, y2=at, class_="grid"))
            parts.append(tag("text", text, x=LEFT - 8, y=at + 4.5, class_="tick end"))
        after = -100.0
        for _, value, text in self.x.marked():
            at = self.across(value)
            parts.append(tag("line", x1=at, x2=at, y1=bottom, y2=bottom + 5, class_="axis"))
            # Texts that would run into one another are left out.
            if at - after > 8.8 * len(text) + 4:
                parts.append(tag("text", text, x=at, y=bottom + 19, class_="tick middle"))
                after = at
        parts += [
            tag("line", x1=LEFT, x2=right, y1=bottom, y2=bottom, class_="axis"),
            tag("text", shortened(self.y.label, 56), x=4, y=14, class_="label"),
            tag("text", shortened(self.x.label, 56), x=right, y=self.height - 6, class_="label end"),
        ]
        return Markup("").join(parts)


def plot(marks: Sequence[Mark], x: Axis, y: Axis, title: str) -> Markup:
    """The marks in one frame, bands below lines below points; values outside the scales are clipped to its edge."""
    frame = Frame(x, y)
    drawn = [part for kind in (_bands, _rules, _lines, _dots) for mark in marks for part in kind(frame, mark)]
    names = ", ".join(dict.fromkeys(mark.name for mark in marks if mark.name))
    told = f"{y.label} against {x.label}: {names}. The numbers are in the table below."
    return picture(frame.width, frame.height, title, told, frame.axes(), *drawn)


def _text(value: float | int, form: str) -> str:
    text = format(value, form)
    power = round(math.log10(value)) if form == "g" and value > 0 else 0
    if abs(power) > 3 and math.isclose(value, 10.0**power):
        return "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    if form == "g" and abs(value) >= 10000:
        # 1e+06 is harder to read than 1M.
        for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
            if abs(value) >= size:
                return f"{value / size:g}{letter}"
    return text.replace("-", "−")


def _pieces(frame: Frame, x: Values, *curves: Values) -> Iterator[list[tuple[float, ...]]]:
    """Runs of points at which x and every curve have a place."""
    piece: list[tuple[float, ...]] = []
    for at, *values in zip(x, *curves, strict=True):
        placed = frame.x.scale.holds(at) and all(_known(frame.y.scale, value) for value in values)
        if placed:
            piece.append((frame.across(float(at or 0)), *(frame.down(float(value or 0)) for value in values)))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _known(scale: AbstractScale, value: float | int | str | None) -> bool:
    """Whether it is a finite number; one beyond the scale is drawn at its edge."""
    return isinstance(value, float | int) and abs(value) < float("inf")


def _bands(frame: Frame, mark: Mark) -> Iterator[Markup]:
    if isinstance(mark, Line) and mark.low:
        for piece in _pieces(frame, mark.x, mark.low, mark.high):
            edge = [(x, low) for x, low, _ in piece] + [(x, high) for x, _, high in reversed(piece)]
            yield tag("path", d=path(edge) + "Z", class_=f"band {mark.look.classes}")


def _rules(frame: Frame, mark: Mark) -> Iterator[Markup]:
    if isinstance(mark, Rule):
        if mark.y is not None and frame.y.scale.holds(mark.y):
            at = frame.down(mark.y)
            yield tag("line", x1=LEFT, x2=frame.width - RIGHT, y1=at, y2=at, class_=f"rule {mark.look.classes}")
        if mark.x is not None and frame.x.scale.holds(mark.x):
            at = frame.across(mark.x)
            yield tag("line", x1=at, x2=at, y1=TOP, y2=frame.height - BOTTOM, class_=f"rule {mark.look.classes}")


def _lines(frame: Frame, mark: Mark) -> Iterator[Markup]:
    if isinstance(mark, Line):
        for piece in _pieces(frame, mark.x, mark.y):
            yield tag("path", d=path([(x, y) for x, y in piece]), class_=f"line {mark.look.classes}")
            if len(mark.x) <= MARKED or len(piece) == 1:
                yield from (marker(x, y, mark.look) for x, y in piece)


def _dots(frame: Frame, mark: Mark) -> Iterator[Markup]:
    if isinstance(mark, Dots):
        points = [point for piece in _pieces(frame, mark.x, mark.y) for point in piece]
        # Strokes of no length with round ends: a dozen bytes a point.
        drawn = "".join(f"M{number(x)} {number(y)}h0" for x, y in points)
        size = "large " if mark.large else ""
        yield tag("path", d=drawn, class_=f"dots {size}{mark.look.classes}")


def marker(x: float | int, y: float | int, look: Look, size: float | int = 3.6) -> Markup:
    """A disc, square, triangle or diamond, by the dash of its line."""
    shapes = (
        None,
        [(x - size, y - size), (x + size, y - size), (x + size, y + size), (x - size, y + size)],
        [(x, y - 1.3 * size), (x + 1.2 * size, y + size), (x - 1.2 * size, y + size)],
        [(x, y - 1.4 * size), (x + 1.4 * size, y), (x, y + 1.4 * size), (x - 1.4 * size, y)],
    )
    shape = shapes[look.dash % len(shapes)]
    if shape is None:
        return tag("circle", cx=x, cy=y, r=size, class_=f"mark {look.classes}")
    return tag("path", d=path(shape) + "Z", class_=f"mark {look.classes}")
