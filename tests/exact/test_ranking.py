"""Average precision and separation are what their definitions say, and so is what seeds alone come to."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from limbeck.core.key import Key
from limbeck.statistics.ranking import (
    average_precision,
    average_precisions,
    chance_spread,
    false_discovery,
    precision_recall,
    prevalence,
    separation,
)
from limbeck.statistics.seed_null import beside_seeds, differences, exceedance, learners_for, p_values

KEY = Key(("ranking",))


def marked(count: int, positives: int, key: Key) -> torch.Tensor:
    return key.permutation(count) < positives


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 9), st.integers(0, 10**6))
def test_it_equals_that_of_scikit_learn_with_ties(count: int, positives: int, levels: int, seed: int) -> None:
    from sklearn.metrics import average_precision_score, precision_recall_curve

    scores = KEY.fold(seed).integers(levels, count).double()
    positive = marked(count, min(positives, count), KEY.fold(seed, "positive"))
    expected = average_precision_score(positive.numpy(), scores.numpy())
    assert average_precision(scores, positive) == pytest.approx(expected, abs=1e-12)
    precision, recall, _ = precision_recall_curve(positive.numpy(), scores.numpy())
    found = precision_recall(scores, positive)
    assert found.precision.flip(0).tolist() == pytest.approx(precision[:-1].tolist())
    assert found.recall.flip(0).tolist() == pytest.approx(recall[:-1].tolist())


@given(st.integers(2, 40), st.integers(1, 40))
def test_a_perfect_ranking_is_1_and_constant_scores_are_the_prevalence(count: int, positives: int) -> None:
    positive = marked(count, min(positives, count), KEY)
    assert average_precision(positive.double(), positive) == 1
    assert average_precision(torch.zeros(count), positive) == pytest.approx(prevalence(positive))


def test_random_scores_come_to_the_prevalence_in_expectation() -> None:
    count, positives, repeats = 400, 80, 4000
    drawn = average_precisions(KEY.uniform(repeats, count), torch.arange(count) < positives)
    # Exactly: (k - 1) / (n - 1) + (n - k) / (n - 1) H_n / n, which tends to the prevalence k / n.
    harmonic = sum(1 / place for place in range(1, count + 1)) / count
    expected = (positives - 1) / (count - 1) + (count - positives) / (count - 1) * harmonic
    assert float(drawn.mean()) == pytest.approx(expected, abs=4 * float(drawn.std()) / repeats**0.5)
    assert expected == pytest.approx(0.2, abs=0.02)


def test_many_average_precisions_are_those_of_each() -> None:
    scores, positive = KEY.fold("many").normal(5, 30), marked(30, 7, KEY)
    found = average_precisions(scores, positive).tolist()
    assert found == pytest.approx([average_precision(row, positive) for row in scores])


@given(st.integers(2, 30), st.integers(1, 29), st.integers(1, 9), st.integers(0, 10**6))
def test_separation_is_the_probit_of_the_area_under_the_curve(
    count: int, positives: int, levels: int, seed: int
) -> None:
    from scipy.stats import norm
    from sklearn.metrics import roc_auc_score

    scores = KEY.fold(seed).integers(levels, 3, count).double()
    positive = marked(count, min(positives, count - 1), KEY.fold(seed, "positive"))
    half = 0.5 / (int(positive.sum()) * int((~positive).sum()))
    found = separation(scores, positive)
    for row, value in zip(scores, found.tolist(), strict=True):
        area = min(max(roc_auc_score(positive.numpy(), row.numpy()), half), 1 - half)
        assert value == pytest.approx(float(norm.ppf(area)), abs=1e-9)
    torch.testing.assert_close(separation(-scores, positive), -found)


@pytest.mark.parametrize(("positives", "count"), [(10, 200), (50, 200), (250, 1000)])
def test_random_rankings_separate_by_0_and_about_normally(positives: int, count: int) -> None:
    from scipy import stats

    found = separation(KEY.fold("random").uniform(4000, count), torch.arange(count) < positives)
    spread = chance_spread(positives, count)
    assert float(found.mean()) == pytest.approx(0, abs=4 * spread / 4000**0.5)
    assert float(found.std()) == pytest.approx(spread, rel=0.05)
    # The average precision is not: its tail, three standard deviations from its mean, is several times as heavy.
    assert float((found > 3 * spread).double().mean()) < 3 * stats.norm.sf(3)


@pytest.mark.parametrize("learners", [3, 8, 60])
def test_of_one_seed_the_predictive_distribution_is_student_s(learners: int) -> None:
    from scipy import stats

    at = torch.tensor([-1.0, 0.0, 1.0, 3.0, 6.0], dtype=torch.float64)
    expected = stats.t.sf(at.numpy(), learners - 1)
    assert exceedance(at, learners, 1).tolist() == pytest.approx(expected.tolist(), rel=1e-5)


def test_of_two_seeds_it_is_that_of_the_smaller_of_two_which_share_a_spread() -> None:
    count, learners = 400_000, 6
    chi = KEY.fold("chi").normal(count, learners - 1).double().square().mean(1).sqrt()
    least = (KEY.fold("two").normal(count, 2).double() / chi[:, None]).min(1).values
    at = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)
    drawn = torch.stack([(least >= value).double().mean() for value in at])
    torch.testing.assert_close(exceedance(at, learners, 2), drawn, atol=2e-3, rtol=0)


def test_a_difference_of_one_more_pair_of_learners_is_as_student_says() -> None:
    from scipy import stats

    found = []
    for trial in range(300):
        key = KEY.fold("learners", trial)
        direction, positive = key.fold("direction").normal(200), marked(200, 50, key)
        direction = direction + positive
        losses = (0.2 * key.fold("far").normal(8, 1) * direction + key.fold("noise").normal(8, 200)).double()
        one_more = (losses[6] - losses[7])[None, None]
        beside = beside_seeds(one_more, differences(losses[:6]), positive)
        found.append(float(exceedance(beside.least, 6, 1)[0]))
    assert stats.kstest(found, "uniform").pvalue > 0.001
    assert sum(p < 0.05 for p in found) < 300 * 0.09


def test_the_spread_is_no_less_than_that_of_random_rankings() -> None:
    positive = torch.arange(40) < 10
    ours = (torch.arange(40).double() * -1)[None, None]
    same = torch.zeros(3, 40, dtype=torch.float64)
    assert float(beside_seeds(ours, differences(same), positive).least) == pytest.approx(
        float(separation(ours[0], positive)) / chance_spread(10, 40)
    )


def test_what_one_seed_shows_by_far_counts_no_more_than_what_the_other_shows_by_itself() -> None:
    together, adjusted = p_values(torch.tensor([1.0, 9.0]).double(), 12, 2)
    assert together[0] < 0.05 and adjusted[0] == pytest.approx(float(exceedance(torch.tensor([1.0]), 12, 1)[0]))
    assert adjusted[1] < 0.001


def test_as_many_learners_as_would_show_something_show_it() -> None:
    least = torch.tensor([2.5, 0.1] + [0.0] * 20).double()
    wanted = learners_for(least, 2, 3)
    assert 3 < wanted < 200
    assert min(p_values(least, wanted, 2)[1]) <= 0.05 < min(p_values(least, wanted - 3, 2)[1])
    assert learners_for(torch.zeros(5).double(), 2, 3) == 0


def test_false_discoveries_are_those_of_benjamini_and_hochberg() -> None:
    # Their own example: 15 p-values, of which 4 are discoveries at 0.05.
    first = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298]
    adjusted = false_discovery([*first, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0])
    assert sum(value <= 0.05 for value in adjusted) == 4
    assert false_discovery([]) == []
