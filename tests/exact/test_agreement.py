"""Learners that predict alike: the mathematics of agreement, and the test of normality with fitted parameters."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from limbeck.core.key import Key
from limbeck.statistics import normality
from limbeck.statistics.agreement import agreement, agreements, bounds, chance, standings
from limbeck.statistics.estimates import difference

KEY = Key(("test agreement",))
CLASSES = 4


def learners(count: int, examples: int = 50, classes: int = CLASSES) -> torch.Tensor:
    return KEY.fold(count, examples).integers(classes, count, examples)


def test_agreement_is_the_share_of_equal_predictions_symmetric_and_one_with_oneself() -> None:
    pool, others = learners(5), learners(3)
    found = agreements(pool, others)
    for i in range(5):
        for j in range(3):
            equal = sum(int(a == b) for a, b in zip(pool[i].tolist(), others[j].tolist(), strict=True))
            assert found[i, j] == equal / 50 == agreement(pool[i], others[j])
    among = agreements(pool, pool)
    assert torch.equal(among, among.T)
    assert torch.equal(among.diagonal(), torch.ones(5, dtype=torch.float64))


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=30))
def test_agreement_lies_between_its_bounds(rows: list[tuple[int, int, int]]) -> None:
    truth, first, second = torch.tensor(rows).T
    low, high = bounds(agreement(first, truth), agreement(second, truth))
    assert low - 1e-12 <= agreement(first, second) <= high + 1e-12


@pytest.mark.parametrize(("right", "also"), [(7, 6), (3, 4), (10, 2), (0, 0)])
def test_both_bounds_are_reached(right: int, also: int) -> None:
    truth = torch.zeros(10, dtype=torch.int64)
    first = (torch.arange(10) >= right).long()
    # Errors of a class of its own, on the examples that the first has right as far as there are any.
    apart = 2 * (torch.arange(10) < 10 - also).long()
    alike = (torch.arange(10) >= also).long()
    low, high = bounds(right / 10, also / 10)
    assert agreement(first, truth) == right / 10 and agreement(apart, truth) == agreement(alike, truth) == also / 10
    assert agreement(first, apart) == pytest.approx(low) and agreement(first, alike) == pytest.approx(high)


def test_chance_is_met_by_learners_that_err_independently() -> None:
    count, accuracies = 200_000, (0.6, 0.3)
    truth = KEY.fold("truth").integers(CLASSES, count)
    made = []
    for name, accuracy in zip("ab", accuracies, strict=True):
        wrong = (truth + 1 + KEY.fold("wrong", name).integers(CLASSES - 1, count)) % CLASSES
        made.append(torch.where(KEY.fold("right", name).uniform(count) < accuracy, truth, wrong))
    # Four standard errors of a share of 200,000.
    assert agreement(*made) == pytest.approx(chance(*accuracies, CLASSES), abs=4 * (0.25 / count) ** 0.5)


def test_standings_are_students_predictive_distribution_of_one_more_peer() -> None:
    from scipy import stats

    among = agreements(learners(6), learners(6))
    beside = torch.linspace(0.1, 0.5, 6, dtype=torch.float64)
    found, peers = standings(among, beside)
    for m in range(6):
        others = [float(among[m, j]) for j in range(6) if j != m]
        assert sorted(peers[m].tolist()) == sorted(others)
        mean = sum(others) / 5
        deviation = math.sqrt(sum((each - mean) ** 2 for each in others) / 4)
        assert found[m].mean == pytest.approx(mean) and found[m].deviation == pytest.approx(deviation)
        score = (float(beside[m]) - mean) / (deviation * (1 + 1 / 5) ** 0.5)
        assert found[m].probability == pytest.approx(float(stats.t.cdf(score, 4)))


def test_too_few_peers_or_peers_that_all_agree_alike_have_no_probability() -> None:
    alike = torch.full((4, 4), 0.5, dtype=torch.float64)
    for among in (alike, alike[:2, :2], alike[:1, :1], alike[:0, :0]):
        found, peers = standings(among, torch.full((len(among),), 0.5, dtype=torch.float64))
        assert peers.shape == (len(among), max(len(among) - 1, 0))
        assert len(found) == len(among) and all(math.isnan(each.probability) for each in found)


def test_the_distance_is_that_of_kolmogorov_and_smirnov_from_the_fitted_normal() -> None:
    from scipy import stats

    for n in (4, 11, 40):
        sample = KEY.fold("sample", n).uniform(n).double()
        fitted = stats.norm(float(sample.mean()), float(sample.std()))
        assert normality.distance(sample) == pytest.approx(stats.ks_1samp(sample.numpy(), fitted.cdf).statistic)
        # Neither unit nor sign nor order matters.
        moved = 3 - 7 * sample[KEY.fold("order", n).permutation(n)]
        assert normality.distance(moved) == pytest.approx(normality.distance(sample))
    assert math.isnan(normality.distance(torch.ones(9).double()))
    assert math.isnan(normality.p_value(torch.tensor([1.0, 2.0, 3.0]).double()))


@pytest.mark.parametrize(("n", "ours", "plain"), [(20, 0.191, 0.294), (25, 0.173, 0.264), (29, 0.161, 0.246)])
def test_the_critical_values_are_those_of_lilliefors(n: int, ours: float, plain: float) -> None:
    from scipy import stats

    assert normality.critical(n) == pytest.approx(ours, abs=0.003)
    # What would be looked up if the distribution had been known beforehand.
    assert float(stats.kstwo.ppf(0.95, n)) == pytest.approx(plain, abs=0.001)
    share = float((normality.distances(KEY.fold("known", n).normal(4000, n).double()) > plain).double().mean())
    assert share < 0.002


def test_p_values_are_uniform_for_normal_samples_of_any_mean_and_deviation() -> None:
    samples = 5 + 0.01 * KEY.fold("normal").normal(600, 20).double()
    found = torch.tensor([normality.p_value(sample) for sample in samples]).sort().values
    steps = torch.arange(601) / 600
    distance = float(torch.maximum(steps[1:] - found, found - steps[:-1]).max())
    assert distance < 1.63 / 600**0.5  # The 1 % level of Kolmogorov and Smirnov.


def test_exponential_samples_are_mostly_found_out() -> None:
    samples = -(1 - KEY.fold("exponential").uniform(200, 50).double()).log()
    rejected = sum(normality.p_value(sample) < 0.05 for sample in samples)
    assert rejected > 180


def test_a_difference_of_means_has_the_interval_of_welch() -> None:
    from scipy import stats

    first, second = KEY.fold("first").normal(7).double(), 3 + 4 * KEY.fold("second").normal(4).double()
    found = difference("d", first.tolist(), second.tolist())
    expected = stats.ttest_ind(first.numpy(), second.numpy(), equal_var=False).confidence_interval(0.95)
    assert found[2:] == (pytest.approx(expected.low), pytest.approx(expected.high), 4)
    assert found.value == pytest.approx((found.low + found.high) / 2)
    assert difference("d", [2.0], [1.0, 5.0])[1:] == (-1.0, -1.0, -1.0, 1)
    assert difference("d", [2.0, 2.0], [1.0, 1.0])[1:] == (1.0, 1.0, 1.0, 2)
