"""Each layout in which people publish sets is told from the file; what may be read in two ways is refused with both."""

from __future__ import annotations

import gzip
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import TensorDataset

import limbeck
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.distilled_set import DistilledSet
from limbeck.imported import LAYOUTS
from limbeck.imported.formations import formed
from limbeck.tasks.images import ImageTask

KEY = Key(("imported layouts",))
LABELS = torch.tensor([1, 0, 2, 2, 9])
Write = Callable[[Path, Tensor, Tensor], Path]


@pytest.fixture(scope="module")
def task() -> ImageTask:
    return limbeck.load("digits")


@pytest.fixture(scope="module")
def images(task: ImageTask) -> Tensor:
    """Five real examples as a network sees them, moved a little."""
    return task.codec.encode(task.split("train").pixels(torch.arange(5))) + 0.2 * KEY.normal(5, 1, 8, 8)


def read(path: Path, task: ImageTask, **options: Any) -> DistilledSet:
    return limbeck.import_set(path, task=task, **{"normalisation": "normalised"} | options)


def notes(found: DistilledSet) -> str:
    return "; ".join(found.spec["imported"]["notes"])


def torch_file(make: Callable[[Tensor, Tensor], Any], name: str = "data.pt") -> Write:
    def write(folder: Path, images: Tensor, labels: Tensor) -> Path:
        torch.save(make(images, labels), folder / name)
        return folder / name

    return write


def two_files(one: str, other: str) -> Write:
    def write(folder: Path, images: Tensor, labels: Tensor) -> Path:
        for name, value in ((one, images), (other, labels)):
            if name.endswith(".npy"):
                np.save(folder / name, value.numpy())
            else:
                torch.save(value, folder / name)
        return folder

    return write


def archive(one: str, other: str) -> Write:
    def write(folder: Path, images: Tensor, labels: Tensor) -> Path:
        np.savez(folder / "set.npz", **{one: images.numpy(), other: labels.numpy()})
        return folder / "set.npz"

    return write


LAYOUT: dict[str, tuple[str, Write]] = {
    "a list of both": ("paper", torch_file(lambda x, y: [x, y])),
    "a tuple with the learning rate": ("paper", torch_file(lambda x, y: (x, y, torch.tensor(0.03)))),
    "labels first": ("paper", torch_file(lambda x, y: [y, x])),
    "images and labels": ("paper", torch_file(lambda x, y: {"images": x, "labels": y, "lr": 0.03})),
    "x and y": ("paper", torch_file(lambda x, y: {"x": x, "y": y})),
    "imgs and targets": ("paper", torch_file(lambda x, y: {"imgs": x, "targets": y})),
    "a TensorDataset": ("paper", torch_file(lambda x, y: TensorDataset(x, y))),
    "arrays of NumPy's": ("paper", torch_file(lambda x, y: {"images": x.numpy(), "labels": y.numpy()})),
    "a list of arrays of NumPy's": ("paper", torch_file(lambda x, y: [x.numpy(), y.numpy()])),
    "parameters": ("paper", torch_file(lambda x, y: [torch.nn.Parameter(x), y])),
    "a list of one pair": ("paper", torch_file(lambda x, y: [(x, y)])),
    "repetitions": ("dc", torch_file(lambda x, y: {"data": [[x, y]], "accs_all_exps": {}})),
    "repetitions, nested once more": ("dc", torch_file(lambda x, y: {"data": [[(x, y)]]})),
    "before torch 1.6": ("paper", lambda folder, x, y: old_file(folder, x, y)),
    "two files": ("mtt", two_files("images_best.pt", "labels_best.pt")),
    "two files without a step": ("mtt", two_files("images.pt", "labels.pt")),
    "the only step": ("mtt", two_files("images_5000.pt", "labels_5000.pt")),
    "x_syn.pt and y_syn.pt": ("mtt", two_files("x_syn.pt", "y_syn.pt")),
    "half precision": ("paper", torch_file(lambda x, y: [x.double(), y.int()])),
    "two arrays": ("mtt", two_files("images.npy", "labels.npy")),
    "Keras's names": ("npz", archive("x_train", "y_train")),
    "MedMNIST's names": ("npz", archive("train_images", "train_labels")),
    "image and label": ("npz", archive("image", "label")),
}


def old_file(folder: Path, images: Tensor, labels: Tensor) -> Path:
    torch.save([images, labels], folder / "old.pt", _use_new_zipfile_serialization=False)
    return folder / "old.pt"


@pytest.mark.parametrize("name", LAYOUT)
def test_a_layout_is_told_from_the_file_and_gives_back_what_was_written(
    name: str, tmp_path: Path, task: ImageTask, images: Tensor
) -> None:
    layout, write = LAYOUT[name]
    found = read(write(tmp_path, images, LABELS), task)
    assert found.spec["imported"]["format"] == layout
    assert torch.equal(found.batch.inputs, images) and torch.equal(found.batch.classes, LABELS)
    learned = name in ("a tuple with the learning rate", "images and labels")
    assert found.schedule.learning_rates.unique().tolist() == pytest.approx([0.03 if learned else 0.01])
    assert len(found.schedule.learning_rates) == 300


def test_every_layout_is_told_apart_in_some_test() -> None:
    assert {layout for layout, _ in LAYOUT.values()} | {"dsa", "dm", "folder"} == set(LAYOUTS)


def test_the_steps_of_a_set_with_their_learning_rates_are_its_schedule(
    tmp_path: Path, task: ImageTask, images: Tensor
) -> None:
    one, two = (images[:2], LABELS[:2]), (images[2:], LABELS[2:])
    rates = [0.02, 0.04, 0.01, 0.03]
    torch.save([(*step, torch.tensor(rate)) for step, rate in zip([one, two] * 2, rates, strict=True)], tmp_path / "a")
    found = read(tmp_path / "a", task)
    assert torch.equal(found.batch.inputs, images) and torch.equal(found.batch.classes, LABELS)
    assert found.schedule.learning_rates.tolist() == pytest.approx(rates)
    assert found.schedule.order.tolist() == [[0, 1, -1], [2, 3, 4]] * 2
    assert float(found.schedule.rule.momentum) == 0 and "--protocol own" in notes(found)
    assert torch.equal(read(tmp_path / "a", task, which=1).batch.inputs, images[2:])


def test_of_a_bare_list_of_sets_one_must_be_named(tmp_path: Path, task: ImageTask, images: Tensor) -> None:
    torch.save([[images, LABELS], [images + 1, LABELS]], tmp_path / "a.pt")
    with pytest.raises(InputError, match="a list of 2 sets, and nothing says which is meant; say --which 0 to 1"):
        read(tmp_path / "a.pt", task)
    assert torch.equal(read(tmp_path / "a.pt", task, which=1).batch.inputs, images + 1)


def test_of_repetitions_the_last_is_taken_and_said(tmp_path: Path, task: ImageTask, images: Tensor) -> None:
    torch.save({"data": [[images, LABELS], [images + 1, LABELS]]}, tmp_path / "a.pt")
    found = read(tmp_path / "a.pt", task)
    assert torch.equal(found.batch.inputs, images + 1)
    assert notes(found).startswith("the last of 2 sets was taken; --which names another")


def test_names_that_may_both_be_the_images_are_refused_and_chosen_by_an_option(
    tmp_path: Path, task: ImageTask, images: Tensor
) -> None:
    torch.save({"x": images, "images": images + 1, "y": LABELS}, tmp_path / "a.pt")
    with pytest.raises(InputError, match="'x' and 'images' may all be its images; say .* --entries IMAGES,LABELS"):
        read(tmp_path / "a.pt", task)
    found = read(tmp_path / "a.pt", task, entries=("x", "y"))
    assert torch.equal(found.batch.inputs, images) and "left out: 'images'" in notes(found)
    for names in (("1",), ("x", "y", "images")):
        with pytest.raises(InputError, match=f"entries {', '.join(names)}: expected two names"):
            read(tmp_path / "a.pt", task, entries=names)
    np.savez(tmp_path / "b.npz", foo=images.numpy(), bar=LABELS.numpy())
    with pytest.raises(InputError, match="found 'foo', 'bar', expected images among them"):
        read(tmp_path / "b.npz", task)
    assert torch.equal(read(tmp_path / "b.npz", task, entries=("foo", "bar")).batch.inputs, images)


def test_a_folder_of_several_steps_names_them_and_the_best_is_taken(
    tmp_path: Path, task: ImageTask, images: Tensor
) -> None:
    for step, shift in ((5, 1.0), (10, 2.0)):
        torch.save(images + shift, tmp_path / f"images_{step}.pt")
        torch.save(LABELS, tmp_path / f"labels_{step}.pt")
    with pytest.raises(InputError, match=r"any of images_10\.pt, images_5\.pt may be meant; name one"):
        read(tmp_path, task)
    assert torch.equal(read(tmp_path / "images_5.pt", task).batch.inputs, images + 1)
    torch.save(images, tmp_path / "images_best.pt")
    torch.save(LABELS, tmp_path / "labels_best.pt")
    assert torch.equal(read(tmp_path, task).batch.inputs, images)


def test_labels_of_a_step_belong_to_images_whose_whitening_was_undone(
    tmp_path: Path, task: ImageTask, images: Tensor
) -> None:
    torch.save(images, tmp_path / "images_zca_5.pt")
    torch.save(LABELS, tmp_path / "labels_5.pt")
    assert torch.equal(read(tmp_path / "images_zca_5.pt", task).batch.inputs, images)


def test_each_stored_image_holds_several_where_a_factor_is_given(
    tmp_path: Path, task: ImageTask, images: Tensor
) -> None:
    pixels = task.codec.decode(images)
    folder = tmp_path / "conv3in_factor2_lr0.005_ipc10"
    folder.mkdir()
    torch.save([pixels, LABELS], folder / "data.pt")
    with pytest.raises(InputError, match="factor 2, by which each image holds 4; say --factor 2, or --factor 1"):
        read(folder / "data.pt", task, normalisation="raw")
    assert len(read(folder / "data.pt", task, normalisation="raw", factor=1)) == 5
    found = read(folder / "data.pt", task, normalisation="raw", factor=2)
    assert found.batch.classes.tolist() == LABELS.tolist() * 4
    # The quarters in order of rows, enlarged by the definition of bilinear interpolation between centres of pixels.
    at = torch.arange(8) / 2 - 0.25
    weights = (1 - (at.clamp(0, 3)[:, None] - torch.arange(4)).abs()).clamp(min=0)
    quarters = torch.cat([pixels[:, :, row : row + 4, column : column + 4] for row in (0, 4) for column in (0, 4)])
    torch.testing.assert_close(found.native, weights @ quarters @ weights.T, atol=1e-5, rtol=0)
    assert "each of 5 images was cut into 4" in notes(found)


def test_sides_that_a_factor_does_not_divide_are_padded_with_grey() -> None:
    cut = formed(torch.ones(1, 1, 3, 3), 2)
    assert cut.shape == (4, 1, 3, 3)
    assert cut[0].unique().tolist() == [1] and cut[3, 0, 0, 0] == 1 and cut[3, 0, 2, 2] == 0.5


def pictures(folder: Path, names: dict[str, int]) -> Tensor:
    """Folders of one picture each, whose pixels are all of one level."""
    for name, level in names.items():
        (folder / name).mkdir(parents=True)
        Image.new("L", (8, 8), level).save(folder / name / "0.png")
    return torch.tensor(list(names.values())) / 255


@pytest.mark.parametrize("form", ["{}", "{:05}", "new{:03}", "class_{}"])
def test_folders_are_called_by_numbers_in_any_usual_way(form: str, tmp_path: Path, task: ImageTask) -> None:
    pictures(tmp_path, {form.format(index): 20 * index for index in range(10)})
    found = limbeck.import_set(tmp_path, task=task)
    assert found.batch.classes.tolist() == [round(float(level) * 255 / 20) for level in found.native[:, 0, 0, 0]]
    assert found.spec["imported"]["format"] == "folder"


def noise(folder: Path, names: str, count: int, key: Key, *shape: int) -> None:
    """A folder for each name of one letter, with pictures of noise."""
    for name in names:
        (folder / name).mkdir()
        for index in range(count):
            pixels = key.fold(name, index).integers(256, *shape).to(torch.uint8)
            Image.fromarray(pixels.numpy()).save(folder / name / f"{index}.png")


@pytest.fixture(scope="module")
def from_one(tmp_path_factory: pytest.TempPathFactory) -> ImageTask:
    """Data whose classes are called 1, 2 and 3."""
    folder = tmp_path_factory.mktemp("from-one")
    noise(folder, "123", 8, KEY, 8, 8)
    return limbeck.load(f"folder:{folder}")


def test_numbers_that_are_names_of_other_classes_are_refused_and_chosen_by_an_option(
    tmp_path: Path, from_one: ImageTask
) -> None:
    pictures(tmp_path, {"0": 0, "1": 10, "2": 20})
    with pytest.raises(InputError, match=r"1 is class 1 by number \(2\), and 0 by name; say --folders numbers$"):
        limbeck.import_set(tmp_path, task=from_one)
    assert limbeck.import_set(tmp_path, task=from_one, folders="numbers").batch.classes.tolist() == [0, 1, 2]
    with pytest.raises(InputError, match="0: no class of the data, expected one of 1, 2, 3"):
        limbeck.import_set(tmp_path, task=from_one, folders="names")


def test_folders_that_are_all_names_and_all_numbers_are_refused_with_both_options(
    tmp_path: Path, from_one: ImageTask
) -> None:
    pictures(tmp_path, {"1": 10, "2": 20})
    with pytest.raises(InputError, match="say --folders numbers or --folders names$"):
        limbeck.import_set(tmp_path, task=from_one)
    assert limbeck.import_set(tmp_path, task=from_one, folders="names").batch.classes.tolist() == [0, 1]
    assert limbeck.import_set(tmp_path, task=from_one, folders="numbers").batch.classes.tolist() == [1, 2]


def test_folders_that_are_all_names_go_by_names(tmp_path: Path, from_one: ImageTask) -> None:
    pictures(tmp_path, {"1": 10, "2": 20, "3": 30})
    assert limbeck.import_set(tmp_path, task=from_one).batch.classes.tolist() == [0, 1, 2]


def test_two_folders_of_one_class_are_refused(tmp_path: Path, task: ImageTask) -> None:
    pictures(tmp_path, {"3": 0, "new003": 10})
    with pytest.raises(InputError, match=r"new003: of class 3 \(3\) as .*3 is, expected one folder for each class"):
        limbeck.import_set(tmp_path, task=task, folders="numbers")


def test_a_folder_of_no_class_is_named(tmp_path: Path, task: ImageTask) -> None:
    pictures(tmp_path, {"3": 0, "cat": 10})
    with pytest.raises(InputError, match="cat: no class of the data, expected one of 0, 1, 2"):
        limbeck.import_set(tmp_path, task=task)


def test_hidden_folders_are_skipped_and_what_is_no_image_is_told(tmp_path: Path, task: ImageTask) -> None:
    pictures(tmp_path, {"3": 0, "4": 10})
    (tmp_path / "3" / ".ipynb_checkpoints").mkdir()
    (tmp_path / ".cache").mkdir()
    (tmp_path / "4" / "notes.txt").write_text("made by hand")
    found = limbeck.import_set(tmp_path, task=task)
    assert len(found) == 2 and f"left out: 1 that is no image, as {tmp_path / '4' / 'notes.txt'}" in notes(found)


def test_the_one_folder_around_those_of_classes_is_gone_into(tmp_path: Path, task: ImageTask) -> None:
    pictures(tmp_path / "unpacked" / "set", {"3": 0, "4": 10})
    assert limbeck.import_set(tmp_path, task=task).batch.classes.tolist() == [3, 4]


def test_folders_of_splits_are_refused_with_one_to_name(tmp_path: Path, task: ImageTask) -> None:
    pictures(tmp_path / "train", {"3": 0})
    pictures(tmp_path / "Testing", {"4": 10})
    with pytest.raises(InputError, match=f"holds Testing, train, as of splits, .* as {tmp_path / 'Testing'}"):
        limbeck.import_set(tmp_path, task=task)
    assert limbeck.import_set(tmp_path / "Testing", task=task).batch.classes.tolist() == [4]


def test_empty_classes_and_files_of_the_same_kind_beside_are_told(
    tmp_path: Path, task: ImageTask, images: Tensor
) -> None:
    for piece in range(3):
        torch.save([images, LABELS.clamp(max=2)], tmp_path / f"set_{piece}_of_3.pt")
    said = notes(read(tmp_path / "set_0_of_3.pt", task))
    assert said == (
        "7 of 10 classes have no item: 3, 4, 5, 6, 7, 8, 9; beside it lie files of the same kind, which may hold them: "
        "set_1_of_3.pt, set_2_of_3.pt"
    )


def test_a_folder_of_files_and_folders_is_refused_with_both_formats(
    tmp_path: Path, task: ImageTask, images: Tensor
) -> None:
    two_files("images_best.pt", "labels_best.pt")(tmp_path, images, LABELS)
    pictures(tmp_path, {"3": 0})
    with pytest.raises(InputError, match="say --format mtt for the files, or --format folder for the folders"):
        read(tmp_path, task)
    assert torch.equal(read(tmp_path, task, format="mtt").batch.inputs, images)
    assert limbeck.import_set(tmp_path, task=task, format="folder").batch.classes.tolist() == [3]


NO_SETS: dict[str, Callable[[Path], Path]] = {
    "a condensed graph": lambda folder: saved(folder / "feat_cora_0.5.pt", torch.zeros(70, 1433)),
    "a matrix of shape (70, 70), as condensed graphs have": lambda folder: saved(folder / "a.pt", torch.zeros(70, 70)),
    "a set of texts or of a table": lambda folder: folder / "dataset_0.json",
    "found a tensor of shape (5, 1, 8, 8), alone": lambda folder: saved(folder / "a.pt", torch.zeros(5, 1, 8, 8)),
    "a TensorDataset of": lambda folder: saved(folder / "a.pt", TensorDataset(torch.zeros(5, 1, 8, 8))),
    "holds an object of the kind torch.nn.modules.linear.Linear": lambda folder: saved(
        folder / "a.pt", {"images": torch.nn.Linear(1, 1)}
    ),
    "a single array, expected images and labels": lambda folder: array(folder / "a.npy"),
    "found a gzip file; unpack it with gunzip": lambda folder: written(folder / "a.pt", gzip.compress(b"set")),
    "found an HDF5 file; save its arrays": lambda folder: written(folder / "a.h5", b"\x89HDF\r\n\x1a\n"),
    "found a pickle, which is never loaded": lambda folder: written(folder / "a.pkl", pickle.dumps([1, 2])),
    "found one picture; name the folder": lambda folder: written(folder / "a.png", b"\x89PNG\r\n\x1a\n"),
    "one that limbeck wrote is a set already": lambda folder: written(folder / "a", b"\x40" + bytes(7) + b'{"a": 1}'),
}


def saved(path: Path, value: Any) -> Path:
    torch.save(value, path)
    return path


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def array(path: Path) -> Path:
    np.save(path, np.zeros((5, 1, 8, 8)))
    return path


@pytest.mark.parametrize("said", NO_SETS)
def test_what_is_no_set_of_images_is_named(said: str, tmp_path: Path, task: ImageTask) -> None:
    (tmp_path / "dataset_0.json").write_text('{"sentence": "a fine film", "labels": 1}\n')
    with pytest.raises(InputError) as refused:
        read(NO_SETS[said](tmp_path), task)
    assert said in str(refused.value)


@pytest.fixture(scope="module")
def colour(tmp_path_factory: pytest.TempPathFactory) -> ImageTask:
    """Data of the shape of CIFAR-10, that cost nothing to prepare."""
    folder = tmp_path_factory.mktemp("colour")
    noise(folder, "0123456789", 4, KEY.fold("colour"), 32, 32, 3)
    return limbeck.load(f"folder:{folder}")


def test_sets_that_others_committed_are_read_or_named(data_root: Path, colour: ImageTask) -> None:
    published = data_root / "published"
    for name, items in (("1ipc_1000", 10), ("1ipc_2000", 10), ("10ipc_1000", 100)):
        path = published / "dc" / f"res_DC_CIFAR10_ConvNet_{name}.pt"
        found = read(path, colour)
        assert found.spec["imported"]["format"] == "dc"
        assert found.batch.classes.tolist() == [index * 10 // items for index in range(items)]
        written = torch.load(path, map_location="cpu", weights_only=True)["data"][-1][0]
        assert torch.equal(found.batch.inputs, written)
    found = read(published / "rfad" / "cifar10" / "10" / "best.npz", colour)
    assert found.label_mode == "hard" and found.batch.classes.bincount().tolist() == [10] * 10
    assert notes(found).startswith("left out: 'valid_loss', 'k', 'jit'; the labels are one-hot rows less 1/C")
    for name, said in (
        ("sfgc", "a condensed graph"),
        ("gcond/adj_cora_0.5_0.pt", "a condensed graph"),
        ("dilm/sst2/dpc_5", "a set of texts"),
    ):
        with pytest.raises(InputError, match=said):
            read(published / name, colour)
