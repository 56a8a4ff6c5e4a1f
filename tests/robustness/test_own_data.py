"""Commands about data of one's own: what they say first, what they keep of what was said, and advice that works."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from brought import files, put
from limbeck.cli import main
from limbeck.distilled_set import DistilledSet


@pytest.fixture
def pets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIMBECK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LIMBECK_RUNS", str(tmp_path / "runs"))
    return tmp_path / "pets"


def run(capsys: pytest.CaptureFixture[str], line: str) -> tuple[int, str, str]:
    """The exit code of a command line, and what it printed on standard output and standard error."""
    code = main(shlex.split(line))
    return code, *capsys.readouterr()


def test_describe_shows_classes_as_they_are_named_and_what_is_assumed(capsys, pets):
    put(pets, *files("[red] a", "[b]"))
    code, out, _ = run(capsys, "describe folder:pets")
    assert code == 0
    assert re.search(r"^\[red\] a +1 +1 +1", out, re.MULTILINE) and re.search(r"^\[b\] ", out, re.MULTILINE)
    assert re.search(r"^mirrored images +may be of another class \(assumed\)", out, re.MULTILINE)
    code, out, _ = run(capsys, "describe folder:pets --mirror yes --json")
    document = json.loads(out)
    assert (document["mirror"], document["classes"]) == (True, ["[b]", "[red] a"])
    assert not any("assumed" in note for note in document["notes"])


DISTIL = "distill folder:pets --recipe dm --ipc 1 --network mlp-w4 --steps 1 --checks 1 --out set.safetensors"


def test_a_set_says_what_was_assumed_and_carved_when_it_is_made_and_when_it_is_scored(capsys, pets):
    put(pets, *files("cat/train", "dog/train", "cat/val", "dog/val", count=4), shade=200)
    code, _, err = run(capsys, f"{DISTIL} --layout class-split")
    notes = [
        "note: the test split is a fifth of each class of the training examples, drawn by the data's digest: the "
        "source's validation split is kept to validate",
        "note: assumed: mirrored images may be of another class, so none is mirrored; --mirror yes (mirror=True in "
        "Python) where they keep their class",
    ]
    assert code == 0
    assert err.splitlines()[1:3] == notes
    score = "evaluate set.safetensors --baselines none --repeats 1 --executor print"
    code, _, err = run(capsys, score)
    assert code == 0
    assert err.splitlines()[:2] == notes
    assert "note:" not in run(capsys, f"{score} --quiet")[2]


def test_what_is_said_of_the_data_is_kept_in_the_set(capsys, pets):
    put(pets, *files("cat/train", "dog/train", "cat/val", "dog/val", count=4))
    said = "--layout class-split --mirror yes --validation 0.25 --max-pixels 1000"
    assert run(capsys, f"{DISTIL} {said}")[0] == 0
    data = DistilledSet.load(Path("set.safetensors")).spec["data"]
    assert {name: data[name] for name in ("mirror", "layout", "validation", "max_pixels")} == {
        "mirror": True,
        "layout": "class-split",
        "validation": 0.25,
        "max_pixels": 1000,
    }
    assert "label_column" not in data


def test_every_reading_that_a_refusal_offers_can_be_taken(capsys, pets):
    put(pets, *files("photo/cat", "photo/dog", "ink/cat", "ink/dog"))
    code, out, err = run(capsys, "describe folder:pets")
    assert (code, out, err.count("\n")) == (2, "", 1)
    layouts = re.findall(r"--layout ([a-z\-]+) where", err)
    assert layouts == ["domain-class", "class"]
    found = [json.loads(run(capsys, f"describe folder:pets --json --layout {each}")[1])["classes"] for each in layouts]
    assert found == [["cat", "dog"], ["ink", "photo"]]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("--layuot class", "unknown option '--layuot': did you mean '--layout'"),
        ("--label-column breed", "label column 'breed': no table is read"),
        ("--mirror maybe", "--mirror"),
        ("--validation all", "validation 'all': expected a share"),
        ("--max-pixels none", "--max_pixels"),
    ],
)
def test_options_that_cannot_be_taken_are_refused_in_one_line(capsys, pets, said, message):
    put(pets, *files("cat", "dog"))
    code, out, err = run(capsys, f"describe folder:pets {said}")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_a_class_of_fewer_images_than_the_set_has_items_is_told(capsys, pets):
    put(pets, *files("cat", "dog", count=4))
    code, _, err = run(capsys, DISTIL.replace("--ipc 1", "--ipc 3"))
    assert (
        code == 2
        and "class 'cat' has 2 training examples, 3 per class were asked for; distil at most 2 (--ipc 2)" in err
    )
    assert run(capsys, DISTIL.replace("--ipc 1", "--ipc 2"))[0] == 0
    code, _, err = run(capsys, DISTIL.replace("--ipc 1", "--ipc 3 --start noise"))
    assert code == 0 and "class 'cat' has 2 training examples, and is to have 3 items" in err
