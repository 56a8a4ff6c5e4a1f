"""What a finding of curvature has in its tables."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.findings import Row

START, PEAK, END = "start", "peak", "end"
"""The stages of training on the set at which a spectrum is taken."""
SET, REAL = "set", "real"
"""What a loss is on."""


@dataclass(frozen=True)
class TraceRow(Row):
    """The traces of the Hessians of the loss on the set and of that on real examples at a step of a training."""

    start: int
    """The number of the training: its initial parameters and its order of examples."""
    step: int
    set_trace: float
    set_error: float
    set_products: int
    real_trace: float
    real_error: float
    real_products: int


@dataclass(frozen=True)
class RealTraceRow(
    TraceRow,
    table="traces along training on real data",
    caption="trace of the Hessian of the loss on the set, on real examples, and on as many random real examples as the "
    "set has (control, drawn anew for each start), its standard error, and products taken",
):
    """Along training on all real data, until it levels off."""

    control_trace: float
    control_error: float
    control_products: int


class SetTraceRow(
    TraceRow,
    table="traces along training on the set",
    caption="trace of the Hessian of the loss on the set and on real examples, its standard error, and products taken; "
    "one training",
):
    """Along training on the set."""


@dataclass(frozen=True)
class SpectrumRow(
    Row,
    table="spectra",
    caption="density of the eigenvalues along training on the set, smoothed by normal bumps of 1 % of their range; of "
    "one training",
):
    """A point of the density of eigenvalues."""

    loss: str
    stage: str
    step: int
    eigenvalue: float
    density: float


@dataclass(frozen=True)
class ExtremeRow(
    Row,
    table="extreme eigenvalues",
    caption="the smallest and largest that were computed, and within what of an eigenvalue each is; of one training",
):
    """One of the smallest or largest eigenvalues."""

    loss: str
    stage: str
    step: int
    eigenvalue: float
    within: float
