"""Tables of attributes and annotators that cannot be used are one line each, told before the long work."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import torch
from PIL import Image
from pyarrow import parquet

import limbeck
from limbeck.cli import main
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.core.contracts import Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.explanation import attributes_of
from limbeck.probes.attributes import Annotated, Called, Tabular
from limbeck.probes.semantics import Semantics
from limbeck.protocols import Epochs
from limbeck.runs.store import Store
from limbeck.tasks import load

CPU = torch.device("cpu")


@pytest.fixture
def context(tmp_path: Path) -> ProbeContext:
    task = load("digits")
    problem = Problem(task, task.network("convnet-w4-d1"), CPU, Store(tmp_path / "runs"))
    batch = problem.real(Key(("attributes",)), 1)
    return ProbeContext(problem, "set", BatchSet("set", batch, Epochs().schedule(None, 10, Key())), "test", 60)


def table(folder: Path, **columns: Any) -> Path:
    path = folder / "attributes.parquet"
    parquet.write_table(pyarrow.table(columns), path)
    return path


COUNT = sum(len(rows) for rows in load("digits").groups("test"))
ALL = list(range(COUNT))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"row": ALL, "round": [True] * COUNT}, "columns row, round; expected a parquet file with a column index"),
        ({"index": ALL}, "columns index; expected"),
        ({"index": [COUNT], "round": [True]}, f"index {COUNT}; expected rows of the test split, 0 to {COUNT - 1}"),
        ({"index": [-1], "round": [True]}, "index -1"),
        ({"index": ["a"], "round": [True]}, "index 'a'"),
        ({"index": [1, 1], "round": [True, False]}, "index 1 comes twice"),
        ({"index": ALL, "weight": [0.5] * COUNT}, "column weight holds float; expected booleans"),
        ({"index": ALL, "weight": ALL}, "different numbers; expected at most 32"),
        ({"index": ALL, "round": [None] * COUNT}, "none of the 60 evaluation examples is in it"),
    ],
)
def test_a_table_that_is_none_is_refused(
    columns: dict[str, Any], message: str, context: ProbeContext, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as found:
        Semantics(Tabular(str(table(tmp_path, **columns)))).computations(context)
    assert message in str(found.value) and "\n" not in str(found.value)


@pytest.mark.parametrize("content", [None, b"", b"not a table", b"PAR1\x00\x00\x00\x00PAR1"])
def test_what_is_no_parquet_file_is_refused(content: bytes | None, context: ProbeContext, tmp_path: Path) -> None:
    path = tmp_path / "attributes.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="expected a parquet file with a column index"):
        Tabular(str(path)).check(context)


def test_a_table_says_of_each_example_what_its_row_says(context: ProbeContext, tmp_path: Path) -> None:
    wide = [True if row % 3 == 0 else None if row % 3 == 1 else False for row in ALL]
    shape = ["loop" if row % 2 else "line" for row in ALL]
    path = table(tmp_path, index=ALL[::-1], wide=wide[::-1], shape=shape[::-1])
    found = Tabular(str(path)).of(context)
    assert found.names == ("wide", "shape: line", "shape: loop")
    for place, row in enumerate(context.rows.tolist()):
        assert bool(found.known[place, 0]) == (row % 3 != 1)
        assert bool(found.carried[place, 0]) == (row % 3 == 0)
        assert found.carried[place, 1:].tolist() == [row % 2 == 0, row % 2 == 1]


def script(folder: Path, text: str) -> tuple[str, ...]:
    path = folder / "annotator.py"
    path.write_text(text)
    return sys.executable, str(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import sys; sys.exit('no model here')", "exit code 1 (no model here)"),
        ("", "exit code 0 (it said nothing)"),
        ("raise SystemExit(3)", "exit code 3 (it said nothing)"),
    ],
)
def test_a_command_that_fails_is_refused(text: str, message: str, context: ProbeContext, tmp_path: Path) -> None:
    with pytest.raises(InputError) as found:
        Semantics(Annotated(script(tmp_path, text))).computations(context)
    assert message in str(found.value) and "try" in str(found.value)


def test_a_command_that_is_not_there_is_refused(context: ProbeContext) -> None:
    with pytest.raises(InputError, match="annotator no-such-command: No such file"):
        Annotated(("no-such-command",)).check(context)


def test_a_command_is_asked_once_of_each_image_and_prompt(context: ProbeContext, tmp_path: Path) -> None:
    log, path = tmp_path / "asked", tmp_path / "annotator.sh"
    path.write_text(
        f'echo "$2" >> {log}\nif [ $(($(wc -c < "$1") % 2)) = 0 ]; then echo "an even file; \\$HOME";'
        ' else echo "an odd file"; fi\n'
    )
    attributes = Annotated(("/bin/sh", str(path)), per_class=2)
    attributes.check(context)
    found = attributes.of(context)
    assert sorted(log.read_text().splitlines()) == ["describe the background"] * 20 + ["describe the object"] * 20
    assert attributes.of(context).names == found.names
    assert len(log.read_text().splitlines()) == 40
    sizes = []
    task = context.problem.task
    for image in task.native(context.split, context.rows):
        Image.fromarray(task.codec.picture(image).numpy()).save(tmp_path / "image.png")
        sizes.append((tmp_path / "image.png").stat().st_size)
    even = found.names.index("object: even")
    rows = found.known[:, even].nonzero()[:, 0].tolist()
    assert rows and [bool(found.carried[row, even]) for row in rows] == [sizes[row] % 2 == 0 for row in rows]


def test_a_function_may_annotate(context: ProbeContext) -> None:
    def say(path: Path, prompt: str) -> str:
        return f"{'odd' if path.stat().st_size % 2 else 'even'} file for {prompt.rsplit(maxsplit=1)[-1]}"

    found = attributes_of("", say)
    assert isinstance(found, Called) and found.name.endswith("say")
    assert {"object: even", "object: odd"} & set(found.of(context).names)
    with pytest.raises(InputError, match="answered int; expected text"):
        Called("wrong", lambda path, prompt: 3).check(context)  # type: ignore[arg-type, return-value]


def test_a_table_and_an_annotator_are_one_too_many() -> None:
    with pytest.raises(InputError, match="expected one of them"):
        attributes_of("a.parquet", "say")
    with pytest.raises(InputError, match="expected a command as in a shell"):
        attributes_of("", "say 'it")
    assert attributes_of("", "") is None
    assert attributes_of("", "say 'it all'") == Annotated(("say", "it all"))


def test_the_command_refuses_before_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIMBECK_RUNS", str(tmp_path / "runs"))
    path = tmp_path / "set.safetensors"
    limbeck.distill(limbeck.load("digits"), "random", ipc=1, network="convnet-w4-d1", checks=1).save(path)
    for option in ("--attributes", "--annotator"):
        assert main(["explain", str(path), "--effort", "quick", option, "nowhere"]) == 2
        complaint = capsys.readouterr().err.strip().splitlines()[-1]
        assert "nowhere" in complaint and "expected" in complaint
    assert not list((tmp_path / "runs").glob("remembered/**/*.safetensors"))
