"""What a finding of mimicry has in its tables."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.findings import Row

INPUTS, FEATURES = "inputs", "features"
"""Where items are looked at: in the units of the data, and in the features of learners of real data."""


@dataclass(frozen=True)
class KindRow(
    Row,
    table="looks",
    caption="the share of items that look so, with an interval over n items; all intervals hold at once; beside it "
    "that of unseen real examples and of random real training examples",
):
    """How many items look like something."""

    space: str
    looks: str
    share: float
    low: float
    high: float
    unseen_real: float
    random_real: float
    n: int


@dataclass(frozen=True)
class LookRow(
    Row,
    table="items",
    caption="distances to the nearest training example and to the mean of its class over the medians of those of "
    "unseen real examples; relative: over the contrasts of both, likewise; explained: the share of its variance that "
    "class means explain; in features means over learners",
):
    """How an item lies among real examples."""

    item: int
    class_: str
    space: str
    distance: float
    relative: float | None
    to_mean: float
    explained: float | None
    looks: str


@dataclass(frozen=True)
class NearestRow(
    Row,
    table="nearest",
    caption="the nearest training examples; row: that of the train split; distance: Euclidean; features: those of the "
    "first learner",
):
    """One of the training examples nearest to an item."""

    item: int
    space: str
    rank: int
    row: int
    class_: str
    distance: float


@dataclass(frozen=True)
class RealLookRow(Row, table="unseen real examples", caption="the same numbers of evaluation examples"):
    """How an unseen real example lies among the training examples."""

    space: str
    relative: float | None
    explained: float | None


@dataclass(frozen=True)
class LabelRow(
    Row,
    table="labels",
    caption="the weights over classes that soft targets stand for, from one in 200 on; none where each target is one "
    "class",
):
    """How much of its target an item gives to a class."""

    item: int
    class_: str
    target: str
    weight: float


@dataclass(frozen=True)
class ConfusionRow(
    Row,
    table="confusions",
    caption="the share of the evaluation examples of a class that learners take for each; mean over learners; where "
    "all are 0 there is no row",
):
    """How often learners take one class for another, or for itself."""

    class_: str
    predicted: str
    real_data: float
    the_set: float
    random_real: float
