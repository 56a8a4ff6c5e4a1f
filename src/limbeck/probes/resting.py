"""The tables of a finding of surface, from what is remembered."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from limbeck.computations import Around, Line, Local, PrincipalPlane, Training
from limbeck.computations.contract import ProbeContext
from limbeck.core.findings import Table
from limbeck.learn.directions import barrier
from limbeck.learn.plane import centred
from limbeck.probes.tables.surface import (
    OURS,
    BarrierRow,
    GridRow,
    PlaneRow,
    PointRow,
    PrincipalGridRow,
    PrincipalPathRow,
    StepRow,
)
from limbeck.statistics.correlation import rank_correlation

Spots = TypeVar("Spots", bound=GridRow)


def log10(top: Tensor, bottom: Tensor) -> float:
    """The logarithm of a ratio; NaN where either is no positive number."""
    return math.log10(float(top) / float(bottom)) if float(top) > 0 and float(bottom) > 0 else math.nan


def rise(context: ProbeContext, line: Line) -> float:
    """The barrier of the real loss along a line."""
    return barrier(line.shares, context.outcome(line)["real"].tolist())


def point_table(context: ProbeContext, asked: Iterable[tuple[str, int, str, str, Local]]) -> Table:
    """Losses at learners: (trained on, seed, loss, at, what was measured)."""
    rows = []
    for name, seed, loss, at, local in asked:
        found = context.outcome(local)
        numbers = [float(found[each]) for each in ("loss", "slope", "lowest", "highest")]
        rows.append(PointRow(name, seed, at, loss, *numbers))
    return PointRow.table(rows)


def step_table(context: ProbeContext, ways: Sequence[Line]) -> Table:
    """Losses along the ways of training, means over learners."""
    on_real, of_set = (
        torch.stack([context.outcome(way)[name] for way in ways]).mean(0).tolist() for name in ("real", "set")
    )
    return StepRow.table(map(StepRow, ways[0].shares, on_real, of_set))


def barrier_table(context: ProbeContext, pairs: Iterable[tuple[str, int, Sequence[Line]]]) -> Table:
    """Barriers between networks: straight, and aligned and bent where that was asked for."""
    rows = []
    for name, seed, lines in pairs:
        found = {(line.align, line.bent > 0): rise(context, line) for line in lines}
        rows.append(BarrierRow(name, seed, found[False, False], found.get((True, False)), found.get((False, True))))
    return BarrierRow.table(rows)


def plane_table(
    context: ProbeContext, planes: Iterable[tuple[str, int, Training, int, Around]]
) -> tuple[Table, tuple[int, int]]:
    """Random planes, and in how many of how many around learners of the set the real loss is lowest in the middle."""
    rows, lowest = [], []
    for name, seed, _, plane, around in planes:
        found = context.outcome(around)
        for loss, values in found.items():
            middle = float(values[len(values) // 2, len(values) // 2]) <= float(values.min())
            alike = rank_correlation(values.flatten(), found["real"].flatten())
            rows.append(PlaneRow(name, seed, plane, loss, int(middle), alike))
            if name == OURS and loss == "real":
                lowest.append(middle)
    return PlaneRow.table(rows), (sum(lowest), len(lowest))


def grid_table(context: ProbeContext, kind: type[GridRow], around: Around | None) -> Table:
    """The losses over a random plane; no rows where there is none."""
    if around is None:
        return kind.table(())
    at = centred(around.radius, around.size)
    return kind.table(_spots(kind, at, at, context.outcome(around)))


def principal_tables(context: ProbeContext, principal: PrincipalPlane | None) -> tuple[Table, Table]:
    """The losses over a principal plane, and the training in it; no rows where there is none."""
    if principal is None:
        return PrincipalGridRow.table(()), PrincipalPathRow.table(())
    found = context.outcome(principal)
    path = zip(principal.training.keeps, found["path"].tolist(), strict=True)
    return (
        PrincipalGridRow.table(_spots(PrincipalGridRow, found["x"].tolist(), found["y"].tolist(), found)),
        PrincipalPathRow.table(PrincipalPathRow(step, *spot) for step, spot in path),
    )


def _spots(kind: type[Spots], x: Sequence[float], y: Sequence[float], found: dict[str, Tensor]) -> list[Spots]:
    return [
        kind(across, up, float(found["real"][row, column]), float(found["set"][row, column]))
        for row, up in enumerate(y)
        for column, across in enumerate(x)
    ]
