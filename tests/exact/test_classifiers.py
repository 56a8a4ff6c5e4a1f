"""Classifiers that are no networks: what is kept of them says what scikit-learn's say, and soft labels are weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import ensemble, linear_model, naive_bayes, neighbors

from limbeck.codecs import Standardised
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.computations.record import END
from limbeck.computations.training import Training
from limbeck.core.contracts import Batch, NoCache, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn.classifiers import Boosted, Forest, Logistic, NaiveBayes, Neighbours
from limbeck.learn.classifiers.contract import AbstractClassifier
from limbeck.learn.classifiers.machine import Machine, weighted
from limbeck.protocols import named
from limbeck.tasks import load
from limbeck.tasks.labelled import Labelled
from limbeck.tasks.vectors import VectorTask

KEY, CPU = Key(("classifiers",)), torch.device("cpu")
CENTRES = 1.5 * KEY.fold("centres").normal(3, 4)


def drawn(count: int, of: str) -> tuple[torch.Tensor, torch.Tensor]:
    labels = KEY.fold(of, "labels").integers(3, count)
    return CENTRES[labels] + KEY.fold(of).normal(count, 4), labels


def task_of() -> VectorTask:
    splits = {name: Labelled(*drawn(count, name)) for name, count in (("train", 90), ("validation", 30), ("test", 60))}
    return VectorTask("numbers", ("a", "b", "c"), Standardised.fit(splits["train"].native), splits)


TASK = task_of()
TRAIN, TEST = TASK.load("train"), TASK.load("test")
SEED = KEY.seed % 2**32
THEIRS: dict[AbstractClassifier, Any] = {
    Logistic(): linear_model.LogisticRegression(max_iter=1000),
    Neighbours(): neighbors.KNeighborsClassifier(5),
    NaiveBayes(): naive_bayes.GaussianNB(),
    Forest(trees=5): ensemble.RandomForestClassifier(5, random_state=SEED),
    Boosted(rounds=4): ensemble.HistGradientBoostingClassifier(
        max_iter=4, max_leaf_nodes=31, min_samples_leaf=1, early_stopping=False
    ),
}
each_of = pytest.mark.parametrize("ours", THEIRS, ids=lambda ours: ours.name)


def chances(classifier: AbstractClassifier, batch: Batch, inputs: torch.Tensor, most: int = 1000) -> torch.Tensor:
    machine = Machine(TASK, classifier, most)
    return machine.apply(machine.fit(batch, KEY), inputs).outputs.softmax(1)


@each_of
@pytest.mark.parametrize("present", [(0, 1, 2), (0, 2)])
def test_what_is_kept_says_what_scikit_learn_says(ours: AbstractClassifier, present: tuple[int, ...]) -> None:
    batch = TASK.take(TRAIN, torch.isin(TRAIN.classes, torch.tensor(present)))
    # A forest draws its rows by their weights, where there are any.
    weights = {} if isinstance(ours, Neighbours) else {"sample_weight": np.ones(len(batch.classes))}
    theirs = THEIRS[ours].fit(batch.inputs.double().numpy(), batch.classes.numpy(), **weights)
    expected = torch.zeros(len(TEST.classes), 3, dtype=torch.float64)
    expected[:, list(present)] = torch.from_numpy(theirs.predict_proba(TEST.inputs.double().numpy()))
    torch.testing.assert_close(chances(ours, batch, TEST.inputs), expected, atol=1e-5, rtol=1e-5)


def test_soft_labels_are_the_weights_of_rows() -> None:
    targets = torch.tensor([[1.0, 0, 0], [0.25, 0.75, 0], [0.2, 0.3, 0.5]])
    batch = Batch(torch.eye(3), targets, torch.tensor([0, 1, 2]))
    found = weighted(batch, 3, "a test")
    assert found.rows.argmax(1).tolist() == [0, 1, 1, 2, 2, 2]
    assert found.labels.tolist() == [0, 0, 1, 0, 1, 2]
    np.testing.assert_allclose(found.weights, [1, 0.25, 0.75, 0.2, 0.3, 0.5], atol=1e-7)
    # Outputs that are no weights stand for their softmax.
    outputs = batch._replace(targets=targets.clamp_min(1e-9).log() + 4)
    np.testing.assert_allclose(weighted(outputs, 3, "a test").weights, found.weights, atol=1e-6)
    with pytest.raises(InputError, match="a test: found targets that are no weights of 3 classes"):
        weighted(batch._replace(targets=torch.zeros(3, 5)), 3, "a test")


@each_of
def test_an_item_of_two_halves_counts_as_two_items_of_half_the_weight(ours: AbstractClassifier) -> None:
    if isinstance(ours, Forest | Boosted):
        # Their draws, and where they part rows, go by rows: the law is that of the mean over draws.
        ours = replace(ours, **({"trees": 100} if isinstance(ours, Forest) else {"rounds": 30}))
    few = TASK.take(TRAIN, torch.arange(24))
    halves = few._replace(targets=(few.targets + torch.roll(few.targets, 1, 1)) / 2)
    twice = Batch(
        few.inputs.repeat_interleave(2, 0),
        torch.stack([few.targets, torch.roll(few.targets, 1, 1)], 1).flatten(0, 1),
        few.classes.repeat_interleave(2),
    )
    one = chances(ours, halves, TEST.inputs)
    if isinstance(ours, Neighbours):
        # Of five nearest items, which are ten of twice as many.
        torch.testing.assert_close(one, chances(Neighbours(10), twice, TEST.inputs), atol=1e-9, rtol=1e-9)
    elif isinstance(ours, Logistic):
        double = chances(Logistic(0.5), twice, TEST.inputs)
        torch.testing.assert_close(one, double, atol=1e-3, rtol=0)
    else:
        assert float((one - chances(ours, twice, TEST.inputs)).abs().mean()) < 0.04


def test_a_soft_label_is_one_neighbour() -> None:
    batch = Batch(
        torch.tensor([[0.0], [1.0], [5.0]]), torch.tensor([[0.6, 0.4, 0], [0, 0, 1], [0, 1, 0]]), torch.arange(3)
    )
    params = Neighbours(2).fit(weighted(batch, 3, "a test"), KEY)
    assert params["items"].tolist() == [[0.0], [1.0], [5.0]]
    said = Neighbours(2).outputs(params, torch.tensor([[0.2]], dtype=torch.float64)).exp()
    torch.testing.assert_close(said, torch.tensor([[0.3, 0.2, 0.5]], dtype=torch.float64))


@each_of
def test_a_set_of_one_class_names_that_and_too_many_items_are_refused(ours: AbstractClassifier) -> None:
    alone = TASK.take(TRAIN, TRAIN.classes == 1)
    assert set(chances(ours, alone, TEST.inputs).argmax(1).tolist()) == {1}
    with pytest.raises(InputError, match="found 90 items, expected at most 30"):
        chances(ours, TRAIN, TEST.inputs, most=30)


def test_only_a_forest_draws() -> None:
    machine = Machine(TASK, Forest(trees=3), 1000)
    one, other, again = (machine.fit(TRAIN, Key((name,))) for name in ("one", "other", "one"))
    assert machine.draws and torch.equal(one["threshold"], again["threshold"])
    assert one["threshold"].shape != other["threshold"].shape or not torch.equal(one["threshold"], other["threshold"])
    assert not any(Machine(TASK, each, 10).draws for each in (Boosted(), Logistic(), NaiveBayes(), Neighbours()))


@pytest.mark.parametrize("name", ["boosted", "forest", "logistic", "naive-bayes", "neighbours"])
def test_as_a_protocol_a_classifier_takes_the_place_of_any_network(name: str) -> None:
    protocol = named(name)
    if name in ("boosted", "forest"):
        smaller = {"rounds": 5} if name == "boosted" else {"trees": 5}
        protocol = replace(protocol, classifier=replace(protocol.classifier, **smaller))
    problem = Problem(TASK, TASK.network("mlp-w4"), CPU, NoCache())
    schedule = protocol.schedule(None, 90, KEY)
    context = ProbeContext(problem, set=BatchSet("it", TRAIN, schedule))
    accuracy = float(context.outcome(Training(protocol=protocol), "accuracy")[END])
    nearest = torch.cdist(TEST.inputs, torch.stack([TRAIN.inputs[TRAIN.classes == c].mean(0) for c in range(3)]))
    assert accuracy > 0.8 * float((nearest.argmin(1) == TEST.classes).double().mean())
    with pytest.raises(InputError, match=f"protocol {name}.*: cartpole is scored by its return"):
        protocol.learner(load("cartpole"), load("cartpole").network("mlp-w4"))
