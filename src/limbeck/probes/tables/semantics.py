"""What a finding of semantics has in its tables."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.findings import Row


@dataclass(frozen=True)
class AttributeRow(
    Row,
    table="attributes",
    caption="what is found first (found: 1), by gain: (average precision - seeds alone) / (1 - seeds alone), where "
    "seeds alone is that of differences of learners that differ by their seed alone; average precision: the mean of "
    "two seeds; p: of both being so far beyond seeds alone",
):
    """A test of one item and one attribute."""

    item: int
    class_: str
    attribute: str
    average_precision: float
    seeds_alone: float
    prevalence: float
    gain: float
    n: int
    p: float
    adjusted_p: float
    found: int


@dataclass(frozen=True)
class AccuracyRow(
    Row,
    table="accuracy",
    caption="of learners of the whole set, on evaluation examples of the class whose attribute is known",
):
    """How often learners of the set are right on those of a class that carry an attribute, and on the others."""

    class_: str
    attribute: str
    carriers: int
    examples: int
    accuracy_on_carriers: float
    accuracy_on_others: float


@dataclass(frozen=True)
class CurveRow(
    Row,
    table="curves",
    caption="of the strongest attributes, for all items of the class: precision where recall gets there",
):
    """A point of a curve of precision over recall."""

    class_: str
    attribute: str
    prevalence: float
    item: int
    recall: float
    precision: float
