"""Arrays, tables of images and odd images are read as people save them, and what is done to them is said."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch
from PIL import Image

from brought import files, put, read, refused, shades
from limbeck.core.errors import InputError
from limbeck.tasks import load, reload
from limbeck.tasks.images import ImageTask

IMAGES = np.random.default_rng(0).integers(0, 256, (18, 4, 5), dtype=np.uint8)
OTHER = IMAGES[:6] ^ 255
LABELS = np.arange(18) % 3
CLASSES = np.array(["bee", "ant", "cow"])
"""In the order of their numbers, which is not that of their names."""


def npz(folder: Path, **arrays: np.ndarray) -> ImageTask:
    np.savez(folder / "mine.npz", **arrays)
    return load(f"npz:{folder / 'mine.npz'}", cache=folder / "cache")


def held(task: ImageTask, *splits: str) -> set[tuple[bytes, int]]:
    """(bytes of the image, class) of the splits."""
    return {
        (task.splits[split].images[row, 0].tobytes(), int(label))
        for split in splits
        for row, label in zip(task.splits[split].rows, task.splits[split].labels, strict=True)
    }


def pairs(images: np.ndarray, labels: np.ndarray) -> set[tuple[bytes, int]]:
    return {(image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True)}


@pytest.mark.parametrize(
    "names",
    [
        ("train_images", "train_labels", "val_images", "val_labels", "test_images", "test_labels"),
        ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test"),
        ("X_train", "Y_train", "X_valid", "Y_valid", "X_test", "Y_test"),
        ("XTrain", "yTrain", "XValidation", "yValidation", "XTest", "yTest"),
        ("train_x", "train_y", "dev_x", "dev_y", "test_x", "test_y"),
        ("x", "y", "x_val", "y_val", "x_test", "y_test"),
        ("images", "labels", "images_val", "labels_val", "images_test", "labels_test"),
        ("data", "target", "data_valid", "target_valid", "data_test", "target_test"),
    ],
)
def test_arrays_are_known_by_every_usual_name_and_validation_is_kept(tmp_path, names):
    arrays = (IMAGES, LABELS[:, None], OTHER, LABELS[:6, None], IMAGES[::-1][:6], LABELS[::-1][:6, None])
    task = npz(tmp_path, **dict(zip(names, arrays, strict=True)))
    assert held(task, "train") == pairs(IMAGES, LABELS)
    assert held(task, "validation") == pairs(OTHER, LABELS[:6])
    assert held(task, "test") == pairs(IMAGES[::-1][:6], LABELS[::-1][:6])


def test_arrays_of_other_names_are_told(tmp_path):
    task = npz(tmp_path, x=IMAGES, y=LABELS, mean=np.zeros(3), ids=np.arange(18))
    assert "left out arrays: mean, ids" in task.notes


@pytest.mark.parametrize(
    "labels",
    [LABELS[:, None], np.eye(3)[LABELS], np.eye(3, dtype=int)[LABELS], np.eye(3)[LABELS] - 1 / 3, LABELS * 1.0],
    ids=["column", "one-hot", "one-hot integers", "centred", "floats"],
)
def test_labels_of_arrays_are_read_however_they_are_written(tmp_path, labels):
    task = npz(tmp_path, x=IMAGES, y=labels)
    assert task.classes == ("0", "1", "2")
    assert held(task, "train", "validation", "test") == pairs(IMAGES, LABELS)


def test_names_as_labels_are_the_classes_of_every_split(tmp_path):
    task = npz(tmp_path, x=IMAGES, y=CLASSES[LABELS], x_test=OTHER, y_test=CLASSES[LABELS[:6]])
    assert task.classes == ("ant", "bee", "cow")
    assert held(task, "test") == pairs(OTHER, np.array([1, 0, 2])[LABELS[:6]])


@pytest.mark.parametrize("none", [np.full(6, -1), np.full(6, np.nan), np.full((6, 1), -1.0)])
def test_a_split_without_labels_is_left_out_aloud_and_the_others_stay(tmp_path, none):
    task = npz(tmp_path, x=IMAGES, y=LABELS, x_test=OTHER, y_test=none)
    assert held(task, "train", "validation", "test") == pairs(IMAGES, LABELS)
    assert "left out the test split: none of its 6 images has a label" in task.notes


@pytest.mark.parametrize(
    ("images", "expected", "said"),
    [
        (IMAGES * 1.0, IMAGES, "the images are floats from 0 to 255, all whole: read as 255 levels"),
        (IMAGES > 99, np.where(IMAGES > 99, 255, 0).astype(np.uint8), "false is read as black, true as white"),
    ],
)
def test_other_kinds_of_numbers_are_read_as_levels_aloud(tmp_path, images, expected, said):
    task = npz(tmp_path, x=images, y=LABELS)
    assert held(task, "train", "validation", "test") == pairs(expected, LABELS)
    assert any(said in note for note in task.notes)


@pytest.mark.parametrize(
    ("images", "back", "said"),
    [
        (IMAGES * 0.999 + 0.1, lambda x: x / 255, "floats up to 254.845: read as 0 to 255, and divided by 255"),
        (IMAGES / 127.5 - 1, lambda x: (x + 1) / 2, "floats from -1 to 1: read as -1 to 1, (x + 1) / 2 is in [0, 1]"),
    ],
)
def test_floats_of_other_ranges_are_read_aloud(tmp_path, images, back, said):
    task = npz(tmp_path, x=images, y=LABELS)
    kept = task.splits["train"].images[:, 0]
    np.testing.assert_allclose(kept, back(images), atol=1e-6)
    assert kept.min() >= 0 and kept.max() <= 1
    assert any(said in note for note in task.notes)


def test_all_splits_are_read_in_the_same_units(tmp_path):
    dark = np.clip(IMAGES[:6] / 255, 0, 1)
    task = npz(tmp_path, x=IMAGES / 127.5 - 1, y=LABELS, x_test=dark, y_test=LABELS[:6])
    kept = task.splits["test"].images[task.splits["test"].rows, 0]
    np.testing.assert_allclose(kept, (dark + 1) / 2, atol=1e-6)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
@pytest.mark.parametrize("first", [False, True], ids=["channels last", "channels first"])
def test_a_fourth_channel_of_arrays_is_opacity(tmp_path, kind, first):
    colours = np.random.default_rng(1).integers(0, 256, (18, 5, 6, 4), dtype=np.uint8)
    colours[..., 3] = np.where(np.arange(6) < 3, 255, 0)
    given = colours if kind is np.uint8 else colours.astype(np.float32) / 255
    given = np.moveaxis(given, -1, 1) if first else given
    np.savez(tmp_path / "mine.npz", x=given, y=LABELS)
    for background, seen in (("", 255), ("black", 0)):
        task = load(f"npz:{tmp_path / 'mine.npz'}", background=background, cache=tmp_path / "cache")
        kept = task.native("train", None)
        assert (kept[..., 3:] == seen / 255).all()
        shown = {image[..., :3].tobytes() for image in np.moveaxis(colours[..., :3], -1, 1)}
        assert {(image[..., :3] * 255).round().to(torch.uint8).numpy().tobytes() for image in kept} <= shown
        assert any(
            f"18 images may have transparent pixels, such as {tmp_path}/mine.npz x row 0" in n for n in task.notes
        )
    np.savez(tmp_path / "mine.npz", x=IMAGES, y=LABELS)
    with pytest.raises(InputError, match="no image has transparent pixels"):
        load(f"npz:{tmp_path / 'mine.npz'}", background="black", cache=tmp_path / "cache")


@pytest.mark.parametrize("labels", [LABELS + 1, LABELS * 5])
def test_labels_with_gaps_are_refused_and_the_advice_works(tmp_path, labels):
    with pytest.raises(
        InputError, match=r"renumber the labels, as y = numpy.unique\(y, return_inverse=True\)\[1\] does"
    ):
        npz(tmp_path, x=IMAGES, y=labels)
    task = npz(tmp_path, x=IMAGES, y=np.unique(labels, return_inverse=True)[1])
    assert held(task, "train", "validation", "test") == pairs(IMAGES, LABELS)


@pytest.mark.parametrize("levels", [2, 17])
def test_images_of_few_dark_levels_are_warned_of_and_the_advice_works(tmp_path, levels):
    images = (IMAGES % levels).astype(np.uint8)
    task = npz(tmp_path, x=images, y=LABELS)
    (warning,) = (each for each in task.describe()["warnings"] if each.startswith("few levels"))
    assert f"is {levels - 1} of 255" in warning and warning in task.notes
    assert f"save x / {levels - 1} * 255" in warning
    mended = npz(tmp_path, x=images / (levels - 1) * 255, y=LABELS)
    assert not any(each.startswith("few levels") for each in mended.describe()["warnings"])
    assert mended.describe()["pixels"]["train"]["maximum"] == [1.0]


def test_floats_from_0_to_16_are_refused_and_the_advice_works(tmp_path):
    with pytest.raises(InputError, match="where 16 is white, save x / 16, and where white is 255, x / 255"):
        npz(tmp_path, x=(IMAGES % 17) * 1.0, y=LABELS)
    assert npz(tmp_path, x=(IMAGES % 17) / 16, y=LABELS).describe()["pixels"]["train"]["maximum"] == [1.0]


def png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


PNGS = [png(image) for image in IMAGES]
STRUCT = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
IN_STRUCTS = pyarrow.array([{"bytes": each, "path": None} for each in PNGS], STRUCT)


def write(path: Path, metadata: dict[str, object] | None = None, **columns: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pyarrow.table(columns)
    if metadata:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": metadata}})})
    pyarrow.parquet.write_table(table, path)


def parquet(path: Path, **options: object) -> ImageTask:
    return load(f"parquet:{path}", cache=path.parent / "cache", **options)


@pytest.mark.parametrize("image", ["image", "img", "images", "Image", "picture", "anything"])
@pytest.mark.parametrize("label", ["label", "labels", "fine_label", "Class", "target"])
@pytest.mark.parametrize("raw", [False, True], ids=["struct", "bytes"])
def test_columns_are_known_without_metadata(tmp_path, image, label, raw):
    write(tmp_path / "mine.parquet", **{image: pyarrow.array(PNGS) if raw else IN_STRUCTS, label: LABELS})
    assert held(parquet(tmp_path / "mine.parquet"), "train", "validation", "test") == pairs(IMAGES, LABELS)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (pyarrow.array(CLASSES[LABELS]), ("ant", "bee", "cow")),
        (pyarrow.array(CLASSES[LABELS]).dictionary_encode(), ("ant", "bee", "cow")),
        (pyarrow.array(np.array([5, 7, 11])[LABELS].astype(str)), ("5", "7", "11")),
        (pyarrow.array(LABELS * 1.0), ("0", "1", "2")),
        (pyarrow.array(np.eye(3, dtype=int)[LABELS].tolist()), ("0", "1", "2")),
    ],
    ids=["text", "dictionary", "numbers as text", "floats", "one-hot"],
)
def test_labels_of_a_column_are_read_however_they_are_written(tmp_path, labels, classes):
    write(tmp_path / "mine.parquet", image=IN_STRUCTS, label=labels)
    task = parquet(tmp_path / "mine.parquet")
    assert task.classes == classes
    number = np.array([1, 0, 2])[LABELS] if classes[0] == "ant" else LABELS
    assert held(task, "train", "validation", "test") == pairs(IMAGES, number)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"),
        ("default/train/0000.parquet", "default/test/0000.parquet"),
        ("data/Train.parquet", "data/Test.parquet"),
        ("plain_text/train/part-0.parquet", "plain_text/test/part-0.parquet"),
        ("my-set-train.parquet", "my-set-test.parquet"),
    ],
)
def test_files_of_splits_are_found_in_folders(tmp_path, train, test):
    write(tmp_path / "mine" / train, image=IN_STRUCTS, label=LABELS)
    write(tmp_path / "mine" / test, image=IN_STRUCTS.take(pyarrow.array(range(6))), label=LABELS[:6])
    write(tmp_path / "mine/.cache/train/0000.parquet", image=IN_STRUCTS, label=LABELS)
    task = parquet(tmp_path / "mine")
    assert held(task, "train", "validation") == pairs(IMAGES, LABELS)
    assert held(task, "test") == pairs(IMAGES[:6], LABELS[:6])


def test_several_configurations_are_asked_about_and_the_advice_works(tmp_path):
    for name in ("coarse", "fine"):
        write(tmp_path / f"mine/{name}/train/0.parquet", image=IN_STRUCTS, label=LABELS)
    with pytest.raises(InputError, match=f"such as parquet:{tmp_path}/mine/coarse"):
        parquet(tmp_path / "mine")
    assert held(parquet(tmp_path / "mine/coarse"), "train", "validation", "test") == pairs(IMAGES, LABELS)


@pytest.mark.parametrize("none", [np.full(18, -1), pyarrow.array([None] * 18, pyarrow.int64()), pyarrow.nulls(18)])
def test_a_file_without_labels_is_left_out_aloud(tmp_path, none):
    write(tmp_path / "mine/train.parquet", image=IN_STRUCTS, label=LABELS)
    write(tmp_path / "mine/test.parquet", image=IN_STRUCTS, label=none)
    task = parquet(tmp_path / "mine")
    assert held(task, "train", "validation", "test") == pairs(IMAGES, LABELS)
    assert "left out the test split: none of its 18 images has a label" in task.notes


def test_the_column_of_labels_can_be_said_and_the_other_is_told(tmp_path):
    coarse = LABELS // 2
    names = {"_type": "ClassLabel", "names": ["few", "many"]}
    write(tmp_path / "mine.parquet", {"coarse": names}, image=IN_STRUCTS, label=LABELS, coarse=coarse, target=LABELS)
    task = parquet(tmp_path / "mine.parquet")
    assert "the labels are those of the column label, not target; --label-column NAME" in task.notes
    said = parquet(tmp_path / "mine.parquet", label_column="coarse")
    assert said.classes == ("few", "many")
    assert held(said, "train", "validation", "test") == pairs(IMAGES, coarse)
    assert reload(said.reference, None).fingerprint == said.fingerprint
    with pytest.raises(InputError, match="no column 'colour' of labels, found columns image"):
        parquet(tmp_path / "mine.parquet", label_column="colour")


def drawn(path: Path, mode: str, **options: object) -> None:
    """An image of that mode: left half opaque and dark grey, right half transparent; its colours say nothing there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGBA", (4, 4), (64, 64, 64, 255))
    image.paste((9, 200, 100, 0), (2, 0, 4, 4))
    grey = Image.new("L", (4, 4), 64)
    grey.paste(9, (2, 0, 4, 4))
    if mode == "LA":
        image = Image.merge("LA", (grey, image.getchannel("A")))
    elif mode == "P":
        image = grey.convert("P")
        options["transparency"] = int(np.asarray(image)[0, 3])
    elif mode == "L":
        image, options["transparency"] = grey, 9
    image.save(path, **options)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L"])
@pytest.mark.parametrize(("background", "seen"), [("", 255), ("black", 0), ("#808080", 128)])
def test_transparent_pixels_are_laid_on_the_background(tmp_path, mode, background, seen):
    for name in files("cat", "dog"):
        drawn(tmp_path / "mine" / name, mode)
    task = read(tmp_path / "mine", background=background)
    assert task.shape[0] == (3 if mode in ("RGBA", "P") else 1)
    images = task.splits["train"].images
    assert (images[..., :2] == 64).all() and (images[..., 2:] == seen).all()
    assert any("6 images may have transparent pixels" in note and "--background" in note for note in task.notes)
    assert reload(task.reference, None).fingerprint == task.fingerprint


def test_a_coloured_background_makes_grey_images_coloured(tmp_path):
    for name in files("cat", "dog"):
        drawn(tmp_path / "mine" / name, "LA")
    images = read(tmp_path / "mine", background="red").splits["train"].images
    assert images[0, :, 0, 3].tolist() == [255, 0, 0] and images[0, :, 0, 0].tolist() == [64, 64, 64]


def test_opaque_images_with_an_alpha_channel_stay_bit_for_bit(tmp_path):
    colours = np.random.default_rng(1).integers(0, 256, (6, 16, 16, 4), dtype=np.uint8)
    colours[..., 3] = 255
    for name, image in zip(files("cat", "dog"), colours, strict=True):
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "mine" / name)
    kept = read(tmp_path / "mine").splits["train"].images
    assert kept.tobytes() == np.ascontiguousarray(np.moveaxis(colours[..., :3], -1, 1)).tobytes()


@pytest.mark.parametrize("suffix", [".gif", ".tiff", ".apng", ".webp"])
def test_further_pictures_of_a_file_are_left_out_aloud(tmp_path, suffix):
    put(tmp_path / "mine", *files("cat", "dog"))
    frames = [Image.fromarray(np.full((4, 4), shade, np.uint8)) for shade in (50, 90, 130)]
    path = tmp_path / f"mine/cat/moving{suffix}"
    kind = {".apng": "PNG"}.get(suffix)
    frames[0].save(path, kind, save_all=True, append_images=frames[1:], **({"lossless": True} if kind is None else {}))
    task = read(tmp_path / "mine")
    assert shades(task)["cat"] == [0, 1, 2, 50]
    assert f"1 files hold several pictures, of which the first is read, such as {path}" in task.notes


def test_every_damaged_file_is_named_at_once(tmp_path):
    put(tmp_path / "mine", *files("cat", "dog", count=5))
    bad = {"cat/1.png": b"", "cat/4.png": b"not an image", "dog/0.png": None, "dog/3.png": None}
    for name, content in bad.items():
        whole = (tmp_path / "mine" / name).read_bytes()
        (tmp_path / "mine" / name).write_bytes(whole[: len(whole) // 2] if content is None else content)
    said = refused(tmp_path / "mine", "4 images cannot be used: ", "replace or remove it")
    assert [name for name in files("cat", "dog", count=5) if f"/{name}:" in said] == list(bad)
    for name in bad:
        (tmp_path / "mine" / name).unlink()
    assert len(shades(read(tmp_path / "mine"))["cat"]) == 3


def test_of_many_images_that_cannot_be_used_or_are_of_other_sizes_five_are_named(tmp_path):
    put(tmp_path / "mine", *files("cat", "dog", count=9))
    names = [f"cat/{number}.png" for number in range(1, 9)]
    for name in names:
        Image.fromarray(np.full((4, 5), 9, np.uint8)).save(tmp_path / "mine" / name)
    of_a_size = refused(tmp_path / "mine", "an image of 4 x 5; and 3 more, but", "--size N")
    for name in names:
        (tmp_path / "mine" / name).write_bytes(b"not an image")
    broken = refused(tmp_path / "mine", "8 images cannot be used: ", "; and 3 more; of each: replace or remove it")
    for said in (of_a_size, broken):
        assert [name for name in names if f"/{name}:" in said] == names[:5]


def test_a_large_image_that_is_trusted_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    put(tmp_path / "mine", *files("cat", "dog"))
    for side, limit in ((18, 300), (25, 600)):
        Image.fromarray(np.full((side, side), 9, np.uint8)).save(tmp_path / "mine/cat/0.png")
        refused(tmp_path / "mine", f"of {side * side} pixels, more than {limit}", f"--max-pixels {side * side}", size=4)
        task = read(tmp_path / "mine", size=4, max_pixels=side * side)
        assert shades(task)["cat"] == [1, 2, 9]
        assert Image.MAX_IMAGE_PIXELS == 300


def test_what_lies_beside_images_that_were_read_before_is_said_as_it_is_now(tmp_path):
    put(tmp_path / "mine", *files("cat", "dog"))
    said = "left out a file that is no image that can be read (1 .txt), such as cat/b.txt"
    assert said not in read(tmp_path / "mine").notes
    (tmp_path / "mine/cat/b.txt").write_bytes(b"x")
    assert said in read(tmp_path / "mine").notes
    (tmp_path / "mine/cat/b.txt").unlink()
    assert said not in read(tmp_path / "mine").notes


def test_files_that_are_no_images_are_counted_by_their_ending(tmp_path):
    put(tmp_path / "mine", *files("cat", "dog"))
    for name in ("cat/a.heic", "cat/b.heic", "dog/notes.txt"):
        (tmp_path / "mine" / name).write_bytes(b"x")
    assert (
        "left out 3 files that are no images that can be read (2 .heic, 1 .txt), such as cat/a.heic; .heic are photos: "
        "convert them to JPEG or PNG to have them read" in read(tmp_path / "mine").notes
    )


def test_unbalanced_and_missing_classes_are_noted(tmp_path):
    put(tmp_path / "mine", *files("train/cat", count=6), *files("train/dog", "test/cat"))
    task = read(tmp_path / "mine")
    assert "imbalance: 5 training examples of 'cat' against 2 of 'dog'" in task.notes
    assert "the test split has no image of dog" in task.notes


def test_without_validation_the_training_images_validate_aloud(tmp_path):
    task = load("digits", validation="none")
    assert task.splits["validation"].rows.tolist() == task.splits["train"].rows.tolist()
    assert "no examples are set apart for validation: validation figures are of the training examples" in task.notes
    assert not any(warning.startswith("duplicates") for warning in task.describe()["warnings"])
    assert task.fingerprint != load("digits").fingerprint


def test_a_share_validates_and_is_part_of_the_reference():
    task = load("digits", validation=0.3)
    counts = {name: len(split) for name, split in task.splits.items()}
    assert counts["validation"] / (counts["train"] + counts["validation"]) == pytest.approx(0.3, abs=0.01)
    assert task.reference["validation"] == 0.3
    assert reload(task.reference, None).fingerprint == task.fingerprint
    assert load("digits").reference.keys() == {"name", "zca", "size", "mirror", "fingerprint"}
