"""What a finding of mixing has in its table."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.findings import Row


@dataclass(frozen=True)
class MixingRow(
    Row,
    table="mixing",
    caption="test accuracies with 95 % intervals over seeds, each by itself; and differences paired by seed, with the "
    "intervals that decide: over real is the set less as many real examples in its place, gain is the set and these "
    "less the set alone",
):
    """A number of real examples added to each class: with the set, and with as many real examples in its place."""

    added_per_class: int
    set_and_real: float
    low: float
    high: float
    real_alone: float
    low_alone: float
    high_alone: float
    over_real: float
    low_over_real: float
    high_over_real: float
    gain: float
    low_gain: float
    high_gain: float
