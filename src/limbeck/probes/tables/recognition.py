"""What a finding of recognition has in its tables."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.findings import Row

REAL, DISTILLED = "real", "distilled"
"""What a point of the map is."""


@dataclass(frozen=True)
class RecognitionRow(
    Row,
    table="recognition",
    caption="accuracy on the set and on evaluation examples, with 95 % intervals over n learners",
):
    """A network that was trained on real examples for some steps."""

    network: str
    steps: int
    accuracy_on_set: float
    low_on_set: float
    high_on_set: float
    test_accuracy: float
    low_test: float
    high_test: float
    n: int


@dataclass(frozen=True)
class NeighbourRow(
    Row,
    table="items",
    caption="means over learners; agreement: the share of near evaluation examples that are of its class; distance: "
    "over the median of those of evaluation examples; off: the share of the learners for which it is farther from its "
    "class than 95 % of evaluation examples are",
):
    """How an item lies among real examples."""

    item: int
    class_: str
    agreement: float
    distance: float
    off: float


@dataclass(frozen=True)
class PredictionRow(
    Row, table="predictions", caption="the class that the first learner of each network takes an item for"
):
    """What a network takes an item for."""

    item: int
    class_: str
    network: str
    steps: int
    predicted: str


@dataclass(frozen=True)
class MapRow(Row, table="map", caption="evaluation examples, and items in the order of the set"):
    """A point of the map."""

    kind: str
    class_: str
    x: float
    y: float
