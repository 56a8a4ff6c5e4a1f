"""Images without class folders get their classes from the table beside them, or from their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from brought import TESTED, TWICE, files, put, read, refused, shades
from limbeck.core.errors import InputError
from limbeck.tasks import load

ALL = [f"{index}.png" for index in range(6)]
ROWS = [(name, "cat" if index < 3 else "dog") for index, name in enumerate(ALL)]


def table(path: Path, *rows: tuple[object, ...], mark: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(mark.join(map(str, row)) + "\n" for row in rows))


@pytest.mark.parametrize(
    ("folder", "name", "header", "rows", "mark"),
    [
        ("train", "train.csv", ("id", "label"), ROWS, ","),
        ("train", "train_labels.csv", ("Image", "Class"), ROWS, ";"),
        ("train", "trainLabels.csv", ("id", "breed"), [(Path(name).stem, label) for name, label in ROWS], ","),
        ("train", "labels.tsv", ("name", "label"), [(f"train/{name}", label) for name, label in ROWS], "\t"),
        ("train/images", "train.csv", ("id", "label"), ROWS, ","),
        ("images", "labels.csv", ("id", "label"), ROWS, ","),
        ("images", "train.csv", ("label", "id"), [(label, name) for name, label in ROWS], ","),
        (".", "labels.csv", ("n", "file", "label"), [(n, name, label) for n, (name, label) in enumerate(ROWS)], ","),
        ("images", "list.txt", None, [(f"images/{name}", label) for name, label in ROWS], " "),
        (
            "train",
            "train.csv",
            ("id", "cat", "dog"),
            [(n, int(pet == "cat"), int(pet == "dog")) for n, pet in ROWS],
            ",",
        ),
    ],
)
def test_a_table_beside_images_has_their_classes(tmp_path, folder, name, header, rows, mark):
    put(tmp_path / "mine" / folder, *ALL)
    table(tmp_path / "mine" / name, *([header] if header else []), *rows, mark=mark)
    task = read(tmp_path / "mine")
    assert task.classes == ("cat", "dog")
    assert shades(task) == TWICE
    assert f"the classes of train are those in {name}" in task.notes


def test_test_images_that_nothing_labels_are_left_out_aloud_and_made_up_labels_are_not_read(tmp_path):
    put(tmp_path / "mine/train", *ALL)
    put(tmp_path / "mine/test", "a.png", "b.png", shade=60)
    table(tmp_path / "mine/train.csv", ("id", "label"), *ROWS)
    table(tmp_path / "mine/test.csv", ("id",), ("a.png",), ("b.png",))
    table(tmp_path / "mine/sample_submission.csv", ("id", "label"), ("a.png", "cat"), ("b.png", "cat"))
    task = read(tmp_path / "mine")
    assert shades(task) == TWICE
    assert "left out the 2 images of test: no table or folder says their classes" in task.notes


def test_one_folder_of_images_with_a_table_for_each_split(tmp_path):
    put(tmp_path / "mine/images", *(f"{index}.png" for index in range(13)))
    table(tmp_path / "mine/train.csv", ("image", "label"), *ROWS)
    rows = [(f"{index}.png", "cat" if index < 9 else "dog") for index in range(6, 12)]
    table(tmp_path / "mine/test.csv", ("image", "label"), *rows)
    task = read(tmp_path / "mine")
    assert (shades(task, ("train", "validation")), shades(task, ("test",))) == (TWICE, TESTED)
    assert "left out 1 images that no table gives a label, such as 12.png" in task.notes


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        (
            "val/val_annotations.txt",
            [(f"v{index}.png", "cat" if index < 3 else "dog", 0, 0, 9, 9) for index in range(6)],
        ),
        ("val.txt", [(f"v{index}.png", int(index > 2)) for index in range(6)]),
        ("val_list.txt", [(f"val/images/v{index}.png", int(index > 2)) for index in range(6)]),
    ],
)
def test_a_validation_folder_with_a_list_is_read_by_it(tmp_path, name, rows):
    put(tmp_path / "mine", *files("train/cat/images", "train/dog/images"))
    put(tmp_path / "mine", *(f"val/images/v{index}.png" for index in range(6)), shade=6)
    put(tmp_path / "mine", "test/images/t0.png", shade=60)
    table(tmp_path / "mine" / name, *rows, mark="\t" if "annotations" in name else " ")
    task = read(tmp_path / "mine")
    assert (shades(task, ("validation",)), shades(task, ("train", "test"))) == (TESTED, TWICE)
    assert any(note.startswith("left out the 1 images of test") for note in task.notes)
    assert ("the numbers of validation are read as positions among the classes in order, from 0" in task.notes) is (
        "annotations" not in name
    )


def test_positions_that_begin_at_one_are_refused(tmp_path):
    put(tmp_path / "mine", *files("train/cat", "train/dog"), *(f"val/v{index}.png" for index in range(6)))
    table(tmp_path / "mine/val.txt", *((f"v{index}.png", 1 + int(index > 2)) for index in range(6)), mark=" ")
    refused(tmp_path / "mine", "numbers from 1 to 2", "positions from 0 to 1")


@pytest.mark.parametrize("name", ["{}.{}.png", "{}_{}.png", "{} ({}).png", "{}{}.png", "{}-00{}.png"])
def test_names_that_begin_with_their_class_are_read_by_it(tmp_path, name):
    put(tmp_path / "mine/train", *(name.format(each, index) for each in ("cat", "dog") for index in range(3)))
    put(tmp_path / "mine/test1", "1.png", "2.png", shade=60)
    task = read(tmp_path / "mine")
    assert shades(task) == TWICE
    assert any("the classes are how the names of the files begin" in note for note in task.notes)


@pytest.mark.parametrize(
    "names", [ALL, [f"IMG_{n}.png" for n in range(3)] + [f"DSC_{n}.png" for n in range(3)], ["cat_1.png", "dog_1.png"]]
)
def test_names_that_say_no_class_are_refused_with_what_was_seen(tmp_path, names):
    put(tmp_path / "mine/train", *names)
    put(tmp_path / "mine/test", "a.png")
    table(tmp_path / "mine/sizes.csv", ("lens", "size"), ("x", 1))
    said = refused(tmp_path / "mine", f"found {len(names)} images without class folders", "sizes.csv", "train.csv")
    assert "where test, train are classes, pass --layout class" in said
    put(tmp_path / "mine/test", *ALL, shade=60)
    if len(names) > 2:
        assert read(tmp_path / "mine", layout="class").classes == ("test", "train")


def test_the_advice_for_images_without_classes_works(tmp_path):
    put(tmp_path / "mine/train", *ALL)
    refused(tmp_path / "mine", "a table train.csv of file names and a column label")
    table(tmp_path / "mine/train.csv", ("file", "label"), *ROWS)
    assert shades(read(tmp_path / "mine")) == TWICE


def test_a_table_of_several_columns_is_asked_about_and_the_answer_works(tmp_path):
    put(tmp_path / "mine/train", *ALL)
    rows = [(name, label, index % 2, 10 * index) for index, (name, label) in enumerate(ROWS)]
    table(tmp_path / "mine/train.csv", ("id", "pet", "sex", "age"), *rows)
    refused(tmp_path / "mine", "found columns pet, sex, age", "--label-column NAME")
    assert shades(read(tmp_path / "mine", label_column="pet")) == TWICE
    assert read(tmp_path / "mine", label_column="sex").classes == ("0", "1")
    refused(tmp_path / "mine", "no column 'breed', found pet, sex, age", label_column="breed")


def test_a_label_column_is_refused_where_folders_say_the_classes(tmp_path):
    put(tmp_path / "mine", *files("cat", "dog"))
    refused(tmp_path / "mine", "label column 'pet': no table is read", label_column="pet")


def test_an_image_of_two_classes_is_refused_by_its_line(tmp_path):
    put(tmp_path / "mine/train", *ALL)
    table(tmp_path / "mine/train.csv", ("id", "label"), *ROWS, ("0.png", "dog"))
    refused(tmp_path / "mine", "train.csv line 8: '0.png' has the labels 'cat' and 'dog'")


def test_rows_of_images_that_are_not_there_are_told(tmp_path):
    put(tmp_path / "mine/train", *ALL)
    table(tmp_path / "mine/train.csv", ("id", "label"), *ROWS, ("lost.png", "dog"))
    assert "1 rows of train.csv name no image that is there, such as lost.png" in read(tmp_path / "mine").notes


def test_numbers_in_a_table_are_classes_in_the_order_of_the_numbers(tmp_path):
    put(tmp_path / "mine/train", *ALL)
    table(
        tmp_path / "mine/train.csv",
        ("id", "level"),
        *((name, 2 if index < 3 else 10) for index, name in enumerate(ALL)),
    )
    assert shades(read(tmp_path / "mine")) == {"2": [0, 1, 2], "10": [3, 4, 5]}


def test_a_changed_table_is_read_again(tmp_path):
    put(tmp_path / "mine/train", *ALL)
    table(tmp_path / "mine/train.csv", ("id", "label"), *ROWS)
    first = read(tmp_path / "mine").fingerprint
    table(tmp_path / "mine/train.csv", ("id", "label"), *((name, f"a {label}") for name, label in ROWS))
    task = read(tmp_path / "mine")
    assert task.classes == ("a cat", "a dog") and task.fingerprint != first


@pytest.mark.parametrize("together", [False, True])
def test_labelled_test_images_are_tested_on_whether_one_table_names_them_or_two(tmp_path, together):
    put(tmp_path / "mine", *(f"train/{name}" for name in ALL))
    put(tmp_path / "mine", *(f"test/t{name}" for name in ALL), shade=6)
    tested = [(f"t{name}", label) for name, label in ROWS]
    if together:
        table(tmp_path / "mine/labels.csv", ("file", "label"), *ROWS, *tested)
    else:
        table(tmp_path / "mine/train.csv", ("file", "label"), *ROWS)
        table(tmp_path / "mine/test.csv", ("file", "label"), *tested)
    task = read(tmp_path / "mine")
    assert (shades(task, ("train", "validation")), shades(task, ("test",))) == (TWICE, TESTED)
    assert not any("name no image that is there" in note for note in task.notes)


def test_a_table_as_spreadsheets_write_it_is_read(tmp_path):
    put(tmp_path / "mine/train", *ALL)
    rows = "".join(f'"train\\{name}"; {label} ;"say ""a; b""\r\nso"\r\n' for name, label in ROWS)
    (tmp_path / "mine/train.csv").write_bytes(("\ufeffFile;Label;Remark\r\n" + rows).encode())
    assert shades(read(tmp_path / "mine")) == TWICE


def test_images_without_a_label_are_left_out_aloud(tmp_path):
    put(tmp_path / "mine/train", *ALL, "9.png")
    table(tmp_path / "mine/train.csv", ("id", "label"), *ROWS, ("9.png", ""))
    task = read(tmp_path / "mine")
    assert shades(task) == TWICE
    assert "left out 1 images that no table gives a label, such as 9.png" in task.notes


@pytest.mark.parametrize(
    ("data", "options", "said"),
    [
        ("folder", {"validation": "test"}, "validation 'test': expected a share"),
        ("folder", {"validation": 1.5}, "validation 1.5: expected a share"),
        ("folder", {"validation": "val"}, "the source has no validation split, found train"),
        ("folder", {"background": "red"}, "background 'red': no image has transparent pixels"),
        ("folder", {"background": "reddish"}, "background 'reddish': no colour"),
        ("folder", {"max_pixels": 0}, "max_pixels 0: expected at least 1"),
        ("digits", {"layout": "class"}, "digits: takes no --layout"),
        ("npz", {"layout": "class"}, "takes no --layout (layout in Python), expected --background"),
        ("parquet", {"layout": "class"}, "takes no --layout (layout in Python), expected --label-column, --background"),
    ],
)
def test_options_that_say_nothing_of_the_data_are_refused(tmp_path, data, options, said):
    put(tmp_path / "mine", *files("cat", "dog"))
    name = data if data == "digits" else f"{data}:{tmp_path / 'mine'}"
    with pytest.raises(InputError) as caught:
        load(name, cache=tmp_path / "cache", **options)
    assert said in str(caught.value)
