"""An image task: its batches, its loss and its judgement."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn.augment import Siamese
from limbeck.tasks import load, names, reload


@pytest.fixture(scope="module")
def task():
    return load("digits")


def test_a_batch_is_float32_inputs_one_hot_targets_and_int64_classes(task):
    batch = task.load("train", torch.tensor([5, 3, 5]))
    assert batch.inputs.dtype == batch.targets.dtype == torch.float32
    assert batch.classes.dtype == torch.int64
    assert batch.inputs.shape == (3, *task.shape)
    assert torch.equal(batch.targets, torch.eye(10)[batch.classes])
    assert torch.equal(batch.inputs[0], batch.inputs[2])


def test_rows_are_loaded_in_the_order_asked_for(task):
    whole = task.load("test")
    rows = Key(("rows",)).permutation(len(whole.classes))
    some = task.load("test", rows)
    assert torch.equal(some.inputs, whole.inputs[rows])
    assert torch.equal(some.classes, whole.classes[rows])


def test_writing_into_a_batch_leaves_the_data_as_they_are(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (60, 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "mine.npz", x=images, y=np.arange(60) % 3)
    task = load(f"npz:{tmp_path}/mine.npz", cache=tmp_path / "cache")
    before = task.load("train")
    before.inputs.zero_()
    before.classes.zero_()
    assert task.load("train").inputs.abs().sum() > 0
    assert task.load("train").classes.sum() > 0


def test_the_loss_is_cross_entropy_with_soft_targets(task):
    outputs, targets = Key(("outputs",)).normal(7, 10), Key(("targets",)).uniform(7, 10)
    expected = torch.nn.functional.cross_entropy(outputs, targets, reduction="none")
    torch.testing.assert_close(task.loss(outputs, targets), expected)


def test_the_truth_scores_one_and_a_constant_the_share_of_its_class(task):
    classes = iter(task.load("test").classes.split(1000))
    truth = task.evaluate(lambda inputs: torch.eye(10)[next(classes)], "test", Key())
    always = task.evaluate(lambda inputs: torch.eye(10)[3].expand(len(inputs), 10), "test", Key())
    assert truth == {"accuracy": 1.0}
    assert always == {"accuracy": len(task.groups("test")[3]) / len(task.load("test").classes)}


def test_judging_shows_at_most_a_thousand_images_at_once(task):
    seen: list[int] = []

    def predict(inputs: torch.Tensor) -> torch.Tensor:
        seen.append(len(inputs))
        assert not torch.is_grad_enabled()
        return inputs.flatten(1)[:, :10]

    task.evaluate(predict, "train", Key())
    assert seen == [1000, 295]


def test_options_say_what_was_asked(tmp_path):
    assert dict(load("digits").options) == {"zca": False, "size": None, "mirror": None}
    task = load("digits", size=4, zca=True)
    assert dict(task.options) == {"zca": True, "size": 4, "mirror": None}
    assert task.shape == (1, 4, 4)
    assert load("digits", **task.options).fingerprint == task.fingerprint


def test_names_are_unique_and_each_has_a_summary():
    listed = names()
    assert len({each["name"] for each in listed}) == len(listed)
    assert all(each["summary"] for each in listed)
    assert {"digits", "cifar10", "tiny_imagenet", "folder:PATH", "hf:NAME"} <= {each["name"] for each in listed}


@pytest.mark.parametrize(
    ("name", "near"),
    [("cifar-10", "'cifar10'"), ("mnsit", "'mnist'"), ("tiny_imagnet", "'tiny_imagenet'"), ("digit", "'digits'")],
)
def test_an_unknown_set_is_refused_with_the_nearest_name(name, near):
    with pytest.raises(InputError, match="did you mean") as refused:
        load(name)
    assert near in str(refused.value)


def test_a_bare_path_is_refused_with_the_form_to_write(tmp_path):
    (tmp_path / "cat").mkdir()
    with pytest.raises(InputError, match=f"did you mean 'folder:{tmp_path}'"):
        load(str(tmp_path))


@pytest.mark.parametrize("mirror", [True, False])
def test_flips_are_left_out_where_a_mirrored_image_may_be_of_another_class(mirror):
    task, key = load("digits", mirror=mirror), Key(("augment",))
    batch, groups = task.load("test", torch.arange(40)), torch.arange(40)
    flipped = task.augment(batch, key, groups, Siamese(("flip",)))
    assert torch.equal(flipped.inputs, batch.inputs) is not mirror
    policy = Siamese() if mirror else Siamese().without("flip")
    assert torch.equal(task.augment(batch, key, groups, Siamese()).inputs, policy.apply(batch.inputs, key, groups))
    assert task.augment(batch, key, groups, None) is batch


def test_what_mirrors_is_part_of_the_task_and_survives_its_reference():
    kept, changed = load("digits"), load("digits", mirror=True)
    assert not kept.mirror and load("digits", mirror=False).fingerprint == kept.fingerprint != changed.fingerprint
    assert reload(changed.reference, None).mirror


def test_of_images_of_ones_own_it_is_assumed_and_said(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (60, 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "mine.npz", x=images, y=np.arange(60) % 3)
    data, cache = f"npz:{tmp_path}/mine.npz", tmp_path / "cache"
    said = "assumed: mirrored images may be of another class, so none is mirrored; --mirror yes"
    assumed = load(data, cache=cache)
    assert any(said in note for note in assumed.describe()["notes"]) and not assumed.mirror
    stated = load(data, cache=cache, mirror=True).describe()
    assert not any(said in note for note in stated["notes"]) and stated["mirror"] is True
    assert load(data, cache=cache, mirror=False).fingerprint == assumed.fingerprint


def test_a_set_made_when_mirroring_was_assumed_finds_its_data_as_they_were(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (60, 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "mine.npz", x=images, y=np.arange(60) % 3)
    mirrored = load(f"npz:{tmp_path}/mine.npz", mirror=True, cache=tmp_path / "cache")
    reference = {**mirrored.reference, "mirror": None}
    assert reload(reference, None).mirror


def test_native_inputs_are_the_exact_pixels(task):
    rows = torch.tensor([7, 3])
    assert torch.equal(task.native("test", rows), task.split("test").pixels(rows))


def test_an_unknown_grouping_is_refused(task):
    with pytest.raises(InputError, match="unknown grouping 'colour'"):
        task.groups("train", by="colour")
