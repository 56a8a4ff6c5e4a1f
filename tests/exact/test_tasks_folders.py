"""Whatever shape a folder of images has, it is read as its owner means it, or the owner is asked."""

from __future__ import annotations

import os
import unicodedata

import numpy as np
import pytest
from PIL import Image

from brought import TESTED, TWICE, files, put, read, refused, shades
from limbeck.core.errors import InputError
from limbeck.tasks import load, reload


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "test"),
        ("Train", "Test"),
        ("TRAIN", "TEST"),
        ("Training", "Testing"),
        ("seg_train", "seg_test"),
        ("train_set", "test_set"),
        ("trainset", "testset"),
        ("training-images", "test images"),
        ("TrainData", "TestData"),
        ("train", "Test"),
        ("seg_train/seg_train", "seg_test/seg_test"),
    ],
)
def test_splits_are_known_however_they_are_spelled(tmp_path, train, test):
    put(tmp_path / "mine", *files(f"{train}/cat", f"{train}/dog", f"{test}/cat", f"{test}/dog"))
    task = read(tmp_path / "mine")
    assert task.classes == ("cat", "dog")
    assert shades(task, ("train", "validation")) == TWICE
    assert shades(task, ("test",)) == TESTED


@pytest.mark.parametrize("name", ["val", "valid", "Validation", "dev", "val_set"])
def test_a_validation_folder_validates_and_what_is_carved_is_said(tmp_path, name):
    put(tmp_path / "mine", *files("train/cat", "train/dog", f"{name}/cat", f"{name}/dog"))
    task = read(tmp_path / "mine")
    assert shades(task, ("validation",)) == TESTED
    assert (
        "the test split is a fifth of each class of the training examples, drawn by the data's digest: "
        "the source's validation split is kept to validate"
    ) in task.notes
    tested = read(tmp_path / "mine", validation=0.34)
    assert shades(tested, ("test",)) == TESTED
    assert shades(tested, ("train", "validation")) == TWICE
    assert reload(tested.reference, None).fingerprint == tested.fingerprint


def test_a_wrapper_that_is_the_only_folder_is_looked_into_aloud(tmp_path):
    put(tmp_path / "mine", *files("archive/pets/cat", "archive/pets/dog"))
    task = read(tmp_path / "mine")
    assert shades(task) == TWICE
    assert "read below archive/pets, the only folder with images" in task.notes


def test_classes_that_hold_their_splits_are_asked_about_and_both_answers_work(tmp_path):
    put(tmp_path / "mine", *files("cat/train", "dog/train", "cat/test", "dog/test"))
    refused(tmp_path / "mine", "cat, dog hold test, train", "--layout class-split", "--layout class where")
    task = read(tmp_path / "mine", layout="class-split")
    assert (shades(task, ("train", "validation")), shades(task, ("test",))) == (TWICE, TESTED)
    assert reload(task.reference, None).fingerprint == task.fingerprint
    merged = read(tmp_path / "mine", layout="class")
    assert shades(merged) == {"cat": [0, 1, 2, 6, 7, 8], "dog": [3, 4, 5, 9, 10, 11]}


def test_domains_that_hold_the_same_classes_are_asked_about(tmp_path):
    put(tmp_path / "mine", *files("photo/cat", "photo/dog", "sketch/cat", "sketch/dog"))
    refused(tmp_path / "mine", "photo, sketch hold the same folders cat, dog", "--layout domain-class")
    assert shades(read(tmp_path / "mine", layout="domain-class")) == {
        "cat": [0, 1, 2, 6, 7, 8],
        "dog": [3, 4, 5, 9, 10, 11],
    }
    assert shades(read(tmp_path / "mine", layout="class")) == {"photo": list(range(6)), "sketch": list(range(6, 12))}


def test_domains_with_splits_of_their_own_are_asked_about(tmp_path):
    put(tmp_path / "mine", *files("photo/train/cat", "photo/train/dog", "ink/test/cat", "ink/test/dog"))
    refused(tmp_path / "mine", "--layout domain-split-class")
    task = read(tmp_path / "mine", layout="domain-split-class")
    assert (shades(task, ("train", "validation")), shades(task, ("test",))) == (TWICE, TESTED)


def test_domains_within_splits_are_asked_about(tmp_path):
    put(tmp_path / "mine", *files("train/ink/cat", "train/ink/dog", "train/oil/cat", "train/oil/dog"))
    refused(tmp_path / "mine", "--layout domain-class")
    put(tmp_path / "mine", *files("test/ink/cat", "test/ink/dog"), shade=12)
    refused(tmp_path / "mine", "--layout split-domain-class", "--layout split-class")
    task = read(tmp_path / "mine", layout="split-domain-class")
    assert shades(task, ("test",)) == {"cat": [12, 13, 14], "dog": [15, 16, 17]}


def test_a_class_called_train_is_asked_about_where_it_holds_folders(tmp_path):
    put(tmp_path / "mine", *files("train/steam", "train/electric", "car/old", "car/new"))
    refused(tmp_path / "mine", "--layout split-class", "--layout class")
    assert shades(read(tmp_path / "mine", layout="class")) == {"car": list(range(6, 12)), "train": list(range(6))}
    assert shades(read(tmp_path / "mine", layout="split-class")) == {"electric": [3, 4, 5], "steam": [0, 1, 2]}


def test_a_class_called_train_without_folders_is_a_class(tmp_path):
    put(tmp_path / "mine", *files("car", "train"))
    assert shades(read(tmp_path / "mine")) == {"car": [0, 1, 2], "train": [3, 4, 5]}


def test_a_folder_test_beside_classes_is_asked_about(tmp_path):
    put(tmp_path / "mine", *files("cat", "dog", "test"))
    refused(tmp_path / "mine", "test may be a split or a class", "--layout class")
    assert shades(read(tmp_path / "mine", layout="class")) == {**TWICE, "test": [6, 7, 8]}


def test_folders_within_a_class_are_of_it_and_named(tmp_path):
    put(tmp_path / "mine", *files("cat/wild", "dog/poodle", "dog/collie"))
    task = read(tmp_path / "mine")
    assert shades(task) == {"cat": [0, 1, 2], "dog": [3, 4, 5, 6, 7, 8]}
    assert "folders within a class folder are of that class: collie, poodle, wild" in task.notes


@pytest.mark.parametrize("layout", ["class-class", "split", "class-train", "kind"])
def test_a_layout_that_is_none_is_refused(tmp_path, layout):
    put(tmp_path / "mine", *files("cat", "dog"))
    refused(tmp_path / "mine", f"layout '{layout}': expected the levels of folders", layout=layout)


def test_what_is_hidden_is_left_out_at_every_depth_and_counted(tmp_path):
    put(tmp_path / "mine", *files("train/cat", "train/dog"))
    hidden = [
        "train/cat/.ipynb_checkpoints/0.png",
        "train/.git/a/1.png",
        "__MACOSX/train/cat/2.png",
        "train/dog/._0.png",
    ]
    put(tmp_path / "mine", *hidden, shade=50)
    (tmp_path / "mine/train/cat/Thumbs.db").write_bytes(b"x")
    task = read(tmp_path / "mine")
    assert shades(task) == TWICE
    assert [note for note in task.notes if note.startswith("left out")] == [
        "left out 4 images in hidden places, such as __MACOSX/train/cat/2.png"
    ]


def test_images_outside_class_folders_are_left_out_aloud(tmp_path):
    put(tmp_path / "mine", *files("cat", "dog"), "cover.png")
    task = read(tmp_path / "mine")
    assert shades(task) == TWICE
    assert "left out 1 image outside the class folders, such as cover.png" in task.notes


@pytest.mark.parametrize(
    "suffix", [".jfif", ".JPG", ".JpEg", ".jpe", ".Png", ".BMP", ".TIFF", ".webp", ".pbm", ".apng"]
)
def test_every_usual_ending_is_an_image_in_any_case(tmp_path, suffix):
    kinds = {".jfif": "JPEG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".pbm": "PPM", ".apng": "PNG"}
    for index in range(6):
        path = tmp_path / f"mine/{'cat' if index < 3 else 'dog'}/{index}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), index, np.uint8)).save(path, kinds.get(suffix.lower()))
    task = read(tmp_path / "mine")
    assert {name: len(each) for name, each in shades(task).items()} == {"cat": 3, "dog": 3}


def test_one_class_in_two_normal_forms_is_one_class(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "caf\u00e9") for form in ("NFC", "NFD"))
    put(tmp_path / "mine", *files(f"train/{composed}", "train/bar", f"test/{decomposed}", "test/bar"))
    task = read(tmp_path / "mine")
    assert task.classes == ("bar", composed)
    assert shades(task, ("test",)) == {"bar": [9, 10, 11], composed: [6, 7, 8]}


def test_a_class_whose_name_is_not_utf8_gets_a_name_that_any_file_can_hold(tmp_path):
    put(tmp_path / "mine", *files("bar", "cafe"))
    os.rename(tmp_path / "mine/cafe", os.fsencode(tmp_path / "mine") + b"/Caf\xe9")
    task = read(tmp_path / "mine")
    assert task.classes == ("Caf\u00e9", "bar")
    assert shades(task) == {"Caf\u00e9": [3, 4, 5], "bar": [0, 1, 2]}
    assert read(tmp_path / "mine").fingerprint == task.fingerprint


def test_a_path_that_is_no_text_is_refused(tmp_path):
    put(tmp_path / "mine", *files("bar", "foo"))
    os.rename(tmp_path / "mine", os.fsencode(tmp_path) + b"/m\xefne")
    with pytest.raises(InputError, match="a path that is no text, expected UTF-8; rename the folder"):
        load(f"folder:{tmp_path}/m\udcefne", cache=tmp_path / "cache")


def test_links_are_followed_but_not_in_circles(tmp_path):
    put(tmp_path / "away", *files("cat", "dog"))
    (tmp_path / "mine").mkdir()
    for name in ("cat", "dog"):
        (tmp_path / "mine" / name).symlink_to(tmp_path / "away" / name)
    (tmp_path / "away/cat/again").symlink_to(tmp_path / "mine")
    assert shades(read(tmp_path / "mine")) == TWICE


def test_a_class_of_one_image_is_refused_by_its_own_file(tmp_path):
    put(tmp_path / "mine", *files("cat", "dog"), "owl/only.png")
    refused(tmp_path / "mine", f"{tmp_path}/mine/owl/only.png: class 'owl' has 1 training examples", "at least 3")
    refused(tmp_path / "mine", "owl/only.png: class 'owl'", "at least 2", validation="none")


def test_a_class_in_other_letters_is_refused_with_the_name_that_is_meant(tmp_path):
    put(tmp_path / "mine", *files("train/Cat", "train/Dog", "test/cat", "test/Dog"))
    refused(tmp_path / "mine", "class 'cat' is not in", "did you mean 'Cat'?")


def test_spaces_around_a_name_make_no_other_class(tmp_path):
    put(tmp_path / "mine", *files("train/cat ", "train/dog", "test/cat", "test/dog"))
    assert shades(read(tmp_path / "mine"), ("test",)) == TESTED


@pytest.mark.parametrize(("name", "kind"), [("train.parquet", "parquet:{}/mine"), ("a.npz", "npz:{}/mine/a.npz")])
def test_a_folder_of_other_data_is_refused_with_how_to_name_them(tmp_path, name, kind):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_bytes(b"x")
    refused(tmp_path / "mine", f"did you mean {kind.format(tmp_path)}?")


def test_an_archive_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "mine.zip").write_bytes(b"PK")
    refused(tmp_path / "mine.zip", "found a file", "unpack it and name its folder")
