"""What `describe` says of a task, and what it warns of."""

from __future__ import annotations

import json

import numpy as np
import pytest

from limbeck.tasks import load
from limbeck.tasks.describe import describe

RANDOM = np.random.default_rng(0)


def described(folder, **arrays):
    np.savez(folder / "mine.npz", **arrays)
    return describe(load(f"npz:{folder}/mine.npz", cache=folder / "cache"))


def clean(count=60, classes=3):
    return RANDOM.integers(0, 256, (count, 4, 4), dtype=np.uint8), np.arange(count) % classes


def test_the_description_is_plain_json_with_exact_counts_and_statistics(tmp_path):
    x, y = clean()
    x_test, y_test = clean(12)
    found = described(tmp_path, x=x, y=y, x_test=x_test, y_test=y_test)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["counts"] == {
        "train": {"0": 18, "1": 18, "2": 18},
        "validation": {"0": 2, "1": 2, "2": 2},
        "test": {"0": 4, "1": 4, "2": 4},
    }
    test = found["pixels"]["test"]
    assert test["minimum"] == pytest.approx([x_test.min() / 255])
    assert test["maximum"] == pytest.approx([x_test.max() / 255])
    assert test["mean"] == pytest.approx([x_test.mean() / 255])
    assert test["std"] == pytest.approx([x_test.std() / 255])
    assert found["warnings"] == []


def test_duplicates_are_counted_within_and_across_splits(tmp_path):
    x, y = clean()
    x_test, y_test = clean(12)
    x_test[0], x_test[9] = x_test[3], x_test[3]
    shown = load_train_row(tmp_path, x, y, x_test, y_test)
    x_test[5], y_test[5] = shown
    found = described(tmp_path, x=x, y=y, x_test=x_test, y_test=y_test)
    assert found["duplicates"]["test"] == 2
    assert found["duplicates"]["train/test"] == 1
    assert found["conflicting_labels"] == 0
    assert found["warnings"] == ["duplicates across splits: 1 test examples are also in train"]


def load_train_row(folder, x, y, x_test, y_test):
    """An image of the training split and its label."""
    np.savez(folder / "first.npz", x=x, y=y, x_test=x_test, y_test=y_test)
    split = load(f"npz:{folder}/first.npz", cache=folder / "cache").splits["train"]
    return split.images[split.rows[0], 0], split.labels[0]


def test_one_image_with_two_classes_is_a_conflict(tmp_path):
    x, y = clean()
    x[1] = x[0]
    found = described(tmp_path, x=x, y=y)
    assert found["conflicting_labels"] == 1
    assert any(line.startswith("conflicting labels: 1 ") for line in found["warnings"])


def test_imbalance_tiny_classes_and_constant_images_are_warned_of(tmp_path):
    x, _ = clean()
    y = np.repeat([0, 1, 2], [30, 25, 5])
    x[4] = 9
    found = described(tmp_path, x=x, y=y)
    train = found["counts"]["train"]
    assert f"imbalance: {train['0']} training examples of '0' against {train['2']} of '2'" in found["warnings"]
    assert "tiny classes: fewer than 10 training examples of 2" in found["warnings"]
    assert sum(each["constant_images"] for each in found["pixels"].values()) == 1


def test_a_class_absent_from_the_test_split_is_warned_of(tmp_path):
    x, y = clean()
    found = described(tmp_path, x=x, y=y, x_test=x[:4] ^ 1, y_test=np.array([0, 1, 0, 1]))
    assert "the test split has no image of 2" in found["warnings"]
