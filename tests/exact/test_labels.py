"""Labels are understood however people write them."""

from __future__ import annotations

import numpy as np
import pytest

from limbeck.core.errors import InputError
from limbeck.tasks.readers.labels import class_name, hard_labels, ordered, read_labels, unlabelled

CLASSES = np.array([2, 0, 1, 2])
ROWS = np.eye(3)[CLASSES]


def place(index: int) -> str:
    return f"labels row {index}"


@pytest.mark.parametrize(
    ("values", "written"),
    [
        (CLASSES, "integers"),
        (CLASSES.astype(np.uint8), "integers"),
        (CLASSES.astype(np.float32), "integers"),
        (CLASSES[:, None], "integers"),
        (ROWS, "one-hot rows"),
        (ROWS.astype(np.int64), "one-hot rows"),
        (ROWS.astype(bool), "one-hot rows"),
        (ROWS - 1 / 3, "one-hot rows less 1/C"),
        (ROWS.astype(np.float32) - np.float32(1 / 3), "one-hot rows less 1/C"),
    ],
)
def test_one_class_an_example_is_read_from_every_way_to_write_it(values, written):
    labels = hard_labels(values, place)
    assert labels.classes.tolist() == CLASSES.tolist()
    assert labels.classes.dtype == np.int64
    assert (labels.written, labels.weights) == (written, None)
    assert labels.names == (("0", "1", "2") if values.ndim == 2 and values.shape[1] == 3 else None)


def test_names_become_classes_in_order_and_those_of_train_are_kept():
    labels = hard_labels(np.array(["owl", "cat", "dog", "owl"]), place)
    assert labels.names == ("cat", "dog", "owl")
    assert labels.classes.tolist() == [2, 0, 1, 2]
    assert hard_labels(np.array([b"dog"]), place, names=("dog", "cat")).classes.tolist() == [0]
    with pytest.raises(
        InputError, match="row 1: label 'cow' is no class of the training examples, expected one of cat"
    ):
        hard_labels(np.array(["cat", "cow"], object), place, names=("cat", "dog"))


def test_names_that_are_numbers_are_in_the_order_of_the_numbers():
    assert ordered(["10", "2", "1"]) == ("1", "2", "10")
    assert ordered(["10", "2", "a"]) == ("10", "2", "a")


def test_booleans_are_two_classes():
    labels = hard_labels(np.array([True, False]), place)
    assert (labels.classes.tolist(), labels.names) == ([1, 0], ("False", "True"))


def test_weights_are_kept_and_centred_ones_are_moved_back():
    weights = np.array([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5]])
    labels = read_labels(weights, place)
    np.testing.assert_allclose(labels.weights, weights, atol=1e-7)
    moved = read_labels(weights - 1 / 3, place)
    np.testing.assert_allclose(moved.weights, weights, atol=1e-7)
    assert moved.notes == ("the labels are one-hot rows less 1/C: 1/C was added to every number",)
    assert labels.notes == ()


def test_logits_are_made_weights_by_softmax_and_that_is_said():
    logits = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0]])
    labels = read_labels(logits, place)
    np.testing.assert_allclose(labels.weights, np.exp(logits) / np.exp(logits).sum(1, keepdims=True), rtol=1e-6)
    assert labels.classes.tolist() == [0, 1]
    assert "softmax" in labels.notes[0]
    assert read_labels(ROWS, place, written="logits").weights[0].tolist() == pytest.approx(
        [1 / (2 + np.e), 1 / (2 + np.e), np.e / (2 + np.e)]
    )


@pytest.mark.parametrize("values", [np.array([[0.6, 0.4], [0.1, 0.9]]), np.array([[2.0, -1.0], [0.0, 3.0]])])
def test_data_of_soft_labels_are_refused_and_the_advice_works(values):
    with pytest.raises(InputError, match=r"y\.argmax\(1\)"):
        hard_labels(values, place)
    assert hard_labels(values.argmax(1), place).classes.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([0, 1.5]), "row 1: label 1.5, expected whole numbers"),
        (np.array([0, np.nan]), "row 1: label nan"),
        (np.array([0, 1e300]), "row 1: label 1e"),
        (np.array([[1, 0], [1, 1]]), "row 1: a row of integers as label with 2 ones"),
        (np.array([[1, 0], [0, 0]]), "row 1: a row of integers as label with 0 ones"),
        (np.array([[0.5, np.inf]]), "row 0: a label that is NaN or infinite"),
        (np.array(["cat", ""]), "row 1: no label"),
        (np.array(["cat", None], object), "row 1: no label"),
        (np.array(["cat", 3], object), "row 1: a label that is a int"),
        (np.zeros((2, 2, 2)), r"labels of shape \(2, 2, 2\)"),
        (np.array([1j, 2j]), "labels of type complex128"),
        (np.array([]), "found no images at all"),
    ],
)
def test_what_is_no_label_is_named(values, message):
    with pytest.raises(InputError, match=message):
        read_labels(values, place)


def test_rows_are_as_wide_as_there_are_classes():
    with pytest.raises(InputError, match="a row of 3 numbers as label, expected 4"):
        read_labels(ROWS, place, classes=4)


def test_a_split_without_labels_is_known():
    assert unlabelled(np.full(3, -1)) and unlabelled(np.full(3, np.nan))
    assert unlabelled(np.array([None, None], object))
    assert not unlabelled(np.array([-1, 0])) and not unlabelled(np.array([]))
    assert not unlabelled(np.array(["cat"]))


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("cafe\u0301", "caf\u00e9"),
        ("Caf\udce9", "Caf\u00e9"),
        ("a\nb", "a b"),
        ("half\ud800", "half?"),
    ],
)
def test_one_class_has_one_name(written, name):
    assert class_name(written) == name
