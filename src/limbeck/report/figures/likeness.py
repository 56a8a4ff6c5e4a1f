"""Figures of what learners of sets are like: agreement, recognition, learning time."""

from __future__ import annotations

from collections.abc import Sequence

from limbeck.report.charts import Axis, Dots, Interval, Line, Linear, Look, density, intervals, plot
from limbeck.report.charts.scales import finite
from limbeck.report.figures.figure import (
    Figure,
    Held,
    Key,
    Shown,
    having,
    key,
    legend,
    numbers,
    once,
    percents,
    select,
    tables_of,
)
from limbeck.report.numbers import percent

POINTS = 96
DRAWN = 2000
"""Real examples that a map shows."""


def agreement(found: Sequence[Shown]) -> list[Figure]:
    """The agreement with each pool, and the density over its members."""
    drawn = []
    held = having(found, "pools", "pool", "matched", "agreement", "low", "high")
    rows: dict[str, list[Interval]] = {}
    for shown, table in held:
        for pool, value, low, high in zip(
            *(table.column(name) for name in ("pool", "agreement", "low", "high")), strict=True
        ):
            if len(finite([value, low, high])) == 3:
                mean, start, end = (float(each or 0) for each in (value, low, high))
                rows.setdefault(str(pool), []).append(Interval(shown.look(), mean, start, end, percent(mean)))
    if rows:
        title = "Which learners of real data predict the same"
        values = [each for found in rows.values() for one in found for each in (one.low, one.high)]
        axis = percents("agreement", [min(max(value, 0.0), 1.0) for value in values])
        caption = "Share of examples on which both predict the same; mean and 95 % interval over matched learners."
        drawn.append(Figure(title, intervals(list(rows.items()), axis, title), caption, keys(held), tables_of(held)))
    for shown, table in having(found, "members", "pool", "agreement"):
        pools = dict.fromkeys(str(pool) for pool in table.column("pool"))
        samples = {pool: finite(select(table, pool=pool).column("agreement")) for pool in pools}
        samples = {pool: values for pool, values in samples.items() if len(values) >= 4}
        if samples:
            drawn.append(_densities(shown, samples, ((shown.name, table),)))
    return drawn


def keys(held: Sequence[Held]) -> tuple[Key, ...]:
    """The colour of each set."""
    return tuple((key(shown.look(), "mark"), shown.name) for shown, _ in held)


def _densities(shown: Shown, samples: dict[str, list[float]], tables: tuple) -> Figure:
    scale = Linear.over((value for values in samples.values() for value in values), pad=0.25)
    at = [scale.low + (scale.high - scale.low) * index / (POINTS - 1) for index in range(POINTS)]
    lines = [
        Line(f"{pool} ({len(values)})", shown.look(dash), at, density(values, at))
        for dash, (pool, values) in enumerate(samples.items())
    ]
    title = f"Agreements of {shown.name}, learner by learner"
    y = numbers("density", *(line.y for line in lines), include=(0.0,))
    picture = plot(lines, Axis("agreement with the set's learner, %", scale, times=100), y, title)
    return Figure(title, picture, "Kernel density over the matched learners of each pool.", legend(lines), tables)


def recognition(found: Sequence[Shown]) -> list[Figure]:
    """Who recognises how much, how items lie, and the map."""
    drawn = []
    held = having(found, "recognition", "network", "steps", "of the set", "low", "high", "judged")
    if held:
        drawn.append(_recognised(held))
    held = having(found, "items", "item", "class", "agreement", "distance")
    if held:
        dots = [
            Dots(shown.name, shown.look(), table.column("distance"), table.column("agreement"), large=True)
            for shown, table in held
        ]
        title = "Where the images lie among real ones"
        x = numbers("distance from real examples of its class, in medians", *(each.x for each in dots))
        y = percents("near examples of its class", *(each.y for each in dots))
        caption = "Each dot is a distilled image. To the right: farther from the real images of its class."
        drawn.append(Figure(title, plot(dots, x, y, title), caption, legend(dots), tables_of(held)))
    for shown, table in having(found, "map", "kind", "class", "x", "y"):
        real, ours = (select(table, kind=kind) for kind in ("real", "distilled"))
        # As many as an eye can tell apart; they are in no order, and the table has all.
        every = -(-len(real.rows) // DRAWN) or 1
        marks = [
            Dots("real test examples", Look(), real.column("x")[::every], real.column("y")[::every]),
            Dots(shown.name, shown.look(), ours.column("x"), ours.column("y"), large=True),
        ]
        title = f"Map of features with {shown.name}"
        x, y = numbers("first coordinate", *(m.x for m in marks)), numbers("second coordinate", *(m.y for m in marks))
        caption = "Features of a network of real data, laid out in the plane. Only nearness means anything."
        if every > 1:
            caption += f" Every {every}th real example is drawn."
        drawn.append(Figure(title, plot(marks, x, y, title), caption, legend(marks), ((shown.name, table),)))
    return drawn


def _recognised(held: list[Held]) -> Figure:
    rows: dict[str, list[Interval]] = {}
    columns = ("network", "steps", "of the set", "low", "high")
    for shown, table in held:
        for network, steps, *values in zip(*(table.column(name) for name in columns), strict=True):
            value, low, high = (float(each or 0) for each in values)
            found = rows.setdefault(f"{network}, {steps} steps", [])
            found.append(Interval(shown.look(), value, max(low, 0.0), min(high, 1.0), percent(value)))
    for _, table in once(held, "network", "steps", "judged")[:1]:
        for network, steps, judged in zip(
            *(table.column(name) for name in ("network", "steps", "judged")), strict=True
        ):
            value = float(judged or 0)
            rows[f"{network}, {steps} steps"].append(Interval(Look(-1, 1), value, value, value, percent(value)))
    title = "Who recognises the images"
    axis = Axis("accuracy, %", Linear(0.0, 1.0), times=100)
    picture = intervals(list(rows.items()), axis, title)
    caption = "Accuracy of networks trained on real images, on each set; grey squares: on test examples."
    return Figure(title, picture, caption, (*keys(held), (key(Look(-1, 1), "mark"), "test examples")), tables_of(held))


def learning_time(found: Sequence[Shown]) -> list[Figure]:
    """Recognition beside accuracy along a training on real data, and when each item is recognised for good."""
    drawn = []
    held = having(found, "course", "step", "recognition", "low", "high", "smoothed", "accuracy")
    if held:
        lines = [
            Line(shown.name, shown.look(), *(table.column(name) for name in ("step", "smoothed", "low", "high")))
            for shown, table in held
        ]
        lines += [
            Line(f"test accuracy{of}", Look(-1, 1), table.column("step"), table.column("accuracy"))
            for of, table in once(held, "step", "accuracy")
        ]
        title = "Recognition while real data are learned"
        x = numbers("step of training on all real data", *(line.x for line in lines), include=(0.0,))
        y = Axis("recognised, %", Linear(0.0, 1.0), times=100)
        caption = (
            "Share of each set's images that one learner of real data gets right: smoothed, with 1.96 standard errors."
        )
        drawn.append(Figure(title, plot(lines, x, y, title), caption, legend(lines), tables_of(held)))
    held = having(found, "items", "item", "class", "step")
    if held:
        last = max([*finite(step for _, table in held for step in table.column("step")), 1.0])
        lines = []
        for shown, table in held:
            steps = sorted(finite(table.column("step")))
            at = sorted({0.0, *steps, last})
            shares = [sum(step <= each for step in steps) / len(table.rows) for each in at]
            lines.append(Line(shown.name, shown.look(), at, shares))
        title = "From when on images are always recognised"
        x, y = (
            numbers("step of training on all real data", [0.0, last], include=(0.0,)),
            Axis("share of images, %", Linear(0.0, 1.0), times=100),
        )
        caption = "The share of images recognised at that reading and at every later one."
        drawn.append(Figure(title, plot(lines, x, y, title), caption, legend(lines), tables_of(held)))
    return drawn
