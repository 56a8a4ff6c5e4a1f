"""What a finding of landscape has in its tables."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.findings import Row


@dataclass(frozen=True)
class LossRow(
    Row,
    table="loss along training on the set",
    caption="on evaluation examples, means over learners with 95 % intervals; changed: the share of predictions unlike "
    "the reading before; control: learners of as many random real examples",
):
    """A reading of the training on the set."""

    step: int
    test_loss: float
    low: float
    high: float
    test_accuracy: float
    changed: float | None
    control_loss: float
    control_low: float
    control_high: float


@dataclass(frozen=True)
class SplitRow(
    Row,
    table="over-confidence",
    caption="mean loss of the examples that final learners get right or wrong, at the lowest loss and at the end; "
    "examples: of all learners",
):
    """Evaluation examples that final learners predict alike well."""

    final_prediction: str
    examples: int
    loss_at_lowest: float
    loss_at_end: float


@dataclass(frozen=True)
class CornerRow(Row, table="corners", caption="losses of the networks of one seed, and of the points of the plane"):
    """A network that the plane goes through."""

    corner: str
    x: float
    y: float
    test_loss: float
    set_loss: float
    test_loss_on_plane: float
    set_loss_on_plane: float


@dataclass(frozen=True)
class PathRow(Row):
    """A reading of a training, laid onto the plane."""

    step: int
    x: float
    y: float
    off_the_plane: float


class RealPathRow(PathRow, table="path of training on real data", caption="distances in parameters"):
    """Of the training on all real data."""


class SetPathRow(PathRow, table="path of training on the set", caption="distances in parameters"):
    """Of the training on the set."""


@dataclass(frozen=True)
class SurfaceRow(Row, table="surface", caption="mean losses over the plane"):
    """A point of the plane."""

    x: float
    y: float
    test_loss: float
    set_loss: float
