"""Figures of losses: their curvature along training, spectra, surfaces and the paths over them."""

from __future__ import annotations

from collections.abc import Sequence

from limbeck.core.findings import Table
from limbeck.report.charts import Axis, Dots, Line, Linear, Log, Look, Rule, contour, plot
from limbeck.report.charts.scales import finite
from limbeck.report.figures.figure import (
    Figure,
    Held,
    Shown,
    having,
    legend,
    numbers,
    once,
    percents,
    select,
    tables_of,
)

FLOOR = 1e-7
"""Densities below this, times the largest, are not drawn."""


def curvature(found: Sequence[Shown]) -> list[Figure]:
    """Traces along both trainings, and the spectra where training on the set ends."""
    drawn = []
    for where, title in (
        ("real", "Curvature along training on real data"),
        ("set", "Curvature along training on the set"),
    ):
        held = having(found, f"traces along {where}", "step", "set", "error", "real", "real error")
        if held:
            drawn.append(_traces(held, where, title))
    return drawn + [
        _spectra(*each) for each in having(found, "spectra", "loss", "place", "step", "eigenvalue", "density")
    ]


def _band(name: str, look: Look, table: Table, value: str, error: str) -> Line:
    """A trace with 1.96 standard errors."""
    pairs = [
        (float(a), float(e)) if isinstance(a, float | int) and isinstance(e, float | int) else (None, None)
        for a, e in zip(table.column(value), table.column(error), strict=True)
    ]
    low, high = ([None if a is None or e is None else a + side * 1.96 * e for a, e in pairs] for side in (-1, 1))
    return Line(name, look, table.column("step"), table.column(value), low, high)


def _traces(held: list[Held], where: str, title: str) -> Figure:
    lines = [_band(f"{shown.name}: loss on the set", shown.look(), table, "set", "error") for shown, table in held]
    if where == "real":
        lines += [
            _band(f"loss on real images{of}", Look(-1, 1), table, "real", "real error")
            for of, table in once(held, "step", "real")
        ]
    else:
        lines += [
            _band(f"{shown.name}: loss on real images", shown.look(1), table, "real", "real error")
            for shown, table in held
        ]
    x = numbers("step", *(line.x for line in lines), include=(0.0,))
    y = numbers("trace of the Hessian", *(line.low for line in lines), *(line.high for line in lines))
    caption = "Sum of all eigenvalues of the Hessian of the loss, with 1.96 standard errors of the estimate."
    picture = plot([Rule("", Look(), y=0.0), *lines], x, y, title)
    return Figure(title, picture, caption, legend(lines), tables_of(held))


def _spectra(shown: Shown, table: Table) -> Figure:
    last = select(table, place="end") if select(table, place="end").rows else table
    lines = []
    for loss, look in (("set", shown.look()), ("real", Look(-1, 1))):
        mine = select(last, loss=loss)
        if mine.rows:
            name = "loss on the set" if loss == "set" else "loss on real images"
            lines.append(Line(name, look, mine.column("eigenvalue"), mine.column("density")))
    peak = max([*finite(value for line in lines for value in line.y), 1e-30])
    kept = [
        Line(line.name, line.look, line.x, [value if _above(value, peak * FLOOR) else None for value in line.y])
        for line in lines
    ]
    title = f"Spectrum where training on {shown.name} ends"
    x = numbers(
        "eigenvalue of the Hessian", *([x for x, y in zip(k.x, k.y, strict=True) if y is not None] for k in kept)
    )
    y = Axis("density, logarithmic", Log.over([peak * FLOOR, peak]))
    picture = plot([Rule("", Look(), x=0.0), *kept], x, y, title)
    caption = "Density of the eigenvalues. To the left of the grey line the loss curves downwards."
    return Figure(title, picture, caption, legend(kept), ((shown.name, table),))


def _above(value: float | int | str | None, floor: float | int) -> bool:
    return isinstance(value, float | int) and value > floor


def landscape(found: Sequence[Shown]) -> list[Figure]:
    """The test loss along training on each set, how many predictions change, and the surfaces with both paths."""
    drawn = []
    held = having(found, "loss along set", "step", "loss", "changed")
    if held:
        for column, label, title, caption in (
            ("loss", "test loss", "The test loss while a set is learned", "Mean loss on judged examples."),
            (
                "changed",
                "predictions that changed",
                "Predictions that change from one reading to the next",
                "Share of judged examples that are predicted otherwise than at the reading before.",
            ),
        ):
            lines = [
                Line(shown.name, shown.look(), table.column("step"), table.column(column)) for shown, table in held
            ]
            x = numbers("step of training on the set", *(line.x for line in lines), include=(0.0,))
            axis = percents if column == "changed" else numbers
            y = axis(label, *(line.y for line in lines))
            drawn.append(Figure(title, plot(lines, x, y, title), caption, legend(lines), tables_of(held)))
    return drawn + [_surface(*each) for each in having(found, "surface", "x", "y", "judged", "set")]


PATHS = (("path of real training", Look(-1, 1)), ("path of training on the set", None))


def _surface(shown: Shown, table: Table) -> Figure:
    xs, ys = (sorted(set(finite(table.column(name)))) for name in ("x", "y"))
    heights = {(row[0], row[1]): row[2] for row in table.rows}
    grid = [[heights.get((x, y)) for x in xs] for y in ys]
    marks: list[Line | Dots] = []
    tables = [(shown.name, table)]
    for name, look in PATHS:
        for _, walk in having([shown], name, "x", "y"):
            marks.append(Line(name, look or shown.look(), walk.column("x"), walk.column("y")))
            tables.append((shown.name, walk))
    title = f"Test loss around training on {shown.name}"
    axes = (
        Axis("along the way to the end of real training", Linear(xs[0], xs[-1])),
        Axis("across it, towards the end of training on the set", Linear(ys[0], ys[-1])),
    )
    picture = contour(xs, ys, grid, marks, axes, title)
    caption = (
        "The plane through the start and both ends: a fuller shade is a higher loss, and between contours lie equal "
        "shares of the points. "
        "The mark is where a path ends. Distances are those of all parameters."
    )
    return Figure(title, picture, caption, legend(marks), tuple(tables))
