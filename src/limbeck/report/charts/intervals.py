"""Values with their intervals, one row for each thing that is compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from limbeck.report.charts.plot import RIGHT, WIDTH, Axis, marker
from limbeck.report.charts.svg import Look, picture, shortened, tag

ROW, SPACING, START = 15.0, 24.0, 12.0
NAME = 24
"""Letters of the longest name that stands before its interval, not above it."""
LETTER, AROUND = 7.9, 26.0
"""How wide a letter is, on a phone, where they are largest, and what is free on both sides of a name."""


@dataclass(frozen=True)
class Interval:
    """A value, its interval, and how it is written beside it."""

    look: Look
    value: float | int
    low: float | int
    high: float | int
    text: str = ""


def intervals(rows: Sequence[tuple[str, Sequence[Interval]]], x: Axis, title: str) -> Markup:
    """A heading for each row, below it a line for each of its intervals; those outside the scale end at its edge."""
    # Where each row is one interval, its name stands before it, not above.
    longest = max((len(name) for name, _ in rows), default=0)
    beside = longest <= NAME and all(len(found) == 1 for _, found in rows)
    left, right = (AROUND + LETTER * max(longest, 4) if beside else START), WIDTH - RIGHT - 52.0

    def across(value: float | int) -> float:
        return left + min(max(x.scale.place(value), 0.0), 1.0) * (right - left)

    parts: list[Markup] = []
    y = 6.0
    for name, found in rows:
        y += 4.0 if beside else SPACING - 6
        place = (left - 14, y + ROW + 4.5, "label strong end") if beside else (left - 8, y, "label strong")
        parts.append(tag("text", shortened(name, 60), x=place[0], y=place[1], class_=place[2]))
        y += 4
        for each in found:
            y += ROW
            low, high = across(each.low), across(each.high)
            parts += [
                tag("line", x1=left, x2=right, y1=y, y2=y, class_="grid"),
                tag("line", x1=low, x2=high, y1=y, y2=y, class_=f"interval {each.look.classes}"),
                marker(across(each.value), y, each.look, 4.2),
                tag("text", each.text, x=WIDTH - 4, y=y + 4.5, class_="tick end"),
            ]
        y += 2 if beside else 8
    bottom = y + 8
    marks: list[Markup] = [tag("line", x1=left, x2=right, y1=bottom, y2=bottom, class_="axis")]
    for _, value, text in x.marked():
        at = across(value)
        marks += [
            tag("line", x1=at, x2=at, y1=8, y2=bottom, class_="grid"),
            tag("text", text, x=at, y=bottom + 17, class_="tick middle"),
        ]
    label = tag("text", x.label, x=right, y=bottom + 36, class_="label end")
    told = f"{x.label} of {', '.join(name for name, _ in rows)}. The numbers are in the table below."
    return picture(WIDTH, bottom + 42, title, told, *marks, *parts, label)
