"""The estimator of scikit-learn's habit, and the vectors that it learns from."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import check_estimator

import limbeck
from limbeck.codecs import codec_of, header_of
from limbeck.codecs.standardised import Standardised
from limbeck.core.errors import InputError
from limbeck.sklearn import DistilledClassifier


def test_scikit_learns_own_checks_pass() -> None:
    results = check_estimator(DistilledClassifier(steps=2, learners=1), on_fail=None, on_skip=None)
    failed = {each["check_name"]: str(each["exception"]) for each in results if each["status"] == "failed"}
    assert not failed and sum(each["status"] == "passed" for each in results) > 40


def test_synthetic_rows_are_fewer_and_in_the_units_of_the_table() -> None:
    table, labels = load_iris(return_X_y=True)
    classifier = DistilledClassifier(ipc=2, steps=30, random_state=0).fit(table, labels)
    made = classifier.distilled_
    assert isinstance(made, limbeck.DistilledSet) and len(made) == 6
    centre = np.stack([table[labels == label].mean(0) for label in range(3)])
    near = made.native.double().numpy().reshape(3, 2, 4).mean(1)
    assert np.abs(near - centre).max() < 1.5, "in centimetres, not in standard deviations"
    assert classifier.score(table, labels) > 0.8


def test_it_learns_of_the_digits_far_more_than_chance_and_less_than_from_all() -> None:
    table, labels = load_digits(return_X_y=True)
    train, test = slice(0, 1000), slice(1000, None)
    classifier = DistilledClassifier(steps=50, learners=1, random_state=0).fit(table[train], labels[train])
    everything = LogisticRegression(max_iter=300).fit(table[train] / 16, labels[train])
    ours = classifier.score(table[test], labels[test])
    assert 0.6 < ours < everything.score(table[test] / 16, labels[test])
    again = pickle.loads(pickle.dumps(classifier))
    assert np.array_equal(again.predict_proba(table[test]), classifier.predict_proba(table[test]))
    assert np.allclose(classifier.predict_proba(table[test]).sum(1), 1)


def test_one_state_gives_one_classifier_and_another_another() -> None:
    table, labels = load_iris(return_X_y=True)
    first, same, other = (
        clone(DistilledClassifier(steps=5, learners=1, random_state=seed)).fit(table, labels) for seed in (1, 1, 2)
    )
    assert first.distilled_ == same.distilled_ and first.distilled_ != other.distilled_
    assert np.array_equal(first.predict_proba(table), same.predict_proba(table))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"recipe": "dmm"}, "unknown recipe 'dmm': did you mean"),
        ({"recipe": "mtt"}, "recipe mtt: it reads networks that are trained before"),
        ({"recipe": "herding"}, "recipe herding: it reads networks that are trained before"),
        ({"network": "convnet-w8"}, "it takes images"),
        ({"ipc": 0}, "ipc 0: expected at least one item"),
        ({"learners": 0}, "learners 0: expected at least one"),
    ],
)
def test_bad_options_are_one_line(options: dict, says: str) -> None:
    table, labels = load_iris(return_X_y=True)
    with pytest.raises(InputError, match=says) as caught:
        DistilledClassifier(**options).fit(table, labels)
    assert "\n" not in str(caught.value)


def test_vectors_are_standardised_number_by_number_and_back() -> None:
    vectors = torch.tensor([[1.0, 5.0, 3e8], [3.0, 5.0, 3e8], [8.0, 5.0, 3e8]], dtype=torch.float64)
    codec = Standardised.fit(vectors)
    inputs = codec.encode(vectors)
    assert torch.allclose(inputs.mean(0), torch.zeros(3, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(inputs[:, 0].std(correction=0), torch.tensor(1.0, dtype=torch.float64))
    assert codec.std[1:] == (1.0, 1.0), "a number that is always the same is left as wide as it is"
    assert torch.equal(codec.decode(inputs), vectors)
    assert codec_of(header_of(codec), codec.to_tensors()) == codec


@pytest.mark.parametrize(
    "tensors",
    [
        {},
        {"mean": torch.zeros(2)},
        {"mean": torch.zeros(2), "std": torch.ones(3)},
        {"mean": torch.zeros(2), "std": torch.zeros(2)},
        {"mean": torch.full((2,), torch.nan), "std": torch.ones(2)},
    ],
)
def test_a_codec_of_damaged_numbers_is_refused(tensors: dict) -> None:
    with pytest.raises(InputError, match="a codec of vectors with"):
        Standardised.from_tensors(tensors)
