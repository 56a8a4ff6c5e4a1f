"""A matrix of values as shades with the numbers in them."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from limbeck.report.charts.plot import WIDTH
from limbeck.report.charts.scales import finite
from limbeck.report.charts.svg import picture, shortened, tag

CELL = 46.0
HEAD = 30.0
NAME = 15
"""Letters of the name of a row, at most."""
SHADE = 0.5
"""The opacity of the largest value: the text on it stays legible."""


def heat(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float | int | str | None]],
    texts: Sequence[Sequence[tuple[str, str]]],
    title: str,
) -> Markup:
    """One cell for each row and column: a shade from the least value to the largest, and up to two lines of text."""
    known = finite(value for row in values for value in row)
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    left = 20.0 + 7.8 * min(max((len(name) for name in rows), default=0), NAME)
    wide = (WIDTH - left - 4) / max(len(columns), 1)
    parts: list[Markup] = []
    for column, name in enumerate(columns):
        at = left + (column + 0.5) * wide
        parts.append(tag("text", shortened(name, max(3, int(wide / 7.2))), x=at, y=HEAD - 10, class_="label middle"))
    for row, name in enumerate(rows):
        top = HEAD + row * CELL
        parts.append(tag("text", shortened(name, NAME), x=left - 10, y=top + CELL / 2 + 5, class_="label end"))
        for column, value in enumerate(values[row]):
            at = left + column * wide
            shade = (float(value) - low) / ((high - low) or 1.0) if finite([value]) and value is not None else 0.0
            main, small = texts[row][column]
            opacity = 0.06 + (SHADE - 0.06) * shade
            parts += [
                tag("rect", x=at + 1, y=top + 1, width=wide - 2, height=CELL - 2, class_="cell", fill_opacity=opacity),
                tag("text", main, x=at + wide / 2, y=top + (20 if small else 28), class_="value middle"),
                tag("text", small, x=at + wide / 2, y=top + 36, class_="small middle"),
            ]
    told = f"{', '.join(rows)} by {', '.join(columns)}. The numbers are in the table below."
    return picture(WIDTH, HEAD + len(rows) * CELL + 6, title, told, *parts)
