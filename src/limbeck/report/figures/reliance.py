"""Figures of what accuracies rest on: labels and augmentation."""

from __future__ import annotations

from collections.abc import Sequence

from limbeck.core.units import per_cent
from limbeck.probes.tables.reliance import FULL, HARD, OURS, OWN, RANDOM, RelianceRow
from limbeck.report.charts import Axis, Interval, Linear, Look, intervals
from limbeck.report.figures.figure import Figure, SetFinding, SetRows, colours, key, named, rows_of

WAYS = (
    ("its own labels", OURS, OWN, 0),
    ("hard labels", OURS, HARD, 0),
    ("its own labels, augmented", OURS, OWN, 1),
)
BESIDE = {0: ("random real examples", RANDOM, HARD, 0), 1: ("random real examples, augmented", RANDOM, HARD, 1)}
ALL = ("all real data", FULL, HARD, 0)


def reliance(findings: Sequence[SetFinding]) -> list[Figure]:
    """The accuracy of sets under their own labels, under hard ones and with augmentation, beside real examples."""
    tables = rows_of(findings, RelianceRow)
    if not tables:
        return []
    rows = [
        (name, [each for table in tables for each in _interval(table, way, table.of.look())]) for name, *way in WAYS
    ]
    for name, *way in (*BESIDE.values(), ALL):
        rows.append((name, _interval(tables[0], way, Look(-1, 1))))
    title = "What the accuracy rests on"
    axis = Axis("test accuracy, %", Linear(0.0, 1.0), times=100)
    caption = (
        "Mean test accuracy and 95 % interval over seeds, all trainings alike but for labels and augmentation. In "
        "grey: real examples, random ones as many as the set has."
    )
    legend = (*colours(tables), (key(Look(-1, 1), "mark"), "real examples"))
    return [Figure(title, intervals(rows, axis, title), caption, legend, named(tables))]


def _interval(table: SetRows[RelianceRow], way: Sequence[object], look: Look) -> list[Interval]:
    """The accuracy of learners that were trained that way."""
    return [
        Interval(look, row.accuracy, row.low, row.high, f"{per_cent(row.accuracy)} %")
        for row in table.rows
        if [row.trained_on, row.labels, row.augmented] == list(way)
    ][:1]
