"""Figures of losses: their curvature along training, spectra, surfaces and the paths over them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import TypeVar

from limbeck.core.findings import Value
from limbeck.probes.tables.curvature import END, REAL, SET, RealTraceRow, SetTraceRow, SpectrumRow, TraceRow
from limbeck.probes.tables.landscape import LossRow, RealPathRow, SetPathRow, SurfaceRow
from limbeck.report.charts import Axis, Dots, Line, Linear, Log, Log1p, Look, Rule, contour, plot
from limbeck.report.charts.scales import finite
from limbeck.report.figures.figure import (
    Figure,
    SetFinding,
    SetRows,
    legend,
    named,
    numbers,
    once,
    percents,
    rows_of,
)

FLOOR = 1e-7
"""Densities below this, times the largest, are not drawn."""
Traces = TypeVar("Traces", bound=TraceRow)


def curvature(findings: Sequence[SetFinding]) -> list[Figure]:
    """Traces along both trainings, and the spectra where training on the set ends."""
    figures = []
    if on_real := rows_of(findings, RealTraceRow):
        lines = [
            *_on_set(on_real),
            *(
                line
                for each in on_real
                for line in _bands(
                    f"{each.of.name}: as many random real examples",
                    each.of.look(1),
                    [(row.start, row.step, row.control_trace, row.control_error) for row in each.rows],
                )
            ),
            *(
                line
                for of, each in once(on_real, lambda row: (row.start, row.step, row.real_trace))
                for line in _real_traces(f"loss on real examples{of}", Look(-1, 1), each.rows)
            ),
        ]
        # Trajectories are long, and what happens in them happens early.
        x = Axis("step", Log1p.over([value for line in lines for value in line.x]))
        figures.append(_traces("Curvature along training on real data", lines, x, on_real, " One line for each start."))
    if on_set := rows_of(findings, SetTraceRow):
        own = [_real_traces(f"{each.of.name}: loss on real examples", each.of.look(1), each.rows) for each in on_set]
        lines = [*_on_set(on_set), *(line for each in own for line in each)]
        x = numbers("step", *(line.x for line in lines), include=(0.0,))
        figures.append(_traces("Curvature along training on the set", lines, x, on_set))
    return figures + [_spectra(each) for each in rows_of(findings, SpectrumRow)]


def _on_set(tables: Sequence[SetRows[Traces]]) -> list[Line]:
    return [
        line
        for each in tables
        for line in _bands(
            f"{each.of.name}: loss on the set",
            each.of.look(),
            [(row.start, row.step, row.set_trace, row.set_error) for row in each.rows],
        )
    ]


def _real_traces(name: str, look: Look, rows: Sequence[TraceRow]) -> list[Line]:
    return _bands(name, look, [(row.start, row.step, row.real_trace, row.real_error) for row in rows])


def _bands(name: str, look: Look, traces: list[tuple[int, int, float, float]]) -> list[Line]:
    """The traces of each start, with 1.96 standard errors."""
    found = []
    for start in dict.fromkeys(each for each, *_ in traces):
        mine = [(step, value, error) for each, step, value, error in traces if each == start]
        low, high = ([value + side * 1.96 * error for _, value, error in mine] for side in (-1, 1))
        found.append(Line(name, look, [step for step, _, _ in mine], [value for _, value, _ in mine], low, high))
    return found


def _traces(title: str, lines: list[Line], x: Axis, tables: Sequence[SetRows[Traces]], more: str = "") -> Figure:
    y = numbers("trace of the Hessian", *(line.low for line in lines), *(line.high for line in lines))
    caption = f"Sum of all eigenvalues of the Hessian of the loss, with 1.96 standard errors of the estimate.{more}"
    picture = plot([Rule("", Look(), y=0.0), *lines], x, y, title)
    return Figure(title, picture, caption, legend(lines), named(tables))


def _spectra(spectra: SetRows[SpectrumRow]) -> Figure:
    last = [row for row in spectra.rows if row.stage == END] or spectra.rows
    peak = max([*finite(row.density for row in last), 1e-30])
    lines = []
    for loss, name, look in (
        (SET, "loss on the set", spectra.of.look()),
        (REAL, "loss on real examples", Look(-1, 1)),
    ):
        if mine := [row for row in last if row.loss == loss]:
            heights = [row.density if row.density > peak * FLOOR else None for row in mine]
            lines.append(Line(name, look, [row.eigenvalue for row in mine], heights))
    title = f"Spectrum where training on {spectra.of.name} ends"
    x = numbers(
        "eigenvalue of the Hessian", *([x for x, y in zip(k.x, k.y, strict=True) if y is not None] for k in lines)
    )
    y = Axis("density, logarithmic", Log.over([peak * FLOOR, peak]))
    picture = plot([Rule("", Look(), x=0.0), *lines], x, y, title)
    caption = "Density of the eigenvalues. To the left of the grey line the loss curves downwards."
    return Figure(title, picture, caption, legend(lines), named([spectra]))


def landscape(findings: Sequence[SetFinding]) -> list[Figure]:
    """The test loss along training on each set, how many predictions change, and the surfaces with both paths."""
    figures = []
    if tables := rows_of(findings, LossRow):
        x = numbers(
            "step of training on the set", *(each.column(lambda row: row.step) for each in tables), include=(0.0,)
        )
        # Sets of one size are held against the same random examples.
        controls = once(tables, lambda row: (row.step, row.control_loss))
        losses = [
            *(each.line(*(_of(name) for name in ("step", "test_loss", "low", "high"))) for each in tables),
            *(
                each.line(
                    *(_of(name) for name in ("step", "control_loss", "control_low", "control_high")),
                    name=f"as many random real examples{of}",
                    look=Look(-1, 1),
                )
                for of, each in controls
            ),
        ]
        changes = [each.line(_of("step"), _of("changed")) for each in tables]
        heights = [values for line in losses for values in (line.y, line.low, line.high)]
        for title, lines, y, caption in (
            (
                "The test loss while a set is learned",
                losses,
                numbers("test loss", *heights),
                "Mean loss on evaluation examples, over learners, with 95 % intervals.",
            ),
            (
                "Predictions that change from one reading to the next",
                changes,
                percents("predictions that changed", *(line.y for line in changes)),
                "Share of evaluation examples that are predicted otherwise than at the reading before.",
            ),
        ):
            figures.append(Figure(title, plot(lines, x, y, title), caption, legend(lines), named(tables)))
    return figures + [_surface(each) for each in rows_of(findings, SurfaceRow)]


def _of(column: str) -> Callable[[LossRow], Value]:
    return operator.attrgetter(column)


def _surface(surface: SetRows[SurfaceRow]) -> Figure:
    of = surface.of
    xs, ys = sorted({row.x for row in surface.rows}), sorted({row.y for row in surface.rows})
    heights = {(row.x, row.y): row.test_loss for row in surface.rows}
    grid = [[heights.get((x, y)) for x in xs] for y in ys]
    on_real, on_set = rows_of([of], RealPathRow), rows_of([of], SetPathRow)
    marks: list[Line | Dots] = [
        *(_path(each.table.name, Look(-1, 1), [(row.x, row.y) for row in each.rows]) for each in on_real),
        *(_path(each.table.name, of.look(), [(row.x, row.y) for row in each.rows]) for each in on_set),
    ]
    title = f"Test loss around training on {of.name}"
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
    tables = (*named([surface]), *named(on_real), *named(on_set))
    return Figure(title, picture, caption, legend(marks), tables)


def _path(name: str, look: Look, spots: list[tuple[float, float]]) -> Line:
    return Line(name, look, [x for x, _ in spots], [y for _, y in spots])
