"""What a finding of mixing has in its table."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.findings import Row


@dataclass(frozen=True)
class MixingRow(
    Row,
    table="mixing",
    caption="test accuracies with 95 % intervals over seeds; gains are paired differences from the set alone",
):
    """A number of real images added to each class: with the set, and with as many real images in its place."""

    added_per_class: int
    set_and_real: float
    low: float
    high: float
    real_alone: float
    low_alone: float
    high_alone: float
    gain: float
    low_gain: float
    high_gain: float
