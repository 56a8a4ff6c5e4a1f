"""What a finding of influence has in its tables."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from limbeck.core.findings import Row

HELPED, HARMED, SAMPLE = "helped", "harmed", "sample"
"""Why an evaluation example is listed beside an image."""
CORRELATIONS = "seed correlation", "additive correlation", "distance correlation"
SEEDS, _, DISTANCE = CORRELATIONS
"""The facts that say whether influence repeats: under another seed, added to real images, and with distance."""


def within_class(correlation: str) -> str:
    """The name of a correlation over the evaluation examples of the image's own class."""
    return f"{correlation} within class"


@dataclass(frozen=True)
class ItemRow(
    Row,
    table="items",
    caption="influence in loss, positive where the image helps; correlations over evaluation examples",
):
    """What leaving an image of the set out does; None is what was not measured."""

    item: int
    class_: str
    mean_influence_in_class: float | None
    mean_influence_out_of_class: float | None
    in_class_of_top_10: float | None
    in_class_of_top_100: float | None
    seed_correlation: float | None
    seed_correlation_within_class: float | None
    additive_correlation: float | None
    additive_correlation_within_class: float | None
    distance_correlation: float | None
    distance_correlation_within_class: float | None

    @property
    def effects(self) -> list[tuple[str, float]]:
        """Every number that was measured, with the name of its column."""
        named = zip(self.columns()[2:], dataclasses.astuple(self)[2:], strict=True)
        return [(name, value) for name, value in named if value is not None]


@dataclass(frozen=True)
class RealImageRow(Row, table="real images", caption="leave-one-out within random real images"):
    """What leaving a real image out of as many as the set has does."""

    image: int
    class_: str
    mean_influence_in_class: float | None
    mean_influence_out_of_class: float | None
    in_class_of_top_10: float | None
    in_class_of_top_100: float | None


@dataclass(frozen=True)
class ExampleRow(
    Row,
    table="examples",
    caption="influence in loss, positive where the image helps; distance: Euclidean, in native units; sample: drawn at "
    "random, half of them of the image's class",
):
    """An evaluation example beside an image of the set, ranked among those of its side."""

    item: int
    side: str
    rank: int
    row: int
    class_: str
    influence: float
    distance: float
