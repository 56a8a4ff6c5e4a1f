"""Splits are balanced, disjoint, complete, in order, and a function of the data alone."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.tasks import load
from limbeck.tasks.prepare import Facts
from limbeck.tasks.splits import arrange


def facts(*lengths: int, classes: int = 4) -> Facts:
    names = ("train", "test", "validation")[: len(lengths)]
    labels = np.concatenate([np.arange(length) % classes for length in lengths])
    return Facts(dict(zip(names, lengths, strict=True)), tuple(map(str, range(classes))), labels, ())


def counts(what: Facts, rows: np.ndarray) -> list[int]:
    return np.bincount(what.labels[rows], minlength=len(what.classes)).tolist()


def test_a_tenth_of_each_class_validates():
    what = facts(400, 40)
    rows, notes = arrange(what, "a")
    assert counts(what, rows["validation"]) == [10] * 4
    assert counts(what, rows["train"]) == [90] * 4
    assert rows["test"].tolist() == list(range(400, 440))
    assert len(notes) == 1


def test_without_a_test_split_a_fifth_is_carved_first():
    what = facts(400)
    rows, notes = arrange(what, "a")
    assert [counts(what, rows[split]) for split in ("train", "validation", "test")] == [[72] * 4, [8] * 4, [20] * 4]
    assert "a fifth" in notes[0]
    assert "a tenth" in notes[1]


def test_splits_are_disjoint_complete_and_in_order():
    rows, _ = arrange(facts(403), "a")
    assert sorted(np.concatenate(list(rows.values())).tolist()) == list(range(403))
    assert all((np.diff(each) > 0).all() for each in rows.values())


def test_a_validation_split_of_its_own_is_left_as_it_is():
    rows, notes = arrange(facts(40, 8, 12), "a")
    assert [len(rows[split]) for split in ("train", "validation", "test")] == [40, 12, 8]
    assert notes == ()


def test_the_same_data_are_carved_alike_and_other_data_otherwise():
    first, again, other = (arrange(facts(400), digest)[0]["validation"].tolist() for digest in ("a", "a", "b"))
    assert first == again
    assert first != other


def test_at_least_one_image_of_each_class_validates():
    what = facts(8, 4)
    rows, _ = arrange(what, "a")
    assert counts(what, rows["validation"]) == [1] * 4
    assert counts(what, rows["train"]) == [1] * 4


def test_a_class_too_small_to_carve_from_is_refused_by_name(tmp_path):
    images = np.zeros((5, 2, 2), np.uint8)
    np.savez(tmp_path / "mine.npz", x=images, y=np.array([0, 0, 0, 1, 1]))
    with pytest.raises(InputError, match="class '1' has 2 training examples, expected at least 3"):
        load(f"npz:{tmp_path}/mine.npz", cache=tmp_path / "cache")


def test_members_are_the_rows_of_each_class():
    task = load("digits")
    for split in ("train", "validation", "test"):
        repeats, classes = task.groups(split), task.load(split).classes
        assert [set(classes[rows].tolist()) for rows in repeats] == [{label} for label in range(10)]
        assert torch.cat(repeats).sort().values.tolist() == list(range(len(classes)))


def test_the_splits_do_not_move_with_the_folder_or_the_whitening(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (60, 4, 4), dtype=np.uint8)
    (tmp_path / "one").mkdir()
    np.savez(tmp_path / "one/mine.npz", x=images, y=np.arange(60) % 3)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    one, two = (load(f"npz:{tmp_path / name}/mine.npz", cache=tmp_path / "cache") for name in ("one", "two"))
    white = load(f"npz:{tmp_path}/one/mine.npz", zca=True, cache=tmp_path / "cache")
    assert one.fingerprint == two.fingerprint != white.fingerprint
    for split in ("train", "validation", "test"):
        assert one.splits[split].rows.tolist() == two.splits[split].rows.tolist() == white.splits[split].rows.tolist()


@pytest.mark.parametrize("change", ["pixel", "label"])
def test_one_changed_pixel_or_label_changes_the_fingerprint(tmp_path, change):
    images = np.random.default_rng(0).integers(0, 256, (60, 4, 4), dtype=np.uint8)
    labels = np.arange(60) % 3
    np.savez(tmp_path / "one.npz", x=images, y=labels)
    if change == "pixel":
        images[7, 1, 2] ^= 1
    else:
        labels[7] = (labels[7] + 1) % 3
    np.savez(tmp_path / "two.npz", x=images, y=labels)
    one, two = (load(f"npz:{tmp_path}/{name}.npz", cache=tmp_path / "cache") for name in ("one", "two"))
    assert one.fingerprint != two.fingerprint


def test_an_unknown_split_is_refused_with_the_nearest_name():
    task = load("digits")
    with pytest.raises(InputError, match="did you mean 'validation'"):
        task.load("valid")
    with pytest.raises(InputError, match="unknown split"):
        task.evaluate(lambda inputs: inputs, "tset", Key())
