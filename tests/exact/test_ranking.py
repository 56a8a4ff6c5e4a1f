"""Average precision and its chance level are what their definitions say."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from limbeck.core.key import Key
from limbeck.statistics.ranking import (
    average_precision,
    chance,
    exceedance,
    false_discovery,
    permutation_p_value,
    precision_recall,
    prevalence,
    ranked,
)

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
    drawn = chance(torch.arange(count), [positives], repeats, KEY)[0]
    # Exactly: (k - 1) / (n - 1) + (n - k) / (n - 1) H_n / n, which tends to the prevalence k / n.
    harmonic = sum(1 / place for place in range(1, count + 1)) / count
    expected = (positives - 1) / (count - 1) + (count - positives) / (count - 1) * harmonic
    assert float(drawn.mean()) == pytest.approx(expected, abs=4 * float(drawn.std()) / repeats**0.5)
    assert expected == pytest.approx(0.2, abs=0.02)


def test_chance_is_what_permuting_the_labels_gives() -> None:
    scores = torch.tensor([5.0, 4.0, 4.0, 3.0, 2.0, 2.0])
    _, ends = ranked(scores)
    from itertools import combinations

    every = []
    for chosen in combinations(range(6), 2):
        positive = torch.zeros(6, dtype=torch.bool)
        positive[list(chosen)] = True
        every.append(average_precision(scores, positive))
    drawn = chance(ends, [1, 2], 6000, KEY)[1]
    for value in set(every):
        share = sum(abs(each - value) < 1e-9 for each in every) / len(every)
        assert float(((drawn - value).abs() < 1e-9).double().mean()) == pytest.approx(share, abs=0.03)


def test_p_values_are_uniform_where_scores_know_nothing() -> None:
    from scipy import stats

    found = []
    for trial in range(300):
        key = KEY.fold("null", trial)
        positive = marked(60, 12, key.fold("positive"))
        found.append(permutation_p_value(key.fold("scores").normal(60), positive, 199, key))
    assert stats.kstest(found, "uniform").pvalue > 0.01
    assert min(found) >= 1 / 200


def test_p_values_are_small_where_scores_know() -> None:
    positive = marked(60, 12, KEY)
    assert permutation_p_value(positive.double() + 0.1 * KEY.normal(60), positive, 199, KEY) == 1 / 200


def test_a_value_counts_among_its_permutations() -> None:
    assert exceedance(1.0, torch.zeros(9)) == pytest.approx(0.1)
    assert exceedance(0.0, torch.zeros(9)) == 1


def test_false_discoveries_are_those_of_benjamini_and_hochberg() -> None:
    # Their own example: 15 p-values, of which 4 are discoveries at 0.05.
    first = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298]
    adjusted = false_discovery([*first, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0])
    assert sum(value <= 0.05 for value in adjusted) == 4
    assert false_discovery([]) == []
