"""What a finding of cross-architecture has in its tables."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.findings import Row

SET, REAL = "set", "real"
"""What a drawn training is on."""


@dataclass(frozen=True)
class NetworkRow(
    Row,
    table="networks",
    caption="mean test accuracy on the set and on as many real examples, gain, and share of that of the set's own "
    "network, with 95 % intervals (those of gains decide: they hold at once for all networks, and say how far one more "
    "draw of real examples would lie); and the chosen setting on the set (batch 0: all)",
):
    """A network that was trained on the set and on as many real examples."""

    network: str
    set: float
    low_set: float
    high_set: float
    real: float
    low_real: float
    high_real: float
    gain: float
    low_gain: float
    high_gain: float
    retained: float
    low_retained: float
    high_retained: float
    learning_rate: float
    momentum: float
    weight_decay: float
    steps: int
    batch: int


@dataclass(frozen=True)
class DrawRow(Row, table="draws", caption="one learner each; a setting is chosen by validation accuracy"):
    """A drawn training of a network."""

    network: str
    on: str
    learning_rate: float
    momentum: float
    weight_decay: float
    steps: int
    batch: int
    validation_accuracy: float
    test_accuracy: float
