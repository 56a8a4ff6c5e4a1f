"""What a finding of influence has in its tables."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from limbeck.core.findings import Row

HELPED, HARMED, SAMPLE = "helped", "harmed", "sample"
"""Why an evaluation example is listed beside an item."""
CORRELATIONS = "seed correlation", "additive correlation", "distance correlation"
"""What influence goes along with: itself under another seed, the same added to real examples, and distance."""
SEEDS, ADDITIVE, DISTANCE = CORRELATIONS
OWN, RELIABILITY = "own repeatability", "reliability of the mean"
"""The facts that decide: how far influence repeats beyond that of other items, and how far its mean is known."""


def within_class(correlation: str) -> str:
    """The name of a correlation over the evaluation examples of the item's own class."""
    return f"{correlation} within class"


OTHERS = within_class(f"{SEEDS} of others")
"""The fact of how the influences of two items of a class go along under two seeds."""


@dataclass(frozen=True)
class ItemRow(
    Row,
    table="items",
    caption="influence in loss, positive where the item helps, the mean over seeds; correlations over evaluation "
    "examples, of seeds the mean over pairs of them; of others: with other items of the class",
):
    """What leaving an item of the set out does; None is what was not measured."""

    item: int
    class_: str
    mean_influence_in_class: float | None
    mean_influence_out_of_class: float | None
    in_class_of_top_10: float | None
    in_class_of_top_100: float | None
    seed_correlation: float | None
    seed_correlation_within_class: float | None
    seed_correlation_of_others_within_class: float | None
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
class RealImageRow(
    Row,
    table="real examples",
    caption="leave-one-out among as many random real examples in place of the set, the mean over seeds",
):
    """What leaving a real example of the control out does; None is what was not measured."""

    example: int
    class_: str
    mean_influence_in_class: float | None
    mean_influence_out_of_class: float | None
    in_class_of_top_10: float | None
    in_class_of_top_100: float | None
    seed_correlation: float | None
    seed_correlation_within_class: float | None
    seed_correlation_of_others_within_class: float | None


@dataclass(frozen=True)
class ExampleRow(
    Row,
    table="examples",
    caption="influence in loss, positive where the item helps; distance: Euclidean, in native units; sample: drawn at "
    "random, half of them of the item's class",
):
    """An evaluation example beside an item of the set, ranked among those of its side."""

    item: int
    side: str
    rank: int
    row: int
    class_: str
    influence: float
    distance: float
