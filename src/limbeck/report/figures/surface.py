"""Figures of cost surfaces: losses along the way of training, and over planes around where it ends."""

from __future__ import annotations

from collections.abc import Sequence

from limbeck.core.findings import Table
from limbeck.probes.tables.surface import (
    ON_REAL,
    ON_SET,
    OURS,
    REAL,
    GridRow,
    PointRow,
    PrincipalGridRow,
    PrincipalPathRow,
    RealGridRow,
    SetGridRow,
    StepRow,
)
from limbeck.report.charts import Axis, Dots, Line, Linear, Look, Rule, contour, plot
from limbeck.report.charts.scales import Log, finite
from limbeck.report.figures.figure import Figure, SetFinding, SetRows, legend, named, numbers, rows_of

LOSSES = {"real_loss": "real loss", "set_loss": "the set's own loss"}


def surface(findings: Sequence[SetFinding]) -> list[Figure]:
    """The losses along the way of training on each set, and over planes around learners."""
    found = [_way(each) for each in rows_of(findings, StepRow)]
    ours, theirs = rows_of(findings, SetGridRow), rows_of(findings, RealGridRow)
    for column in LOSSES:
        found += [_plane(each, column, OURS, f"where training on {each.of.name} ends") for each in ours]
        found += [_plane(each, column, REAL, f"a learner of real data, beside {each.of.name}") for each in theirs]
        found += [_principal(each, column) for each in rows_of(findings, PrincipalGridRow)]
    return found


def _way(table: SetRows[StepRow]) -> Figure:
    """Both losses on the straight line through the start and the end."""
    of, shares = table.of, [row.share for row in table.rows]
    lines = [
        Line("real loss", Look(-1, 1), shares, [row.real_loss for row in table.rows]),
        Line("the set's own loss", of.look(), shares, [row.set_loss for row in table.rows]),
    ]
    # Less a score in place of a loss may be below zero, where there is no logarithm.
    heights = finite(value for line in lines for value in line.y)
    positive = heights and min(heights) > 0
    y = Axis("loss, logarithmic", Log.over(heights)) if positive else numbers("loss", heights)
    title = f"Losses along the way of training on {of.name}"
    x = numbers("share of the way, from the start (0) to the end (1)", shares)
    picture = plot([Rule("", Look(), x=0.0), Rule("", Look(), x=1.0), *lines], x, y, title)
    caption = "On the straight line through where training begins and where it ends (grey lines), and beyond."
    return Figure(title, picture, caption, legend(lines), ((table.of.name, table.table),))


def _plane(table: SetRows[SetGridRow] | SetRows[RealGridRow], column: str, centre: str, words: str) -> Figure:
    """A loss over a random plane, with the slope and the curvature in its middle beside."""
    title = f"{LOSSES[column][0].upper()}{LOSSES[column][1:]} around {words}"
    axes = tuple(
        Axis(f"along {name} random direction", _span(table.rows, at)) for name, at in (("a", "x"), ("another", "y"))
    )
    beside = _beside(table.of, ON_SET if column == "set_loss" else ON_REAL, centre)
    caption = (
        "A random plane, its directions normalised filter by filter; the learner is in the middle. A fuller shade is a "
        f"higher loss, and between contours lie equal shares of the points. {beside}"
    )
    spot = Dots("the learner", table.of.look() if centre == OURS else Look(-1, 1), [0.0], [0.0])
    return _drawn(table.rows, column, [spot], axes, title, caption, ((table.of.name, table.table),))


def _principal(table: SetRows[PrincipalGridRow], column: str) -> Figure:
    """A loss over the plane in which training varies most, with the way of training."""
    paths = rows_of([table.of], PrincipalPathRow)
    marks: list[Line | Dots] = [
        Line(each.table.name, table.of.look(), [row.x for row in each.rows], [row.y for row in each.rows])
        for each in paths
    ]
    title = f"{LOSSES[column][0].upper()}{LOSSES[column][1:]} over the principal plane of training on {table.of.name}"
    shares = [fact.value for fact in table.of.finding.facts if "principal direction" in fact.name]
    said = [f" ({share:.0%} of the way)" for share in shares] or ["", ""]
    axes = tuple(
        Axis(f"principal direction {index + 1}{said[index]}", _span(table.rows, at)) for index, at in enumerate("xy")
    )
    caption = (
        "The plane in which training on the set varies most, about its end at (0, 0); distances are those of all "
        "parameters. What goes on in other directions is not seen."
    )
    return _drawn(table.rows, column, marks, axes, title, caption, (*named([table]), *named(paths)))


def _drawn(
    rows: Sequence[GridRow],
    column: str,
    marks: list[Line | Dots],
    axes: tuple[Axis, ...],
    title: str,
    caption: str,
    tables: tuple[tuple[str, Table], ...],
) -> Figure:
    xs, ys = sorted({row.x for row in rows}), sorted({row.y for row in rows})
    heights = {(row.x, row.y): getattr(row, column) for row in rows}
    grid = [[heights.get((x, y)) for x in xs] for y in ys]
    picture = contour(xs, ys, grid, marks, (axes[0], axes[1]), title)
    return Figure(title, picture, caption, legend(marks), tables)


def _span(rows: Sequence[GridRow], at: str) -> Linear:
    values = [getattr(row, at) for row in rows]
    return Linear(min(values), max(values))


def _beside(of: SetFinding, loss: str, centre: str) -> str:
    """The slope of the loss in the middle, and the ends of the spectrum of its Hessian."""
    for each in rows_of([of], PointRow):
        for row in each.rows:
            if (row.trained_on, row.seed, row.at, row.loss) == (centre, 0, "end", loss):
                return (
                    f"In the middle the norm of its gradient is {row.slope:.3g}, and its eigenvalues reach from "
                    f"{row.lowest_eigenvalue:.3g} to {row.highest_eigenvalue:.3g}."
                )
    return ""
