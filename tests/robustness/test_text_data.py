"""Sentences that people bring: files that cannot be used are refused in one line; small ones go through all verbs."""

from __future__ import annotations

import csv
import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import limbeck
from limbeck.cli import main
from limbeck.core.key import Key

SUBJECTS = {"animals": ("cat", "dog", "cow", "hen"), "tools": ("saw", "axe", "hammer", "drill")}
OTHERS = ("the", "old", "new", "and")
Row = tuple[object, ...]


def rows(count: int = 40) -> list[tuple[str, str]]:
    """Sentences of five words, most of the subject of their class, and the classes."""
    made = []
    for row in range(count):
        label = list(SUBJECTS)[row % 2]
        draw = Key(("sentences", row))
        kinds, picks = draw.fold("kind").uniform(5).tolist(), draw.fold("pick").integers(4, 5).tolist()
        words = [(SUBJECTS[label] if kind < 0.7 else OTHERS)[pick] for kind, pick in zip(kinds, picks, strict=True)]
        made.append((" ".join(words), label))
    return made


def write(path: Path, table: Sequence[Row], header: Sequence[str] = ("text", "label"), encoding: str = "utf-8") -> Path:
    """A CSV file."""
    path.parent.mkdir(exist_ok=True, parents=True)
    with open(path, "w", newline="", encoding=encoding) as opened:
        csv.writer(opened).writerows([tuple(header), *table])
    return path


def refused(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """The one line that the command line says of data that cannot be used."""
    assert main(["describe", f"text:{path}", *options]) == 2
    said = capsys.readouterr()
    assert not said.out and said.err.count("\n") == 1 and said.err.startswith("limbeck: ")
    return said.err


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "nothing there": (lambda place: place / "no.csv", "found nothing, expected a CSV, JSON Lines or parquet file"),
    "no rows": (lambda place: write(place / "a.csv", []), "found no rows, expected some"),
    "no letters": (
        lambda place: write(place / "a.csv", [("... !!", label) for _, label in rows()]),
        "found no word in any of 40 training texts",
    ),
    "empty texts": (lambda place: write(place / "a.csv", [("", label) for _, label in rows()]), "found no word in any"),
    "one label": (lambda place: write(place / "a.csv", [(text, "tools") for text, _ in rows()]), "the single class"),
    "no column of labels": (lambda place: write(place / "a.csv", rows(), ("text", "mood")), "found columns text, mood"),
    "no column of text": (
        lambda place: write(place / "a.csv", [(text, text, label) for text, label in rows()], ("a", "b", "label")),
        "name the text with --text-column NAME",
    ),
    "Latin-1": (
        lambda place: write(
            place / "a.csv", [(f"caf\u00e9 {text}", label) for text, label in rows()], encoding="latin-1"
        ),
        "is no UTF-8, expected UTF-8; save the file as UTF-8",
    ),
    "a row of other columns": (lambda place: write(place / "a.csv", [*rows(), ("a", "b", "c")]), "cannot be read"),
    "a row without a label": (
        lambda place: write(place / "a.csv", [*rows(), ("a cat", "")]),
        "row 40: no label, expected the name of a class",
    ),
    "too few": (lambda place: write(place / "a.csv", [("cat", "animals"), ("saw", "tools")]), "expected at least 3"),
    "a strange label in the test split": (
        lambda place: write(write(place / "d" / "train.csv", rows()).with_name("test.csv"), [("cat", "plants")]).parent,
        "label 'plants' is no class of the training examples",
    ),
    "no training split": (lambda place: write(place / "d" / "test.csv", rows()).parent, "expected train.csv"),
    "no parquet": (lambda place: write(place / "a.parquet", rows()), "cannot be read"),
    "an empty folder": (lambda place: place, "found no .csv or .parquet file"),
}


@pytest.mark.parametrize("name", BAD)
def test_texts_that_cannot_be_used_are_refused_in_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, said = BAD[name]
    assert said in refused(make(tmp_path), capsys)


def test_texts_lie_in_files_of_several_kinds_under_columns_that_are_found_or_named(tmp_path: Path) -> None:
    table = rows()
    numbers = [(text, int(label == "tools")) for text, label in table]
    semicolons = tmp_path / "semicolons.csv"
    semicolons.write_text("\ufeffmood;body\n" + "".join(f'{label};"{text}"\n' for text, label in table))
    tabs = tmp_path / "tabs.tsv"
    tabs.write_text("sentence\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in table))
    lines = tmp_path / "lines.jsonl"
    lines.write_text("".join(json.dumps({"sentence": text, "labels": label}) + "\n" for text, label in numbers))
    parquet = tmp_path / "one.parquet"
    pq.write_table(pa.table({"review": [text for text, _ in table], "label": [label for _, label in numbers]}), parquet)
    tasks = [
        limbeck.load(f"text:{write(tmp_path / 'plain.csv', table)}"),
        limbeck.load(f"text:{semicolons}", text_column="body", label_column="mood"),
        limbeck.load(f"text:{tabs}"),
    ]
    of_numbers = [limbeck.load(f"text:{path}") for path in (write(tmp_path / "numbers.csv", numbers), lines, parquet)]
    for group, classes in ((tasks, ("animals", "tools")), (of_numbers, ("0", "1"))):
        assert {task.fingerprint for task in group} == {group[0].fingerprint} and group[0].classes == classes
    assert tasks[1].reference["text_column"] == "body"


def test_what_texts_hold_steers_no_terminal_and_a_long_cell_is_cut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = [(f"\x1b[31m{text}\x00\u202e", f"\x1b[2J{label}") for text, label in rows()]
    path = write(tmp_path / "hostile.csv", [("cat " * 2_500_000, "\x1b[2Jtools"), *table])
    assert main(["describe", f"text:{path}"]) == 0
    said = capsys.readouterr()
    assert not any(steering in said.out + said.err for steering in "\x1b\x00\u202e")
    task = limbeck.load(f"text:{path}")
    assert task.shape[0] < 10
    assert "31m" in task.codec.words(task.native("train")[-1])


def said_of(line: str, capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    """What a command says, having ended with a code."""
    capsys.readouterr()
    assert main(shlex.split(line)) == code
    said = capsys.readouterr()
    return said.err if code else said.out


def test_a_small_corpus_goes_through_every_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, made, read = (
        write(tmp_path / "small.csv", rows()),
        tmp_path / "dm.safetensors",
        tmp_path / "words.safetensors",
    )
    with limbeck.Session(tmp_path / "runs", workers=1, device="cpu") as session:
        limbeck.distill(f"text:{data}", "dm", ipc=1, steps=2, checks=0, session=session).save(made)
        found = limbeck.compress(made, "words", repeats=2, network="bag", session=session)
        found.set.save(read)
        mine, real = limbeck.evaluate(read, networks=["bag"], repeats=2, baselines=["random:bytes"], session=session)
    vectors, words = limbeck.DistilledSet.load(made), limbeck.DistilledSet.load(read)
    # The number of a word takes a byte, and so does a class; the vectors are those of the words.
    assert words.budget.bytes == 2 * (vectors.batch.inputs.shape[1] + 1) == mine.bytes >= real.bytes
    assert (words.batch.inputs == words.codec.encode(vectors.native)).all()
    assert found.words[1].startswith("test accuracy of bag: ") and f"{mine.bytes} B in place of" in found.words[0]
    said_of(f"show {read} --out {tmp_path / 'items.txt'}", capsys)
    lines = [line.partition(": ") for line in (tmp_path / "items.txt").read_text().splitlines()]
    assert [label for label, _, _ in lines] == ["animals", "tools"]
    known = {*OTHERS, *SUBJECTS["animals"], *SUBJECTS["tools"], "[...]"}
    assert set(" ".join(sentence for _, _, sentence in lines).split()) <= known
    said_of(f"export {read} --format npz --out {tmp_path / 'set.npz'} --quiet", capsys)
    other = f"compress {made} --bits 4 --repeats 0 --out {tmp_path / 'other.safetensors'}"
    assert "expected images" in said_of(other, capsys, 2)


def test_sentences_that_others_distilled_are_kept_as_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, theirs, made = write(tmp_path / "small.csv", rows()), tmp_path / "theirs.json", tmp_path / "t.safetensors"
    theirs.write_text('{"sentence": "the old cat", "labels": 0}\n{"sentence": "a zebra saw", "labels": 1}\n')
    said_of(f"import {theirs} --data text:{path} --out {made} --quiet", capsys)
    imported = limbeck.DistilledSet.load(made)
    assert [imported.codec.words(item) for item in imported.native] == ["the old cat", "[...] [...] saw"]
    assert imported.batch.classes.tolist() == [0, 1] and imported.label_mode == "hard"
    assert imported.spec["imported"]["notes"] == ["1 of its 2 texts have words that the data have no vector for"]
    theirs.write_text('{"sentence": "the old cat", "labels": 2}\n')
    refusal = said_of(f"import {theirs} --data text:{path} --out {made} --quiet", capsys, 2)
    assert "label 2, expected an integer from 0 to 1" in refusal
