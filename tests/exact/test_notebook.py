"""What a notebook shows, run in a real kernel; and results as data frames."""

from __future__ import annotations

import base64
import io
import math
import re
from pathlib import Path

import nbformat
import pandas
import pytest
import torch
from nbclient import NotebookClient
from PIL import Image

import limbeck
from limbeck.core.errors import InputError
from limbeck.core.findings import Fact, Finding, Findings, Table
from limbeck.core.progress import Silent
from limbeck.core.score import Score, Scores
from limbeck.terminal.bar import Bar

CELLS = (
    "import limbeck",
    "made = limbeck.distill('digits', 'random', ipc=1, network='mlp-w4')\nmade",
    "limbeck.evaluate(made, repeats=2, baselines=['random'])",
    "sum(len(labels) for _, labels in made.loader(4))",
)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[list[dict]]:
    """The outputs of each cell of a notebook."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    place = str(tmp_path_factory.mktemp("notebook"))
    return [cell.outputs for cell in NotebookClient(notebook, resources={"metadata": {"path": place}}).execute().cells]


def shown(cell: list[dict], kind: str) -> str:
    """What the last value of a cell is shown as."""
    return next(each["data"][kind] for each in cell if each["output_type"] == "execute_result")


def test_a_set_shows_its_pictures_and_what_it_is(outputs: list[list[dict]]) -> None:
    page = shown(outputs[1], "text/html")
    written = re.search(r"base64,([^\"]+)", page)
    assert written is not None and "10, 1 per class, hard labels" in page
    with Image.open(io.BytesIO(base64.b64decode(written[1]))) as picture:
        # Ten rows of digits of 8 pixels, eight times as large, with room between them.
        assert picture.height == 10 * 64 + 9 * 2
    assert shown(outputs[1], "text/plain").startswith("DistilledSet(digits, 10 items, hard labels,")


def test_scores_are_one_table_with_intervals_and_progress_is_told_below_the_cell(outputs: list[list[dict]]) -> None:
    page = shown(outputs[2], "text/html")
    assert page.count("<tr>") == 3 and "2 learners" in page and "yang2024" in page
    assert re.search(r"test accuracy \d+\.\d %</td><td[^>]*>\d+\.\d to \d+\.\d %", page)
    told = [each["data"]["text/plain"] for each in outputs[2] if each["output_type"] == "display_data"]
    assert [text for text in told if "%" in text] == ["training networks: 100 %"], "one line, in which news take turns"
    assert shown(outputs[3], "text/plain") == "10"


def finding(verdict: str = "It is <so>.") -> Finding:
    return Finding(
        "likeness", "a.safetensors", "Is it?", verdict, "use", control=(Fact("share", 0.25, 0.125, 0.5, 3),),
        facts=(Fact("share", 0.5, 0.25, 0.75, 5), Fact.once("count", 3.0)),
        tables=(Table("readings", ("step", "name"), ((0, "a"), (1, None))),),
    )  # fmt: skip


def score(value: float) -> Score:
    return Score(
        "a", "mlp", "test", "accuracy", value, value - 0.1, value + 0.1, 5, "yang2024", 100, "fraction", True, 1, "",
        "", 1, "", True, (value,) * 5, "hard",
    )  # fmt: skip


def test_text_of_others_is_no_markup_in_a_notebook() -> None:
    page = Findings([finding("</td><script>\x1b[2J\u202e")])._repr_html_()
    assert "<script>" not in page and "\x1b" not in page and "\u202e" not in page
    assert "&lt;script&gt;" in page


def test_scores_and_findings_become_data_frames_without_loss() -> None:
    frame = limbeck.frame(Scores([score(0.5), score(0.25)]))
    assert frame["mean"].tolist() == [0.5, 0.25] and frame["high"].tolist() == [0.6, 0.35]
    assert set(frame.columns) == set(score(0.5).row())
    numbers = limbeck.frame([finding()])
    assert numbers[["name", "value", "low", "high", "n"]].values.tolist() == [
        ["share", 0.5, 0.25, 0.75, 5],
        ["count", 3.0, 3.0, 3.0, 1],
    ]
    assert numbers["random_value"][0] == 0.25 and math.isnan(numbers["random_value"][1])
    table = limbeck.frame(finding().table("readings"))
    assert isinstance(table, pandas.DataFrame) and table["step"].tolist() == [0, 1]


@pytest.mark.parametrize("rows", [[1], [score(0.5), finding()], 3, "text"])
def test_other_things_are_no_frames(rows: object) -> None:
    with pytest.raises(InputError, match=r"rows: found .*, expected scores"):
        limbeck.frame(rows)  # type: ignore[arg-type]


def test_without_pandas_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(InputError, match="limbeck\\[frames\\]"):
        limbeck.frame([score(0.5)])


def test_a_result_is_two_lines_in_a_terminal() -> None:
    assert repr(score(0.5)).splitlines() == [
        "Score(a: test accuracy 50.0 % (40.0 to 60.0 %), 5 learners of mlp;",
        "      protocol yang2024, 1 per class, 100 B, hard labels)",
    ]
    assert repr(finding()).splitlines() == ["Finding(likeness of a.safetensors, use:", "        It is <so>.)"]


def test_batches_hold_each_item_once_with_its_class(tmp_path: Path) -> None:
    with limbeck.Session(tmp_path) as session:
        made = limbeck.distill("digits", "random", ipc=2, network="mlp-w4", session=session)
    inputs, classes = next(iter(made.loader(shuffle=False)))
    assert torch.equal(inputs, made.batch.inputs) and torch.equal(classes, made.batch.classes)
    assert sorted(torch.cat([labels for _, labels in made.loader(3)]).tolist()) == sorted(classes.tolist())


def test_a_bar_is_there_for_one_call_and_again_for_the_next(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with limbeck.Session(tmp_path, progress=True) as session:
        assert isinstance(session.progress, Bar)
        made = limbeck.distill("digits", "random", ipc=1, network="mlp-w4", session=session)
        capsys.readouterr()
        for seeds in (1, 2):
            limbeck.evaluate(made, repeats=seeds, baselines=[], session=session)
            assert "%" in capsys.readouterr().err
        session.progress.phase("nobody looks")
        assert capsys.readouterr().err == ""
    with limbeck.Session(tmp_path) as quiet:
        assert isinstance(quiet.progress, Silent), "a script is told nothing unless it asks"
