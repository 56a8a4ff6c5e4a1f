"""Sets that others published are read number by number, in units that are shown and confirmed; nothing in them runs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import limbeck
from limbeck.cli import main
from limbeck.codecs import ImageCodec
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.imported import LAYOUTS, units
from limbeck.tasks.images import ImageTask

KEY = Key(("imported",))
NETWORK = "convnet-w4-d1"
LABELS = torch.tensor([1, 0, 2, 2, 9])


@pytest.fixture(scope="module")
def task() -> ImageTask:
    return limbeck.load("digits")


@pytest.fixture(scope="module")
def pixels(task: ImageTask) -> Tensor:
    """Five real examples, of which some pixels are moved beyond [0, 1] as distillation does."""
    real = task.split("train").pixels(torch.arange(5))
    return real + 0.2 * KEY.normal(*real.shape)


def saved(layout: str, folder: Path, images: Tensor, labels: Tensor = LABELS) -> Path:
    """The set in a layout as its authors' code writes it."""
    path = folder / "set.pt"
    if layout in ("dc", "dsa", "dm"):
        pairs = [[images + 1, labels], [images, labels]]
        torch.save({"data": pairs, "accs_all_exps": {"ConvNet": [np.float64(0.25), 0.5]}}, path)
    elif layout == "paper":
        torch.save({"data": images, "label": labels}, path)
    elif layout == "mtt":
        path = folder
        for name, value in (("images", images), ("labels", labels), ("lr", torch.tensor(0.03))):
            torch.save(value, folder / f"{name}_best.pt")
    else:
        path = folder / "set.npz"
        np.savez(path, x=images.numpy(), y=labels.numpy())
    return path


@pytest.mark.parametrize("layout", ["dc", "dsa", "dm", "mtt", "paper", "npz"])
@pytest.mark.parametrize("kind", ["normalised", "raw"])
def test_every_layout_gives_back_the_pixels_and_labels_that_were_written(
    layout: str, kind: str, tmp_path: Path, task: ImageTask, pixels: Tensor
) -> None:
    path = saved(layout, tmp_path, task.codec.encode(pixels) if kind == "normalised" else pixels)
    asked: list[str] = []
    found = limbeck.import_set(
        path, format=layout, task=task, network=NETWORK, confirm=lambda text: bool(asked.append(text) or True)
    )
    torch.testing.assert_close(found.native, pixels, atol=1e-6, rtol=0)
    assert torch.equal(found.batch.classes, LABELS) and found.label_mode == "hard"
    assert found.spec["imported"]["units"] == kind, asked
    assert len(asked) == 1 and f"look {kind}" in asked[0]
    assert found.spec["network"] == task.network(NETWORK).name
    size = 0.03 if layout == "mtt" else 0.01
    assert found.schedule.learning_rates.tolist() == pytest.approx([size] * 300)


def test_a_whole_layout_is_tested() -> None:
    assert set(LAYOUTS) == {"dc", "dsa", "dm", "mtt", "paper", "npz", "folder"}


def test_normalised_numbers_are_kept_to_the_last_bit(tmp_path: Path, task: ImageTask, pixels: Tensor) -> None:
    images = task.codec.encode(pixels)
    found = limbeck.import_set(saved("paper", tmp_path, images), format="paper", task=task, normalisation="normalised")
    assert torch.equal(found.batch.inputs, images)


def test_integers_are_pixels_without_asking_channels_last_or_first(tmp_path: Path, task: ImageTask) -> None:
    eight = torch.arange(5 * 64).remainder(256).to(torch.uint8).view(5, 1, 8, 8)
    for index, images in enumerate((eight, eight[:, 0], eight.movedim(1, 3))):
        np.savez(tmp_path / f"{index}.npz", images=images.numpy(), labels=LABELS.numpy())
        found = limbeck.import_set(tmp_path / f"{index}.npz", format="npz", task=task)
        torch.testing.assert_close(found.native, eight / 255, atol=1e-6, rtol=0)


def test_a_folder_of_pictures_by_number_gives_their_pixels(tmp_path: Path, task: ImageTask) -> None:
    from PIL import Image

    eight = KEY.integers(256, 3, 8, 8).to(torch.uint8)
    for label, image in zip((0, 0, 7), eight, strict=True):
        (tmp_path / str(label)).mkdir(exist_ok=True)
        Image.fromarray(image.numpy()).save(tmp_path / str(label) / f"{len(os.listdir(tmp_path / str(label)))}.png")
    found = limbeck.import_set(tmp_path, format="folder", task=task)
    torch.testing.assert_close(found.native[:, 0], eight / 255, atol=1e-6, rtol=0)
    assert found.batch.classes.tolist() == [0, 0, 7]


def test_soft_labels_are_kept_and_the_class_is_their_largest(tmp_path: Path, task: ImageTask, pixels: Tensor) -> None:
    weights = KEY.fold("weights").normal(5, 10).softmax(1)
    path = saved("mtt", tmp_path, task.codec.encode(pixels), weights)
    found = limbeck.import_set(path, format="mtt", task=task, normalisation="normalised")
    assert torch.equal(found.batch.targets, weights) and found.label_mode == "soft"
    assert torch.equal(found.batch.classes, weights.argmax(1))


def test_constants_of_another_repository_are_undone(tmp_path: Path, task: ImageTask, pixels: Tensor) -> None:
    other = ImageCodec((0.3,), (0.5,))
    path = saved("paper", tmp_path, other.encode(pixels))
    found = limbeck.import_set(path, format="paper", task=task, normalisation="0.3/0.5")
    torch.testing.assert_close(found.native, pixels, atol=1e-6, rtol=0)


def test_whitened_pixels_are_undone(tmp_path: Path, task: ImageTask, pixels: Tensor) -> None:
    # The definition: W = U (S + 0.1)^(-1/2) U^T of the covariance of training pixels in [0, 1].
    real = task.split("train").pixels(torch.arange(len(task.split("train")))).flatten(1).double()
    values, vectors = torch.linalg.eigh(torch.cov(real.T))
    whitened = ((pixels.flatten(1) - real.mean(0)) @ (vectors * (values + 0.1).rsqrt()) @ vectors.T).view(pixels.shape)
    path, other = saved("mtt", tmp_path, whitened.float()), limbeck.load("digits", zca=True)
    found = limbeck.import_set(path, format="mtt", task=other, confirm=lambda text: "look whitened" in text)
    torch.testing.assert_close(found.native, pixels, atol=1e-3, rtol=0)


@pytest.mark.parametrize("kind", units.UNITS)
def test_real_images_are_told_apart_by_their_units(kind: str, task: ImageTask) -> None:
    whitened = limbeck.load("digits", zca=True)
    numbers = units.codec_of(kind, whitened).encode(task.split("train").pixels(torch.arange(50)))
    others = [each for each in units.UNITS if each != kind and {each, kind} != {"normalised", "kernel-whitened"}]
    assert units.readings(numbers, whitened, (*others, kind))[0].units == kind


def test_a_reading_says_what_pixels_would_be(task: ImageTask, pixels: Tensor) -> None:
    right = units.pixels_of(task.codec.encode(pixels), "normalised", task)
    assert right.low[0] == pytest.approx(float(pixels.min()), abs=1e-5)
    assert right.high[0] == pytest.approx(float(pixels.max()), abs=1e-5)
    assert right.outside == pytest.approx(float(((pixels < -1e-4) | (pixels > 1 + 1e-4)).double().mean()), abs=0.02)
    raw = units.pixels_of(task.codec.encode(pixels), "raw", task)
    assert raw.low[0] == pytest.approx(float(task.codec.encode(pixels).min()))


@pytest.mark.parametrize("which", [0, 1, None])
def test_one_of_several_sets_is_taken_the_last_where_none_is_named(
    which: int | None, tmp_path: Path, task: ImageTask, pixels: Tensor
) -> None:
    path = saved("dm", tmp_path, pixels)
    found = limbeck.import_set(path, format="dm", task=task, which=which, normalisation="raw")
    expected = pixels + 1 if which == 0 else pixels
    torch.testing.assert_close(found.native, expected, atol=1e-5, rtol=0)


class Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.mark),))


def broken(folder: Path) -> dict[str, Callable[[], Path]]:
    """Files that must be refused, by the words that the refusal has to hold."""
    images, path = KEY.normal(5, 1, 8, 8), folder / "set.pt"

    def write(value: Any) -> Path:
        torch.save(value, path)
        return path

    def truncated() -> Path:
        blob = write({"data": images, "label": LABELS}).read_bytes()
        path.write_bytes(blob[: len(blob) // 2])
        return path

    def empty() -> Path:
        path.write_bytes(b"")
        return path

    hole = images.clone()
    hole[3, 0, 2, 2] = float("nan")
    return {
        "only tensors and numbers are ever loaded": lambda: write({"data": images, "label": Bomb(folder / "mark")}),
        "damaged or incomplete": truncated,
        "damaged, truncated or not": empty,
        "found nothing": lambda: folder / "absent.pt",
        "found 'data', expected labels among them": lambda: write({"data": images}),
        "found a tensor": lambda: write(images),
        "shape (5, 3, 8, 8), expected (item, 1, 8, 8)": lambda: write(
            {"data": KEY.normal(5, 3, 8, 8), "label": LABELS}
        ),
        "shape (0, 1, 8, 8)": lambda: write({"data": images[:0], "label": LABELS[:0]}),
        "image 3 holds NaN": lambda: write({"data": hole, "label": LABELS}),
        "label of image 2: label 10, expected an integer from 0 to 9": lambda: write(
            {"data": images, "label": torch.tensor([0, 1, 10, 3, -1])}
        ),
        "labels of shape (4,) for 5 images": lambda: write({"data": images, "label": LABELS[:4]}),
        "a row of 9 numbers as label, expected 10": lambda: write({"data": images, "label": torch.ones(5, 9) / 9}),
        "add up to 10 to 10": lambda: write({"data": images, "label": torch.ones(5, 10)}),
        "'data' is a list of 2": lambda: write({"data": [1, 2], "label": LABELS}),
    }


@pytest.mark.parametrize("message", broken(Path()))
def test_a_hostile_file_is_refused_in_one_line_and_nothing_runs_or_is_written(
    message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = broken(tmp_path)[message]()
    out = tmp_path / "out" / "set.safetensors"
    assert main(f"import {path} --format paper --data digits --out {out} --yes".split()) == 2
    said = capsys.readouterr()
    assert message in said.err and len(said.err.strip().splitlines()) == 1 and not said.out
    assert not out.parent.exists() and not (tmp_path / "mark").exists()


def test_a_pickled_array_in_an_archive_is_refused(tmp_path: Path, task: ImageTask) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([Bomb(tmp_path / "mark")], dtype=object), y=np.zeros(1, int))
    with pytest.raises(InputError, match="never loaded"):
        limbeck.import_set(tmp_path / "a.npz", format="npz", task=task)
    assert not (tmp_path / "mark").exists()


def test_the_bomb_is_one(tmp_path: Path) -> None:
    torch.save(Bomb(tmp_path / "mark"), tmp_path / "bomb.pt")
    torch.load(tmp_path / "bomb.pt", weights_only=False)
    assert (tmp_path / "mark").exists()


def test_units_that_nobody_confirms_are_refused_with_the_numbers_and_the_options(
    tmp_path: Path, task: ImageTask, pixels: Tensor, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = saved("paper", tmp_path, task.codec.encode(pixels)), tmp_path / "set.safetensors"
    assert main(f"import {path} --format paper --data digits --out {out}".split()) == 2
    said = capsys.readouterr().err
    assert "look normalised" in said and "% outside [0, 1]" in said
    assert "--normalisation normalised" in said and "--yes" in said and not out.exists()
    with pytest.raises(InputError, match="not confirmed"):
        limbeck.import_set(path, format="paper", task=task, confirm=lambda text: False)


def test_an_interrupted_import_leaves_nothing(
    tmp_path: Path, pixels: Tensor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    path = saved("paper", tmp_path, pixels)
    monkeypatch.setattr("limbeck.core.files.os.fsync", interrupted)
    out = tmp_path / "out" / "set.safetensors"
    assert main(f"import {path} --format paper --data digits --out {out} --yes".split()) == 130
    assert list(out.parent.iterdir()) == []


def test_an_imported_set_is_shown_scored_and_written_as_one_document(
    tmp_path: Path, task: ImageTask, pixels: Tensor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMBECK_RUNS", str(tmp_path / "runs"))
    path, out = saved("dc", tmp_path, task.codec.encode(pixels)), tmp_path / "set.safetensors"
    words = f"import {path} --format dc --data digits --out {out} --network {NETWORK} --yes --json"
    assert main(words.split()) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["items"] == 5 and document["imported"]["which"] == 1
    first = out.read_bytes()
    assert main(words.split()) == 0 and out.read_bytes() == first
    assert main(["show", str(out), "--out", str(tmp_path / "a.png")]) == 0
    rows = limbeck.evaluate(out, repeats=1, baselines=(), protocol=limbeck.Epochs(epochs=2))
    assert rows[0].network == task.network(NETWORK).name and 0 <= rows[0].mean <= 1
