"""What a finding of agreement has in its tables."""

from __future__ import annotations

from dataclasses import dataclass

from limbeck.core.findings import Row


@dataclass(frozen=True)
class PoolRow(
    Row,
    table="pools",
    caption="test accuracy: mean over the matched learners; agreement with the set's learners: mean, 95 % interval "
    "over these and over the matched ones, and median; among: the mean agreement of the matched learners with each "
    "other; not normal: the share of them whose agreements are not normal at 5 %",
):
    """A pool of learners of real data."""

    pool: str
    trained: int
    matched: int
    test_accuracy: float | None
    agreement: float | None
    low: float | None
    high: float | None
    among: float | None
    median: float | None
    median_probability: float | None
    not_normal: float | None


@dataclass(frozen=True)
class MatchedRow(
    Row,
    table="matched learners",
    caption="setting: real examples per class, steps, or strength of weight decay; agreement: mean "
    "over the set's learners; probability of an agreement no larger, by the predictive distribution of the learner's "
    "agreements with its peers; distance and p of "
    "Lilliefors' test",
):
    """A learner whose test accuracy is that of the set's learners."""

    pool: str
    seed: int
    setting: float
    test_accuracy: float
    agreement: float
    mean_with_peers: float | None
    deviation_with_peers: float | None
    probability: float | None
    distance: float | None
    p: float | None


@dataclass(frozen=True)
class PeerRow(
    Row,
    table="peers of one learner",
    caption="the agreements of the first matched learner of each pool with the others, to see their distribution by",
):
    """How far a pool's first learner and another of it agree."""

    pool: str
    seed: int
    seed_of_peer: int
    agreement: float
