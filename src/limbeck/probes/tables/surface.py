"""What a finding of surface has in its tables."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.findings import Row

OURS, CONTROL, REAL = "the set", "as many random real examples", "real data"
"""What learners are trained on."""
ON_SET, ON_REAL = "the set's own", "real"
"""The losses."""


@dataclass(frozen=True)
class PointRow(
    Row,
    table="where training ends",
    caption="the loss, the norm of its gradient and the ends of the spectrum of its Hessian, at the end of each "
    "training; of the set's own loss also at its start",
):
    """A loss at a learner."""

    trained_on: str
    seed: int
    at: str
    loss: str
    value: float
    slope: float
    lowest_eigenvalue: float
    highest_eigenvalue: float


@dataclass(frozen=True)
class StepRow(
    Row,
    table="along the way of training on the set",
    caption="losses on the straight line from where training begins (0) through where it ends (1), means over learners",
):
    """A point of the line."""

    share: float
    real_loss: float
    set_loss: float


@dataclass(frozen=True)
class BarrierRow(
    Row,
    table="between networks",
    caption="how far the real loss rises at most, on the way between two networks, above the line between theirs; "
    "aligned: after the units of the one are put into the order of the other; bent: along a trained curve",
):
    """A pair of networks."""

    between: str
    seed: int
    straight: float
    aligned: float | None
    bent: float | None


@dataclass(frozen=True)
class PlaneRow(
    Row,
    table="random planes",
    caption="whether the middle is lowest, and how the losses over the plane go along with the real one (rank "
    "correlation): the set's own, that of noise under the set's targets, and those of few real examples",
):
    """A random plane around a learner."""

    around: str
    seed: int
    plane: int
    loss: str
    lowest_in_the_middle: int
    rank_correlation_with_real: float


@dataclass(frozen=True)
class GridRow(Row):
    """A point of a plane."""

    x: float
    y: float
    real_loss: float
    set_loss: float


class SetGridRow(GridRow, table="around a learner of the set", caption="losses over the first random plane of seed 0"):
    """Around the learner of the set."""


class RealGridRow(
    GridRow, table="around a learner of real data", caption="losses over the first random plane of seed 0"
):
    """Around the learner of real data."""


class PrincipalGridRow(
    GridRow,
    table="principal plane of training on the set",
    caption="losses over the plane in which the training of seed 0 varies most; (0, 0) is its end",
):
    """About the end of training on the set."""


@dataclass(frozen=True)
class PrincipalPathRow(
    Row, table="training on the set in its principal plane", caption="distances from the end, in parameters"
):
    """A learner that was kept on the way."""

    step: int
    x: float
    y: float
