"""Every layout gives back the pixels and the labels that were written in it."""

from __future__ import annotations

import gzip
import io
import json
import struct
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from limbeck.core.errors import InputError
from limbeck.tasks import load
from limbeck.tasks.catalog import locate
from limbeck.tasks.images import ImageTask

CLASSES = 3
COLOUR = np.random.default_rng(0).integers(0, 256, (18, 32, 32, 3), dtype=np.uint8)
GREY = np.random.default_rng(1).integers(0, 256, (18, 28, 28), dtype=np.uint8)
LABELS = np.arange(18) % CLASSES
TEST_COLOUR, TEST_GREY, TEST_LABELS = COLOUR[::-1][:6], GREY[::-1][:6], np.arange(6)[::-1] % CLASSES


def all_of(task: ImageTask, *splits: str) -> set[tuple[bytes, int]]:
    """(pixel bytes in height, width, channel order; class) of every image of the splits, read through `load`."""
    found = set()
    for split in splits:
        batch = task.load(split)
        pixels = (task.codec.decode(batch.inputs) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        found |= {(image.tobytes(), int(label)) for image, label in zip(pixels, batch.classes, strict=True)}
    return found


def written(images: np.ndarray, labels: np.ndarray) -> set[tuple[bytes, int]]:
    return {(image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True)}


def png(image: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", **options)
    return stream.getvalue()


def write_parquet(path: Path, images: np.ndarray, labels: np.ndarray, columns: tuple[str, str] = ("image", "label")):
    names = [f"class {index}" for index in range(CLASSES)]
    features = {columns[0]: {"_type": "Image"}, columns[1]: {"_type": "ClassLabel", "names": names}}
    rows = [{"bytes": png(image), "path": None} for image in images]
    kind = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    table = pyarrow.table({columns[0]: pyarrow.array(rows, kind), columns[1]: pyarrow.array(labels, pyarrow.int64())})
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), path)


def write_folder(root: Path, images: np.ndarray, labels: np.ndarray) -> None:
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = root / f"class {label}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{index:03}.png").write_bytes(png(image))


def write_idx(path: Path, array: np.ndarray, opener: Callable[..., Any] = open) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with opener(path, "wb") as opened:
        opened.write(bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape))
        opened.write(array.astype(np.uint8).tobytes())


def write_cifar(path: Path, images: np.ndarray, labels: np.ndarray, coarse: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    planes = np.moveaxis(images, -1, 1).reshape(len(images), -1)
    columns = [np.full((len(labels), 1), 7, np.uint8)] if coarse else []
    path.write_bytes(np.hstack([*columns, labels[:, None].astype(np.uint8), planes]).tobytes())


def ten(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Twenty images, two of each of ten classes."""
    return np.concatenate([images, images[:2] ^ 1]), np.arange(20) % 10


def test_digits_are_those_of_scikit_learn_divided_by_16():
    from sklearn.datasets import load_digits

    bunch, task = load_digits(), load("digits")
    assert task.shape == (1, 8, 8)
    assert task.classes == tuple("0123456789")
    found = set()
    for split in task.splits:
        batch = task.load(split)
        images = (task.codec.decode(batch.inputs) * 16).round()[:, 0].numpy()
        found |= {(image.tobytes(), int(label)) for image, label in zip(images, batch.classes, strict=True)}
    assert found == written(bunch.images.astype(np.float32), bunch.target)


@pytest.mark.parametrize("images", [COLOUR, GREY], ids=["colour", "grey"])
def test_a_folder_per_class_gives_back_pixels_and_names(tmp_path, images):
    write_folder(tmp_path / "mine", images, LABELS)
    task = load(f"folder:{tmp_path / 'mine'}", cache=tmp_path / "cache")
    assert task.classes == ("class 0", "class 1", "class 2")
    assert all_of(task, "train", "validation", "test") == written(images, LABELS)


def test_split_folders_keep_their_images_apart(tmp_path):
    write_folder(tmp_path / "mine/train", COLOUR, LABELS)
    write_folder(tmp_path / "mine/test", TEST_COLOUR, TEST_LABELS)
    task = load(f"folder:{tmp_path / 'mine'}", cache=tmp_path / "cache")
    assert all_of(task, "train", "validation") == written(COLOUR, LABELS)
    assert all_of(task, "test") == written(TEST_COLOUR, TEST_LABELS)


def test_grey_images_become_rgb_when_any_is_colour(tmp_path):
    write_folder(tmp_path / "mine", COLOUR, LABELS)
    (tmp_path / "mine/class 0/000.png").write_bytes(png(COLOUR[0, :, :, 0]))
    task = load(f"folder:{tmp_path / 'mine'}", cache=tmp_path / "cache")
    images = COLOUR.copy()
    images[0] = COLOUR[0, :, :, :1]
    assert task.shape == (3, 32, 32)
    assert all_of(task, "train", "validation", "test") == written(images, LABELS)


def test_files_that_are_no_images_are_left_out_and_named(tmp_path):
    write_folder(tmp_path / "mine", COLOUR, LABELS)
    (tmp_path / "mine/class 1/notes.txt").write_text("hello")
    task = load(f"folder:{tmp_path / 'mine'}", cache=tmp_path / "cache")
    assert "left out a file that is no image that can be read (1 .txt), such as class 1/notes.txt" in task.notes


def test_an_image_lying_on_its_side_is_turned_upright(tmp_path):
    write_folder(tmp_path / "mine", COLOUR[:, :20], LABELS)
    turned = Image.Exif()
    turned[0x0112] = 6
    sideways = np.ascontiguousarray(np.rot90(COLOUR[0, :20]))
    (tmp_path / "mine/class 0/000.png").write_bytes(png(sideways, exif=turned))
    task = load(f"folder:{tmp_path / 'mine'}", cache=tmp_path / "cache")
    assert task.shape == (3, 20, 32)
    assert all_of(task, "train", "validation", "test") == written(COLOUR[:, :20], LABELS)


def test_a_parquet_folder_reads_shards_in_order_and_validation_of_its_own(tmp_path):
    folder = tmp_path / "mine"
    write_parquet(folder / "train-00000-of-00002.parquet", COLOUR[:9], LABELS[:9])
    write_parquet(folder / "train-00001-of-00002.parquet", COLOUR[9:], LABELS[9:])
    write_parquet(folder / "val.parquet", COLOUR[:6] ^ 1, LABELS[:6])
    write_parquet(folder / "test.parquet", TEST_COLOUR, TEST_LABELS)
    task = load(f"parquet:{folder}", cache=tmp_path / "cache")
    assert task.classes == ("class 0", "class 1", "class 2")
    assert all_of(task, "train") == written(COLOUR, LABELS)
    assert task.load("train").classes.tolist() == LABELS.tolist()
    assert all_of(task, "validation") == written(COLOUR[:6] ^ 1, LABELS[:6])
    assert all_of(task, "test") == written(TEST_COLOUR, TEST_LABELS)


def test_parquet_columns_of_other_names_are_found_by_their_features(tmp_path):
    write_parquet(tmp_path / "mine.parquet", GREY, LABELS, ("picture", "kind"))
    task = load(f"parquet:{tmp_path / 'mine.parquet'}", cache=tmp_path / "cache")
    assert all_of(task, "train", "validation", "test") == written(GREY, LABELS)


def test_a_whole_parquet_file_is_taken_and_its_namesakes_left_out_aloud(tmp_path):
    write_parquet(tmp_path / "mine/train.parquet", COLOUR, LABELS)
    write_parquet(tmp_path / "mine/test.parquet", TEST_COLOUR, TEST_LABELS)
    write_parquet(tmp_path / "mine/test_first.parquet", TEST_COLOUR[:2], TEST_LABELS[:2])
    task = load(f"parquet:{tmp_path / 'mine'}", cache=tmp_path / "cache")
    assert len(task.splits["test"]) == 6
    assert "left out files: test_first.parquet" in task.notes


@pytest.mark.parametrize(
    "shape", [lambda x: x, lambda x: np.moveaxis(x, -1, 1), lambda x: x.astype(np.int64)], ids=["last", "first", "wide"]
)
def test_npz_gives_back_bytes_with_channels_first_or_last(tmp_path, shape):
    np.savez(tmp_path / "mine.npz", x=shape(COLOUR), y=LABELS, x_test=shape(TEST_COLOUR), y_test=TEST_LABELS)
    task = load(f"npz:{tmp_path / 'mine.npz'}", cache=tmp_path / "cache")
    assert all_of(task, "train", "validation") == written(COLOUR, LABELS)
    assert all_of(task, "test") == written(TEST_COLOUR, TEST_LABELS)
    assert task.splits["train"].images.dtype == np.uint8


def test_npz_floats_are_kept_as_floats(tmp_path):
    images = np.random.default_rng(2).random((18, 4, 5)).astype(np.float64)
    np.savez(tmp_path / "mine.npz", x=images, y=LABELS)
    task = load(f"npz:{tmp_path / 'mine.npz'}", cache=tmp_path / "cache")
    rows = torch.arange(len(task.splits["train"]))
    kept = {image.numpy().tobytes() for image in task.splits["train"].pixels(rows)}
    assert kept < {image.tobytes() for image in images.astype(np.float32)}


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("mnist", "mnist"),
        ("mnist", "MNIST/raw"),
        ("fashion_mnist", "fashion_mnist"),
        ("fashion_mnist", "FashionMNIST/raw"),
    ],
)
@pytest.mark.parametrize("end", ["", ".gz"])
def test_idx_files_plain_and_gzipped(tmp_path, name, folder, end):
    images, labels = ten(GREY)
    opener = gzip.open if end else open
    for stem in ("train", "t10k"):
        write_idx(tmp_path / folder / f"{stem}-images-idx3-ubyte{end}", images, opener)
        write_idx(tmp_path / folder / f"{stem}-labels-idx1-ubyte{end}", labels, opener)
    task = load(name, root=tmp_path, cache=tmp_path / "cache")
    assert all_of(task, "train", "validation") == all_of(task, "test") == written(images, labels)


def test_cifar10_binary_batches_in_their_order(tmp_path):
    images, labels = ten(COLOUR)
    folder = tmp_path / "cifar-10-batches-bin"
    for index in range(5):
        write_cifar(folder / f"data_batch_{index + 1}.bin", images[4 * index :][:4], labels[4 * index :][:4])
    write_cifar(folder / "test_batch.bin", TEST_COLOUR, TEST_LABELS)
    task = load("cifar10", root=tmp_path, cache=tmp_path / "cache")
    assert task.classes[3] == "cat"
    assert all_of(task, "train", "validation") == written(images, labels)
    assert all_of(task, "test") == written(TEST_COLOUR, TEST_LABELS)
    kept = np.concatenate([task.splits[split].rows for split in ("train", "validation")])
    assert task.splits["train"].images[np.sort(kept)].tobytes() == np.moveaxis(images, -1, 1).tobytes()


def test_cifar100_binary_has_the_fine_labels(tmp_path):
    folder = tmp_path / "cifar-100-binary"
    write_cifar(folder / "train.bin", COLOUR, LABELS, coarse=True)
    write_cifar(folder / "test.bin", TEST_COLOUR, TEST_LABELS, coarse=True)
    (folder / "fine_label_names.txt").write_text("apple\nbaby\nbear\n")
    task = load("cifar100", root=tmp_path, cache=tmp_path / "cache")
    assert task.classes == ("apple", "baby", "bear")
    assert all_of(task, "train", "validation") == written(COLOUR, LABELS)
    assert all_of(task, "test") == written(TEST_COLOUR, TEST_LABELS)


def test_svhn_label_10_is_the_digit_0(tmp_path):
    images, labels = ten(COLOUR)
    (tmp_path / "svhn").mkdir()
    for split in ("train", "test"):
        content = {"X": np.moveaxis(images, 0, 3), "y": np.where(labels == 0, 10, labels)[:, None].astype(np.uint8)}
        savemat(tmp_path / f"svhn/{split}_32x32.mat", content)
    task = load("svhn", root=tmp_path, cache=tmp_path / "cache")
    assert all_of(task, "train", "validation") == all_of(task, "test") == written(images, labels)


def test_tiny_imagenet_tests_on_its_labelled_validation_images(tmp_path):
    root = tmp_path / "tiny-imagenet-200"
    (root / "val/images").mkdir(parents=True)
    for index, (image, label) in enumerate(zip(COLOUR, LABELS, strict=True)):
        path = root / f"train/n{label}/images/n{label}_{index}.JPEG"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(image))
    lines = []
    for index, (image, label) in enumerate(zip(TEST_COLOUR, TEST_LABELS, strict=True)):
        (root / f"val/images/val_{index}.JPEG").write_bytes(png(image))
        lines.append(f"val_{index}.JPEG\tn{label}\t0\t0\t62\t62\n")
    (root / "val/val_annotations.txt").write_text("".join(lines))
    (root / "words.txt").write_text("n0\tgoldfish, Carassius auratus\nn1\tbanana\nn2\tcrane\nn9\tother\n")
    task = load("tiny_imagenet", root=tmp_path, cache=tmp_path / "cache")
    assert task.classes == ("goldfish", "banana", "crane")
    assert all_of(task, "train", "validation") == written(COLOUR, LABELS)
    assert all_of(task, "test") == written(TEST_COLOUR, TEST_LABELS)


def test_tiny_imagenet_10_tests_on_its_val_file(tmp_path):
    write_parquet(tmp_path / "tiny_imagenet_10/train.parquet", COLOUR, LABELS)
    write_parquet(tmp_path / "tiny_imagenet_10/val.parquet", TEST_COLOUR, TEST_LABELS)
    task = load("tiny_imagenet_10", root=tmp_path, cache=tmp_path / "cache")
    assert all_of(task, "test") == written(TEST_COLOUR, TEST_LABELS)
    assert all_of(task, "train", "validation") == written(COLOUR, LABELS)


def test_cifar10_exact_tests_on_its_last_shard_and_says_so(tmp_path):
    for index in range(5):
        rows = slice(3 * index, 3 * index + 3)
        write_parquet(tmp_path / f"cifar10_exact/train-{index:05}-of-00005.parquet", COLOUR[rows], LABELS[rows])
    task = load("cifar10_exact", root=tmp_path, cache=tmp_path / "cache")
    assert all_of(task, "test") == written(COLOUR[12:15], LABELS[12:15])
    assert all_of(task, "train", "validation") == written(COLOUR[:12], LABELS[:12])
    assert any("first 40,000" in note and "last 10,000" in note for note in task.notes)


def test_size_keeps_the_centre_square_of_the_short_side(tmp_path):
    wide = np.zeros((6, 8, 16, 3), np.uint8)
    wide[:, :, 4:12] = np.random.default_rng(3).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    tall = np.moveaxis(wide, 1, 2)
    write_folder(tmp_path / "mine", wide[:3], np.arange(3))
    for index in range(3):
        (tmp_path / f"mine/class {index}/tall.png").write_bytes(png(np.ascontiguousarray(tall[3 + index])))
        (tmp_path / f"mine/class {index}/third.png").write_bytes(png(wide[index] ^ 3))
    task = load(f"folder:{tmp_path / 'mine'}", size=8, cache=tmp_path / "cache")
    expected = np.concatenate([wide[:3, :, 4:12], tall[3:, 4:12], wide[:3, :, 4:12] ^ 3])
    assert all_of(task, "train", "validation", "test") == written(expected, np.arange(9) % 3)


def test_halving_an_image_of_two_by_two_blocks_returns_the_blocks_means(tmp_path):
    blocks = np.full((18, 4, 4), 0.5, np.float32) + np.arange(18, dtype=np.float32)[:, None, None] / 64
    np.savez(tmp_path / "mine.npz", x=np.repeat(np.repeat(blocks, 2, 1), 2, 2), y=LABELS)
    task = load(f"npz:{tmp_path / 'mine.npz'}", size=4, cache=tmp_path / "cache")
    rows = task.splits["train"].rows
    torch.testing.assert_close(
        torch.from_numpy(task.splits["train"].images[rows][:, 0]), torch.from_numpy(blocks[rows])
    )


class FakeImage:
    def __init__(self, decode: bool = True) -> None:
        self.decode = decode


class FakeClassLabel:
    names = ["cat", "dog", "owl"]


class FakeSplit:
    """As much of a split of the datasets package as is read."""

    cache_files: list[dict[str, str]] = []

    def __init__(self, labels: list[Any], kind: Any, column: str = "label") -> None:
        self.features = {"img": FakeImage(), column: kind}
        self.labels = labels

    def __getitem__(self, column: str) -> list[Any]:
        return self.labels

    def select_columns(self, columns: list[str]) -> FakeSplit:
        return self

    def cast_column(self, column: str, kind: FakeImage) -> list[dict[str, Any]]:
        assert column == "img"
        assert kind.decode is False
        return [{"img": {"bytes": png(image), "path": None}} for image in COLOUR[: len(self.labels)]]


def offered(monkeypatch: pytest.MonkeyPatch, **splits: FakeSplit) -> None:
    fake = types.SimpleNamespace(Image=FakeImage, ClassLabel=FakeClassLabel, load_dataset=lambda name: splits)
    monkeypatch.setitem(sys.modules, "datasets", fake)


def test_hub_sets_are_read_from_their_encoded_bytes(monkeypatch):
    offered(monkeypatch, train=FakeSplit(LABELS.tolist(), FakeClassLabel()))
    task = load("hf:someone/pets")
    assert task.classes == ("cat", "dog", "owl")
    assert all_of(task, "train", "validation", "test") == written(COLOUR, LABELS)


def test_hub_sets_of_named_labels_and_of_a_split_without_labels_are_read(monkeypatch):
    names = ["cow", "ant", "bee"]
    train = FakeSplit([names[label] for label in LABELS], "string", "breed")
    offered(monkeypatch, train=train, test=FakeSplit([None] * 6, "string", "breed"), extra=train)
    with pytest.raises(InputError, match="found columns img, breed.*--label-column NAME"):
        load("hf:someone/pets")
    task = load("hf:someone/pets", label_column="breed")
    assert task.classes == ("ant", "bee", "cow")
    assert all_of(task, "train", "validation", "test") == written(COLOUR, np.array([2, 0, 1])[LABELS])
    assert {"left out splits: extra", "left out the test split: none of its images has a label"} <= set(task.notes)


def test_without_the_datasets_package_a_hub_name_is_refused_with_the_command_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"pip install limbeck\[hub\]"):
        load("hf:someone/pets")


@pytest.mark.parametrize(
    ("name", "train", "test", "mean"),
    [
        ("cifar10", [5000] * 10, [1000] * 10, (0.4913, 0.4821, 0.4465)),
        ("cifar10_exact", None, None, (0.4914, 0.4822, 0.4465)),
        ("mnist", None, None, (0.1307,)),
    ],
)
def test_real_sets_have_the_counts_and_within_sampling_error_the_mean_of_their_readme(
    data_root, name, train, test, mean
):
    parts = {part.split: part for part in locate(name, data_root).read()}
    lengths = {"cifar10": (50000, 10000), "cifar10_exact": (40000, 10000), "mnist": (60000, 10000)}
    assert (len(parts["train"].labels), len(parts["test"].labels)) == lengths[name]
    if train is not None:
        assert np.bincount(parts["train"].labels).tolist() == train
        assert np.bincount(parts["test"].labels).tolist() == test
    images = np.stack([parts["train"].images.decode(row) for row in range(0, lengths[name][0], 37)]) / 255
    # The ten classes may take turns, so the stride shares no factor with them.
    # Image means scatter by about 0.12, so the mean of a thousand or more by less than 0.004.
    np.testing.assert_allclose(images.mean((0, 1, 2)), mean, atol=0.012)


def test_a_jpeg_copy_of_a_lossless_set_says_so(data_root, tmp_path):
    whole = pyarrow.parquet.read_table(data_root / "cifar10/train.parquet").slice(0, 60)
    (tmp_path / "cifar10").mkdir()
    for split in ("train", "test"):
        pyarrow.parquet.write_table(whole, tmp_path / f"cifar10/{split}.parquet")
    task = load("cifar10", root=tmp_path, cache=tmp_path / "cache")
    assert any("not comparable with published figures for cifar10" in note for note in task.notes)
