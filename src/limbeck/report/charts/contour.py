"""A surface by its contours, and paths over it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from limbeck.report.charts.plot import BOTTOM, LEFT, RIGHT, TOP, WIDTH, Axis, Dots, Frame, Line, marker
from limbeck.report.charts.scales import finite
from limbeck.report.charts.svg import number, path, picture, tag

LEVELS = 11
FINE = 56
"""Grids of fewer points on a side are filled in between them, bilinearly."""
Grid = Sequence[Sequence[float | int | str | None]]


def levels(grid: Grid, count: int = LEVELS) -> list[float]:
    """Heights between the least value and the largest, evenly by how many points of the grid lie below each."""
    known = sorted(finite(value for row in grid for value in row))
    if not known or known[0] == known[-1]:
        return []
    return sorted({known[round(index * (len(known) - 1) / (count + 1))] for index in range(1, count + 1)})


def refined(
    xs: Sequence[float | int], ys: Sequence[float | int], grid: Grid, times: int
) -> tuple[list[float], list[float], list[list[float | int | str | None]]]:
    """The grid with each cell cut into `times` by `times`, values by bilinear interpolation.

    >>> refined([0.0, 1.0], [0.0, 1.0], [[0.0, 2.0], [4.0, 6.0]], 2)[2]
    [[0.0, 1.0, 2.0], [2.0, 3.0, 4.0], [4.0, 5.0, 6.0]]
    """

    def along(values: Sequence[float | int | str | None]) -> list[float | int | str | None]:
        found: list[float | int | str | None] = []
        for one, other in zip(values, values[1:], strict=False):
            pair = finite([one, other])
            known = len(pair) == 2
            found += [pair[0] + (pair[1] - pair[0]) * part / times if known else None for part in range(times)]
        return [*found, values[-1]]

    columns = [along(column) for column in zip(*(along(row) for row in grid), strict=True)]
    return finite(along(xs)), finite(along(ys)), [list(row) for row in zip(*columns, strict=True)]


def lines(
    xs: Sequence[float | int], ys: Sequence[float | int], grid: Grid, level: float | int
) -> Iterator[tuple[float, ...]]:
    """The segments (x, y, x, y) on which the surface has one height, by marching squares.

    Within a cell of the grid the surface is cut along its edges, linearly; where all four edges are cut, the mean of
    the corners says which two corners are joined across the middle, and the others are cut off. A cell with a corner
    that is not a finite number has none.

    >>> list(lines([0.0, 1.0], [0.0, 1.0], [[0.0, 1.0], [0.0, 1.0]], 0.25))
    [(0.25, 0.0, 0.25, 1.0)]
    """
    for j in range(len(ys) - 1):
        for i in range(len(xs) - 1):
            square = finite([grid[j][i], grid[j][i + 1], grid[j + 1][i + 1], grid[j + 1][i]])
            if len(square) < 4:
                continue
            corners = [(xs[i], ys[j]), (xs[i + 1], ys[j]), (xs[i + 1], ys[j + 1]), (xs[i], ys[j + 1])]
            cut: list[tuple[float | int, float | int]] = []
            for one in range(4):
                a, b = square[one], square[(one + 1) % 4]
                if (a > level) != (b > level):
                    t = (level - a) / (b - a)
                    (x, y), (u, v) = corners[one], corners[(one + 1) % 4]
                    cut.append((x + t * (u - x), y + t * (v - y)))
            if len(cut) == 2:
                yield (*cut[0], *cut[1])
            elif len(cut) == 4:
                first = 0 if (sum(square) / 4 > level) == (square[0] > level) else 1
                for one in (first, first + 2):
                    yield (*cut[one], *cut[(one + 1) % 4])


def contour(
    xs: Sequence[float | int],
    ys: Sequence[float | int],
    grid: Grid,
    marks: Sequence[Line | Dots],
    axes: tuple[Axis, Axis],
    title: str,
) -> Markup:
    """The surface in shades, darker where it is higher, its contours, and paths and points over it."""
    wide, high = (axis.scale.high - axis.scale.low for axis in axes)
    # As long across as down, within what a page has room for.
    inside = min(max((WIDTH - LEFT - RIGHT) * high / (wide or 1.0), 180.0), 420.0)
    frame = Frame(*axes, height=inside + TOP + BOTTOM)
    heights = levels(grid)
    xs, ys, grid = refined(xs, ys, grid, max(1, FINE // max(len(xs), len(ys))))
    parts = [*_cells(frame, xs, ys, grid, heights)]
    for level in heights:
        drawn = "".join(
            path([(frame.across(x), frame.down(y)), (frame.across(u), frame.down(v))])
            for x, y, u, v in lines(xs, ys, grid, level)
        )
        parts.append(tag("path", d=drawn, class_="contour"))
    for mark in marks:
        points = [
            (frame.across(float(x)), frame.down(float(y)))
            for x, y in zip(mark.x, mark.y, strict=True)
            if x is not None and y is not None and finite([x, y]) == [x, y]
        ]
        if isinstance(mark, Line) and points:
            parts += [
                tag("path", d=path(points), class_="halo"),
                tag("path", d=path(points), class_=f"line {mark.look.classes}"),
                marker(*points[-1], mark.look, 5.0),
            ]
        elif points:
            parts += [marker(*point, mark.look, 5.0) for point in points]
    told = f"{title}: {len(heights)} contours; {', '.join(mark.name for mark in marks)}. The numbers are below."
    return picture(frame.width, frame.height, title, told, *parts, frame.axes(grid=False))


def _cells(
    frame: Frame, xs: Sequence[float | int], ys: Sequence[float | int], grid: Grid, heights: Sequence[float | int]
) -> Iterator[Markup]:
    """For each contour, the cells whose mean is above it: shades add up."""
    for level in heights:
        drawn = []
        for j in range(len(ys) - 1):
            first = None
            for i in range(len(xs)):
                square = finite([grid[j][i], grid[j + 1][i]]) if i == len(xs) - 1 else _square(grid, j, i)
                above = i < len(xs) - 1 and len(square) == 4 and math.fsum(square) / 4 > level
                if above and first is None:
                    first = i
                if not above and first is not None:
                    left, right = frame.across(xs[first]), frame.across(xs[i])
                    top, bottom = frame.down(ys[j + 1]), frame.down(ys[j])
                    drawn.append(f"M{number(left)} {number(top)}H{number(right)}V{number(bottom)}H{number(left)}Z")
                    first = None
        yield tag("path", d="".join(drawn), class_="shade")


def _square(grid: Grid, j: int, i: int) -> list[float]:
    return finite([grid[j][i], grid[j][i + 1], grid[j + 1][i + 1], grid[j + 1][i]])
