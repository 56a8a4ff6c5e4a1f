"""Tables: what their columns are found to be, there and back through the codec, and what is refused in one line."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import norm

import tabular
from limbeck.codecs import CODECS, Columns
from limbeck.codecs.columns import CATEGORY, DATE, MISSING, NUMBER, WHOLE, YES_NO, Column
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.tasks import load, reload
from limbeck.tasks.readers.cells import OTHERS, quantiles, standard
from limbeck.tasks.tables import TableTask

KEY = Key(("tables",))
MIXED = Columns(
    (
        Column("age", WHOLE, (), (30.0, 50.0), (-1.0, 1.0), 18.0, 90.0, 37.0, True),
        Column("colour", CATEGORY, ("blue", "red", MISSING)),
        Column("size", NUMBER, (), (0.0, 1.0, 10.0), (-2.0, 0.0, 1.0), 0.0, 10.0, 1.0),
        Column("day", DATE, (), (100.0, 300.0), (-1.0, 1.0), 0.0, 400.0, 200.0),
        Column("member", YES_NO, ("no", "yes")),
    )
)
# age, whether it is missing, colour, size, day, member
NATIVE = torch.tensor(
    [[38.0, 0, 1, 0.25, 200, 1], [37.0, 1, 2, 5.5, 0, 0], [90.0, 0, 0, 10.0, 400, 1]], dtype=torch.float64
)


def task_of(path: Path, **options: Any) -> TableTask:
    task = load(tabular.write(path, tabular.drawn()), **options)
    assert isinstance(task, TableTask)
    return task


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> TableTask:
    return task_of(tmp_path_factory.mktemp("tables") / "people.csv")


def test_a_row_is_seen_as_its_columns_say() -> None:
    # Age 38 is 0.2 deviations below 40; 0.25 is a quarter from -2 to 0, 5.5 half of the way from 0 to 1.
    seen = [
        [-0.2, 0, 0, 1, 0, -1.5, 0.0, 0, 1],
        [-0.3, 1, 0, 0, 1, 0.5, -2.0, 1, 0],
        [5.0, 0, 1, 0, 0, 1.0, 2.0, 0, 1],
    ]
    torch.testing.assert_close(MIXED.encode(NATIVE), torch.tensor(seen, dtype=torch.float64))
    torch.testing.assert_close(MIXED.decode(MIXED.encode(NATIVE)), NATIVE)
    assert [(block.start, block.stop) for block in MIXED.choices] == [(2, 5), (7, 9)]


def test_numbers_beyond_the_data_lie_on_the_last_lines_and_are_clipped_into_them() -> None:
    beyond = NATIVE.clone()
    beyond[0, 3], beyond[1, 3], beyond[0, 2] = -3.0, 28.0, 7.0
    seen = MIXED.encode(beyond)
    assert seen[0, 5] == -2 - 3 * 2 and seen[1, 5] == pytest.approx(1 + 18 / 9)
    clipped = MIXED.clip(beyond)
    assert clipped[0, 3] == 0 and clipped[1, 3] == 10 and clipped[0, 2] == 2
    assert torch.equal(MIXED.clip(NATIVE), NATIVE)


def test_what_no_row_could_be_is_decoded_as_the_row_that_it_says_most() -> None:
    seen = MIXED.encode(NATIVE)
    seen[0, 2:5], seen[0, 0], seen[1, 1] = torch.tensor([0.5, 0.4, 0.45]), 0.07, 0.6
    back = MIXED.decode(seen)
    assert back[0, 2] == 0 and back[0, 0] == 41  # 40.7 years
    assert back[1, 0] == 37 and back[1, 1] == 1


def test_encoding_is_differentiable_in_the_numbers() -> None:
    native = NATIVE.clone().requires_grad_()
    (slope,) = torch.autograd.grad(MIXED.encode(native)[:, [0, 5]].sum(), native)
    # The slopes of the lines that the numbers lie on; of a number that is a knot, of the line after it.
    assert slope[:, 0].tolist() == pytest.approx([0.1] * 3)
    assert slope[:2, 3].tolist() == pytest.approx([2.0, 1 / 9])


def test_a_row_is_told_in_its_own_units() -> None:
    assert MIXED.words(NATIVE[0]) == "age 38, colour red, size 0.25, day 1970-07-20, member yes"
    assert MIXED.words(NATIVE[1]) == "age missing, colour (missing), size 5.5, day 1970-01-01, member no"


def test_a_codec_is_read_back_as_it_was_written_and_a_damaged_one_refused() -> None:
    kept = MIXED.to_tensors()
    assert CODECS["columns"].from_tensors(kept) == MIXED
    document = json.loads(bytes(kept["columns"].tolist()))

    def written(**changed: Any) -> dict[str, torch.Tensor]:
        text = json.dumps([{**document[0], **changed}])
        return {"columns": torch.tensor(list(text.encode()), dtype=torch.uint8)}

    wrong = ({}, written(kind="picture"), written(native=[3.0, 1.0]), written(high=math.inf), written(name=3))
    for tensors in (*wrong, {"columns": kept["columns"][:-3]}, {"columns": torch.rand(3)}):
        with pytest.raises(InputError, match="a codec of columns that is none"):
            Columns.from_tensors(tensors)


def test_numbers_are_seen_in_deviations_or_by_quantiles() -> None:
    values = KEY.normal(500).exp().double().numpy()
    knots, seen = standard(values)
    assert np.interp(values.mean(), knots, seen) == pytest.approx(0, abs=1e-9)
    assert knots[1] - values.mean() == pytest.approx(values.std())
    knots, seen = quantiles(values)
    ranks = (np.argsort(np.argsort(values)) + 0.5) / len(values)
    # All but the outermost of 500 numbers, between 65 knots of a bent line.
    inner = (ranks > 0.02) & (ranks < 0.98)
    assert np.abs(np.interp(values, knots, seen) - norm.ppf(ranks))[inner].max() < 0.05
    # Most are equal: they are seen as the middle of themselves.
    knots, seen = quantiles(np.array([0.0] * 90 + [1.0] * 10))
    assert knots == (0.0, 1.0) and seen == pytest.approx(norm.ppf([0.45, 0.95]).tolist())


def test_columns_are_what_they_look_like_and_what_says_nothing_is_left_out(task: TableTask) -> None:
    kinds = {each.name: each.kind for each in task.columns.columns}
    assert kinds == {
        "age": WHOLE, "size": NUMBER, "joined": DATE, "colour": CATEGORY, "member": YES_NO,
    }  # fmt: skip
    assert task.columns.field_names == ("age", "age missing", "size", "joined", "colour", "member")
    assert task.columns.columns[3].values == ("blue", "green", "red", MISSING)
    told = " ".join(task.notes)
    for name, why in (("id", "it counts the rows"), ("note", "different in most rows"), ("constant", "one value")):
        assert f"column {name}: left out, as" in told and why in told
    assert "column age: some numbers are missing" in told and "column colour: empty cells are a category" in told
    described = task.describe()
    assert [each["name"] for each in described["codec"]["columns"]] == list(kinds)
    assert [each["name"] for each in described["metrics"]] == ["accuracy", "balanced accuracy"]


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    columns = tabular.drawn(60)
    task = load(tabular.write(tmp_path / "few.csv", columns), validation="none")
    assert isinstance(task, TableTask)
    told = {
        f"age {age or 'missing'}, size {size:.4g}, joined {joined}, colour {colour or MISSING}, member {member}"
        for age, size, joined, colour, member in zip(
            *(columns[name] for name in ("age", "size", "joined", "colour", "member")), strict=True
        )
    }
    found = set()
    for split in ("train", "test"):
        native = task.native(split)
        torch.testing.assert_close(task.codec.decode(task.load(split).inputs), native, rtol=1e-5, atol=1e-5)
        found |= {task.codec.words(row) for row in native}
    assert found == told


def test_a_table_is_loaded_again_by_its_name_and_by_another_scale_it_is_another(task: TableTask) -> None:
    assert reload(task.reference, None).fingerprint == task.fingerprint
    path = task.name.removeprefix("table:")
    other = load(f"table:{path}", numbers="quantiles", label_column="label")
    assert other.fingerprint != task.fingerprint and reload(other.reference, None).fingerprint == other.fingerprint
    # Each number is seen as one of a normal: at most every eightieth lies 2.5 from 0.
    size = other.load("train").inputs[:, 2]
    assert float(size.abs().max()) < 3.5 and float(size.std()) == pytest.approx(1, abs=0.05)


def test_a_parquet_folder_keeps_its_splits_the_names_of_its_classes_and_categories_unseen(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    info = {"info": {"features": {"label": {"_type": "ClassLabel", "names": ["no", "maybe"]}}}}
    metadata = {"huggingface": json.dumps(info)}
    for split, kinds in (("train", ["a", "b", "b", "a"] * 3), ("test", ["a", "c"])):
        labels = [0, 1] * (len(kinds) // 2)
        table = pyarrow.table({"kind": kinds, "ok": [k == "a" for k in kinds], "label": labels})
        parquet.write_table(table.replace_schema_metadata(metadata), tmp_path / f"{split}.parquet")
    task = load(f"table:{tmp_path}", validation="none")
    assert isinstance(task, TableTask)
    assert task.classes == ("no", "maybe") and len(task.load("train").classes) == 12
    assert task.columns.columns[0].values == ("a", "b", "c") and task.columns.columns[1].kind == YES_NO
    assert "column kind: some categories are in no training row" in task.notes
    assert task.load("test").inputs.tolist() == [[1, 0, 0, 0, 1], [0, 0, 1, 1, 0]]


def test_of_very_many_categories_the_rarest_are_put_together(tmp_path: Path) -> None:
    kinds = [f"k{number % 300}" for number in range(900)] + ["k0"] * 3
    table = {"kind": kinds, "label": ["a", "b", "b"] * 301}
    task = load(tabular.write(tmp_path / "many.csv", table), validation="none")
    assert isinstance(task, TableTask)
    values = task.columns.columns[0].values
    assert len(values) == 200 and values[-1] == OTHERS and "k0" in values


def test_balanced_accuracy_is_the_mean_of_recalls(task: TableTask) -> None:
    test = task.load("test")
    outputs = torch.tensor([[1.0, 0.0]]).expand(len(test.classes), 2)
    share = float((test.classes == 0).double().mean())
    assert task.measure(outputs, test) == {"accuracy": pytest.approx(share), "balanced accuracy": 0.5}


def test_a_stored_row_is_counted_as_it_came(task: TableTask) -> None:
    # Three numbers of 4 bytes, whether one is missing, two categories and the class: an integer each.
    assert task.bytes_per_example == 3 * 4 + 1 + 2 + 1
    assert task.numbers_per_example == 7


GOOD = "a,b,label\n" + "".join(f"{row % 7}.5,{'xy'[row % 2]},{'pq'[row % 3 == 0]}\n" for row in range(30))
BAD = {
    "a constant alone": ("a,label\n" + "1,p\n1,q\n" * 9, "no column to learn from.*one value alone"),
    "no label column": (GOOD.replace("label", "result"), "expected one called label; name the column of classes"),
    "real labels": ("a,label\n" + "".join(f"{r % 5},{r}.25\n" for r in range(2000)), "real numbers .2,000 different"),
    "too many classes": ("a,label\n" + "".join(f"{r % 5},{r}\n" for r in range(3000)), "3,000 different values"),
    "ragged": (GOOD + "1,2\n", "cannot be read.*Expected 3 columns, got 2"),
    "no rows": ("a,b,label\n", "a table without rows"),
    "empty": ("", "cannot be read"),
    "a lonely class": (GOOD + "1.5,x,r\n", "class 'r' has 1 training examples, expected at least 3"),
    "infinite": (GOOD + "inf,x,p\n", "column 'a' row 30: found inf, expected a finite number"),
    "mixed": ("a,label\n" + "".join(f"{r},{'pq'[r % 2]}\n" for r in range(99)) + "x,p\n", "found 'x' among numbers"),
    "twice": (GOOD.replace("a,b", "a,a"), "'a' as the name of several columns"),
    "an empty label": (GOOD + "1.5,x,\n", "row 30 has no label"),
    "one class": ("a,label\n1,p\n2,p\n3,p\n", "one class in training"),
    "no header": ("1.5,x,3\n2.5,y,4\n3.5,x,3\n", "the first line holds numbers"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_table_that_cannot_be_used_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    text, why = BAD[name]
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=why) as refused:
        load(f"table:{path}")
    assert str(path) in str(refused.value) and "\n" not in str(refused.value)


def test_other_places_are_refused_with_what_was_expected_there(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(GOOD)
    (tmp_path / "not.parquet").write_text("nothing")
    (tmp_path / "good.csv").write_text(GOOD)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, why in {
        "a.txt": "the ending '.txt', expected",
        "not.parquet": "cannot be read",
        "none.csv": "found nothing",
        "folder": "found no table, expected train and test files",
    }.items():
        with pytest.raises(InputError, match=why):
            load(f"table:{tmp_path / name}")
    (folder / "train.csv").write_text(GOOD)
    (folder / "test.csv").write_text(GOOD.replace("b,", "c,", 1))
    with pytest.raises(InputError, match="no column 'b', which .*train.csv has"):
        load(f"table:{folder}")
    (folder / "test.csv").write_text(GOOD.replace(",p\n", ",z\n"))
    with pytest.raises(InputError, match="label 'z' is no class of the training examples"):
        load(f"table:{folder}")
    with pytest.raises(InputError, match="no column 'wage' of labels, found columns a, b, label"):
        load(f"table:{tmp_path / 'good.csv'}", label_column="wage")
    with pytest.raises(InputError, match="unknown scale of numbers 'ranks'"):
        load(f"table:{tmp_path / 'good.csv'}", numbers="ranks")


def test_named_tables_say_where_was_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIMBECK_DATA", raising=False)
    with pytest.raises(InputError, match="adult is read from a folder and none was given"):
        load("adult")
    with pytest.raises(InputError, match="letter_recognition: not found; looked in .*for train.parquet and test"):
        load("letter_recognition", root=tmp_path)


def test_magic_is_as_its_source_says(data_root: Path) -> None:
    task = load("magic_telescope", root=data_root)
    assert isinstance(task, TableTask)
    counts = [len(rows) for split in ("train", "validation", "test") for rows in task.groups(split)]
    assert sum(counts[::2]) == 12_332 and sum(counts[1::2]) == 6_688
    assert {each.kind for each in task.columns.columns} == {NUMBER} and task.classes == ("gamma", "hadron")
