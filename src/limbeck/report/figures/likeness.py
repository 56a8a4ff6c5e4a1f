"""Figures of what learners of sets are like: agreement, recognition, learning time."""

from __future__ import annotations

from collections.abc import Sequence

from limbeck.core.units import percent
from limbeck.probes.tables.agreement import MatchedRow, PoolRow
from limbeck.probes.tables.learning_time import LearnedRow, TrajectoryRow
from limbeck.probes.tables.recognition import DISTILLED, REAL, MapRow, NeighbourRow, RecognitionRow
from limbeck.report.charts import Axis, Dots, Interval, Line, Linear, Look, density, intervals, plot
from limbeck.report.charts.scales import finite
from limbeck.report.figures.figure import (
    Figure,
    SetFinding,
    SetRows,
    colours,
    key,
    legend,
    named,
    numbers,
    once,
    percents,
    rows_of,
)

POINTS = 96
FEWEST = 4
"""Learners of a pool from which on their density is drawn."""
DRAWN = 2000
"""Real examples that a map shows."""


def agreement(findings: Sequence[SetFinding]) -> list[Figure]:
    """The agreement with each pool, and the density over its learners."""
    figures = []
    tables = rows_of(findings, PoolRow)
    parts: dict[str, list[Interval]] = {}
    for each in tables:
        for row in each.rows:
            if len(values := finite([row.agreement, row.low, row.high])) == 3:
                mean, low, high = values
                parts.setdefault(row.pool, []).append(Interval(each.of.look(), mean, low, high, percent(mean)))
    if parts:
        title = "Which learners of real data predict the same"
        ends = [end for part in parts.values() for one in part for end in (one.low, one.high)]
        axis = percents("agreement", [min(max(end, 0.0), 1.0) for end in ends])
        caption = "Share of examples on which both predict the same; mean and 95 % interval over learners of both."
        picture = intervals(list(parts.items()), axis, title)
        figures.append(Figure(title, picture, caption, colours(tables), named(tables)))
    return figures + [figure for each in rows_of(findings, MatchedRow) for figure in _densities(each)]


def _densities(learners: SetRows[MatchedRow]) -> list[Figure]:
    pools = dict.fromkeys(row.pool for row in learners.rows)
    samples = {pool: [row.agreement for row in learners.rows if row.pool == pool] for pool in pools}
    samples = {pool: values for pool, values in samples.items() if len(values) >= FEWEST}
    if not samples:
        return []
    scale = Linear.over((value for values in samples.values() for value in values), pad=0.25)
    at = [scale.low + (scale.high - scale.low) * index / (POINTS - 1) for index in range(POINTS)]
    lines = [
        Line(f"{pool} ({len(values)})", learners.of.look(dash), at, density(values, at))
        for dash, (pool, values) in enumerate(samples.items())
    ]
    title = f"Agreements of {learners.of.name}, learner by learner"
    y = numbers("density", *(line.y for line in lines), include=(0.0,))
    picture = plot(lines, Axis("agreement with the set's learners, %", scale, times=100), y, title)
    caption = "Kernel density over the matched learners of each pool."
    return [Figure(title, picture, caption, legend(lines), named([learners]))]


def recognition(findings: Sequence[SetFinding]) -> list[Figure]:
    """Who recognises how much, how items lie, and the map."""
    figures = []
    if networks := rows_of(findings, RecognitionRow):
        figures.append(_recognised(networks))
    if tables := rows_of(findings, NeighbourRow):
        dots = [
            Dots(
                each.of.name,
                each.of.look(),
                each.column(lambda row: row.distance),
                each.column(lambda row: row.agreement),
                large=True,
            )
            for each in tables
        ]
        title = "Where the items lie among real examples"
        x = numbers("distance from real examples of its class, in medians", *(each.x for each in dots))
        y = percents("near examples of its class", *(each.y for each in dots))
        caption = "Each dot is a distilled item. To the right: farther from the real examples of its class."
        figures.append(Figure(title, plot(dots, x, y, title), caption, legend(dots), named(tables)))
    return figures + [_map(each) for each in rows_of(findings, MapRow)]


def _map(spots: SetRows[MapRow]) -> Figure:
    real, ours = ([row for row in spots.rows if row.kind == kind] for kind in (REAL, DISTILLED))
    # As many as an eye can tell apart; they are in no order, and the table has all.
    every = -(-len(real) // DRAWN) or 1
    marks = [
        Dots("real test examples", Look(), [row.x for row in real[::every]], [row.y for row in real[::every]]),
        Dots(spots.of.name, spots.of.look(), [row.x for row in ours], [row.y for row in ours], large=True),
    ]
    title = f"Map of features with {spots.of.name}"
    x, y = numbers("first coordinate", *(m.x for m in marks)), numbers("second coordinate", *(m.y for m in marks))
    caption = "Features of a network of real data, laid out in the plane. Only nearness means anything."
    if every > 1:
        caption += f" Every {every}th real example is drawn."
    return Figure(title, plot(marks, x, y, title), caption, legend(marks), named([spots]))


def _recognised(tables: list[SetRows[RecognitionRow]]) -> Figure:
    parts: dict[str, list[Interval]] = {}
    for each in tables:
        for row in each.rows:
            low, high = max(row.low_on_set, 0.0), min(row.high_on_set, 1.0)
            drawn = Interval(each.of.look(), row.accuracy_on_set, low, high, percent(row.accuracy_on_set))
            parts.setdefault(f"{row.network}, {row.steps} steps", []).append(drawn)
    grey = Look(-1, 1)
    for _, each in once(tables, lambda row: (row.network, row.steps, row.test_accuracy))[:1]:
        for row in each.rows:
            value = row.test_accuracy
            parts[f"{row.network}, {row.steps} steps"].append(Interval(grey, value, value, value, percent(value)))
    title = "Who recognises the items"
    axis = Axis("accuracy, %", Linear(0.0, 1.0), times=100)
    picture = intervals(list(parts.items()), axis, title)
    caption = "Accuracy of networks trained on real examples, on each set; grey squares: on test examples."
    return Figure(title, picture, caption, (*colours(tables), (key(grey, "mark"), "test examples")), named(tables))


def learning_time(findings: Sequence[SetFinding]) -> list[Figure]:
    """Recognition beside test accuracy along a training on real data, and when each item is recognised for good."""
    figures = []
    if trajectories := rows_of(findings, TrajectoryRow):
        figures.append(_recognised_on_the_way(trajectories))
    if items := rows_of(findings, LearnedRow):
        last = max([*finite(row.step for each in items for row in each.rows), 1.0])
        lines = []
        for learned in items:
            steps = sorted(finite(row.step for row in learned.rows))
            at = sorted({0.0, *steps, last})
            shares = [sum(step <= each for step in steps) / len(learned.rows) for each in at]
            lines.append(Line(learned.of.name, learned.of.look(), at, shares))
        title = "From when on items are always recognised"
        x = numbers("step of training on all real data", [0.0, last], include=(0.0,))
        y = Axis("share of items, %", Linear(0.0, 1.0), times=100)
        caption = "The share of items recognised at that reading and at every later one, over all learners."
        figures.append(Figure(title, plot(lines, x, y, title), caption, legend(lines), named(items)))
    return figures


def _recognised_on_the_way(trajectories: list[SetRows[TrajectoryRow]]) -> Figure:
    """Recognition of each set by each learner, beside that of random real examples and the first's test accuracy."""
    lines = []
    for each in trajectories:
        for seed in dict.fromkeys(row.seed for row in each.rows):
            rows = [row for row in each.rows if row.seed == seed]
            lines.append(Line(each.of.name, each.of.look(), [row.step for row in rows], [row.smoothed for row in rows]))
    for of, each in once(trajectories, lambda row: (row.seed, row.step, row.real)):
        rows = [row for row in each.rows if row.seed == each.rows[0].seed]
        band = [row.low_real for row in rows], [row.high_real for row in rows]
        steps, real = [row.step for row in rows], [row.real for row in rows]
        lines.append(Line(f"random real examples{of}", Look(-1, 2), steps, real, *band))
    for of, each in once(trajectories, lambda row: (row.seed, row.step, row.test_accuracy)):
        rows = [row for row in each.rows if row.seed == each.rows[0].seed]
        accuracy = [row.test_accuracy for row in rows]
        lines.append(Line(f"test accuracy{of}", Look(-1, 1), [row.step for row in rows], accuracy))
    title = "Recognition while real data are learned"
    x = numbers("step of training on all real data", *(line.x for line in lines), include=(0.0,))
    y = Axis("recognised, %", Linear(0.0, 1.0), times=100)
    caption = (
        "Share of each set's items that learners of real data get right, one line a learner, smoothed; band: the "
        "least and the most of as many random real examples, over the controls."
    )
    return Figure(title, plot(lines, x, y, title), caption, legend(lines), named(trajectories))
