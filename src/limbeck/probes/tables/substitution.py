"""What a finding of substitution has in its tables."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.findings import Row

ACCURACY, IMAGES, STEPS = "test accuracy", "equivalent real images per class", "equivalent steps on real data"
"""The facts that say how well learners of the set do, and what it is equivalent to."""


@dataclass(frozen=True)
class RealImagesRow(Row, table="real images", caption="mean test accuracy and 95 % interval over seeds"):
    """Learners of so many random real images of every class."""

    per_class: int
    test_accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class RealStepsRow(Row, table="real steps", caption="mean test accuracy and 95 % interval over seeds"):
    """Learners of all real data after so many steps."""

    step: int
    test_accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class RangeRow(Row, table="raw range", caption="the least and largest raw values"):
    """A channel of the set's items and of real examples."""

    channel: int
    set_low: float
    set_high: float
    real_low: float
    real_high: float


@dataclass(frozen=True)
class DensityRow(Row, table="raw density", caption="probability density of all raw values"):
    """An interval of raw values."""

    from_: float
    to: float
    set: float
    real: float
