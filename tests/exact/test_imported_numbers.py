"""What the numbers of published sets mean, labels and pixels: told from them, or refused with every reading named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import limbeck
from limbeck.cli import main
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.imported import units
from limbeck.tasks.images import ImageTask

KEY = Key(("imported numbers",))
CLASSES = torch.tensor([1, 0, 2, 2, 9])
ONE_HOT = torch.nn.functional.one_hot(CLASSES, 10).float()


@pytest.fixture(scope="module")
def task() -> ImageTask:
    return limbeck.load("digits")


@pytest.fixture(scope="module")
def whitened_task() -> ImageTask:
    return limbeck.load("digits", zca=True)


@pytest.fixture(scope="module")
def pixels(task: ImageTask) -> Tensor:
    return task.split("train").pixels(torch.arange(5)) + 0.1 * KEY.normal(5, 1, 8, 8)


def labelled(folder: Path, task: ImageTask, values: Any, **options: Any) -> DistilledSet:
    """Any images under these labels, in an archive."""
    np.savez(folder / "set.npz", x=np.zeros((5, 8, 8), np.uint8), y=np.asarray(values))
    return limbeck.import_set(folder / "set.npz", task=task, **options)


@pytest.mark.parametrize(
    "labels",
    [
        CLASSES.float(),
        CLASSES[:, None],
        CLASSES.to(torch.uint8),
        ONE_HOT,
        ONE_HOT.long(),
        ONE_HOT.bool(),
        ONE_HOT - 0.1,
        np.array(list("10229")),
    ],
    ids=["floats", "a column", "bytes", "one-hot", "integers one-hot", "true and false", "centred", "names"],
)
def test_labels_that_say_a_class_are_hard_however_they_are_written(
    labels: Any, tmp_path: Path, task: ImageTask
) -> None:
    found = labelled(tmp_path, task, labels)
    assert found.label_mode == "hard" and found.batch.classes.tolist() == CLASSES.tolist()


def test_logits_become_their_softmax_and_that_is_said(tmp_path: Path, task: ImageTask) -> None:
    logits = 4 * KEY.fold("logits").normal(5, 10)
    found = labelled(tmp_path, task, logits)
    torch.testing.assert_close(found.batch.targets, logits.softmax(1))
    assert "read as logits, and made weights by softmax" in found.spec["imported"]["notes"][0]


def test_centred_labels_that_were_learned_get_1_over_c_added_where_that_is_said(
    tmp_path: Path, task: ImageTask
) -> None:
    learned = ONE_HOT - 0.1 + 0.02 * KEY.fold("learned").normal(5, 10)
    with pytest.raises(InputError, match="may be logits, .*, or weights less 1/C.*; say --labels logits or --label"):
        labelled(tmp_path, task, learned)
    found = labelled(tmp_path, task, learned, labels="centred")
    torch.testing.assert_close(found.batch.targets, learned + 0.1)
    assert "1/C was added" in found.spec["imported"]["notes"][0]
    read = labelled(tmp_path, task, learned, labels="logits")
    torch.testing.assert_close(read.batch.targets, learned.softmax(1))


def test_labels_under_the_names_of_their_writer_are_scaled_back(tmp_path: Path, task: ImageTask) -> None:
    # As written by Zhou et al. (2022): learned from (one-hot - 1/C) / sqrt(C / 10), here with C = 10.
    learned = ONE_HOT - 0.1 + 0.02 * KEY.fold("learned").normal(5, 10)
    np.savez(tmp_path / "a.npz", image=np.zeros((5, 8, 8, 1), np.uint8), label=learned.numpy())
    found = limbeck.import_set(tmp_path / "a.npz", task=task)
    torch.testing.assert_close(found.batch.targets, learned + 0.1)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.arange(1, 11), "labels from 1 to 10, expected 0 to 9; save them less 1"),
        (np.full((10, 10), 1.0), "add up to 10 to 10 may be logits"),
        (np.full(10, 0.5), "label of image 0: label 0.5, expected whole numbers"),
        (np.array(["cat"] * 10), "label 'cat' is no class"),
        (np.zeros((10, 2, 2)), "labels of shape"),
        (np.zeros(9, int), r"labels of shape \(9,\) for 10 images"),
    ],
)
def test_labels_that_are_none_of_these_classes_are_refused(
    labels: Any, message: str, tmp_path: Path, task: ImageTask
) -> None:
    np.savez(tmp_path / "set.npz", x=np.zeros((10, 8, 8), np.uint8), y=labels)
    with pytest.raises(InputError, match=message):
        limbeck.import_set(tmp_path / "set.npz", task=task)


def test_how_rows_are_written_is_not_asked_of_labels_without_rows(tmp_path: Path, task: ImageTask) -> None:
    with pytest.raises(InputError, match="--labels logits, found one label for each image and no weights; leave it"):
        labelled(tmp_path, task, CLASSES, labels="logits")


def saved(folder: Path, numbers: Tensor, layout: str = "paper") -> Path:
    if layout == "npz":
        np.savez(folder / "set.npz", x=numbers.numpy(), y=CLASSES.numpy())
        return folder / "set.npz"
    torch.save([numbers, CLASSES], folder / "set.pt")
    return folder / "set.pt"


@pytest.mark.parametrize("kind", ["raw", "8-bit", "symmetric", "normalised"])
def test_pixels_in_any_usual_range_are_told_from_their_numbers(
    kind: str, tmp_path: Path, task: ImageTask, pixels: Tensor
) -> None:
    path = saved(tmp_path, units.codec_of(kind, task).encode(pixels))
    asked: list[str] = []
    found = limbeck.import_set(path, task=task, confirm=lambda text: bool(asked.append(text) or True))
    torch.testing.assert_close(found.native, pixels, atol=1e-5, rtol=0)
    assert f"its numbers look {kind}: pixels from" in asked[0] and "nor whitened" in asked[0]


@pytest.mark.parametrize("shape", [(5, 1, 8, 8), (5, 8, 8), (5, 8, 8, 1), (5, 64)])
def test_grey_images_are_read_in_every_shape(shape: tuple[int, ...], tmp_path: Path, task: ImageTask) -> None:
    levels = KEY.fold("levels").integers(256, 5, 1, 8, 8).to(torch.uint8)
    found = limbeck.import_set(saved(tmp_path, levels.view(shape)), task=task)
    torch.testing.assert_close(found.native, levels / 255, atol=1e-6, rtol=0)
    assert found.spec["imported"]["units"] == "8-bit"
    again = limbeck.import_set(saved(tmp_path, levels.view(shape)), task=task, normalisation="8-bit")
    assert torch.equal(again.native, found.native)


def test_bits_are_black_and_white(tmp_path: Path, task: ImageTask) -> None:
    bits = KEY.fold("bits").integers(2, 5, 1, 8, 8)
    found = limbeck.import_set(saved(tmp_path, bits.bool()), task=task)
    torch.testing.assert_close(found.native, bits.float(), atol=1e-6, rtol=0)


def test_whole_numbers_that_would_be_nearly_black_are_refused_with_both_options(
    tmp_path: Path, task: ImageTask
) -> None:
    levels = KEY.fold("levels").integers(17, 5, 1, 8, 8)
    levels[0, 0, 0, 0] = 16
    path = saved(tmp_path, levels.to(torch.uint8))
    with pytest.raises(InputError, match="nearly black .*; say --normalisation 0/0.0625 where 16 is white, or --norm"):
        limbeck.import_set(path, task=task)
    for given, white in (("0/0.0625", 16), ("8-bit", 255)):
        found = limbeck.import_set(path, task=task, normalisation=given)
        torch.testing.assert_close(found.native, levels / white, atol=1e-6, rtol=0)
    with pytest.raises(InputError, match="whole numbers from 0 to 1000, .*, as 0/0.001 where 1000 is white"):
        limbeck.import_set(saved(tmp_path, (levels * 62.5).clamp(max=1000).long()), task=task)


@pytest.mark.parametrize(("kind", "layout"), [("whitened", "paper"), ("kernel-whitened", "npz")])
def test_a_whitened_set_asks_for_whitened_data_and_is_read_with_them(
    kind: str, layout: str, tmp_path: Path, whitened_task: ImageTask, pixels: Tensor, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = units.codec_of(kind, whitened_task).encode(pixels)
    path, out = saved(tmp_path, numbers, layout), tmp_path / "set.safetensors"
    assert main(f"import {path} --data digits --out {out} --yes".split()) == 2
    said = capsys.readouterr().err
    assert f"its numbers look {kind} (ZCA), and the data are not: add --zca" in said and not out.exists()
    assert main(f"import {path} --data digits --zca --out {out} --normalisation {kind}".split()) == 0
    torch.testing.assert_close(limbeck.DistilledSet.load(out).native, pixels, atol=1e-3, rtol=0)
    assert main(f"import {path} --data digits --zca --out {out} --yes --quiet".split()) == 0


def test_images_under_centred_labels_are_whitened_as_kernel_methods_have_it(
    tmp_path: Path, whitened_task: ImageTask, pixels: Tensor
) -> None:
    # The definition of Nguyen et al. (2021): standardised by channel, times (S + 0.1 tr(S) / d)^(-1/2) about zero.
    real = whitened_task.split("train").pixels(torch.arange(len(whitened_task.split("train")))).double()
    mean, std = real.mean(), real.std(correction=0)
    rows = ((real - mean) / std).flatten(1)
    moments = rows.T @ rows / len(rows)
    values, vectors = torch.linalg.eigh(moments)
    matrix = (vectors * (values + 0.1 * values.mean()).rsqrt()) @ vectors.T
    whitened = (((pixels.double() - mean) / std).flatten(1) @ matrix).view(pixels.shape).float()
    np.savez(tmp_path / "best.npz", images=whitened.numpy(), labels=(ONE_HOT - 0.1).numpy(), k=3.7, jit=0.005)
    found = limbeck.import_set(tmp_path / "best.npz", task=whitened_task, confirm=lambda _: True)
    assert found.spec["imported"]["units"] == "kernel-whitened"
    torch.testing.assert_close(found.native, pixels, atol=1e-3, rtol=0)
    assert found.spec["imported"]["notes"][0] == "left out: 'k', 'jit'"


@pytest.mark.parametrize("yes", [["--yes"], []])
@pytest.mark.parametrize(("mean", "std"), [(40, 3), (-900, 40), (0, 1e-4)])
def test_numbers_that_are_no_pixels_in_any_units_are_refused_confirmed_or_not(
    mean: int, std: float, yes: list[str], tmp_path: Path, pixels: Tensor, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = saved(tmp_path, mean + std * pixels), tmp_path / "set.safetensors"
    assert main([*f"import {path} --data digits --out {out}".split(), *yes]) == 2
    said = capsys.readouterr().err
    assert "in no known units do its numbers look like images: the nearest are" in said and not out.exists()
    assert "say the units with --normalisation (normalised, raw, 8-bit, symmetric," in said
    assert (
        main([*f"import {path} --data digits --out {out} --normalisation={-mean / std}/{1 / std}".split(), *yes]) == 0
    )
    torch.testing.assert_close(limbeck.DistilledSet.load(out).native, pixels, atol=1e-4, rtol=0)
