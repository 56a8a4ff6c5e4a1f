"""Options from a file of YAML, and answers in forms that others read."""

from __future__ import annotations

import csv
import json
import textwrap
from pathlib import Path

import pytest
import yaml

import limbeck
from limbeck.cli import main
from limbeck.cli.config import without_files
from limbeck.opening import opening

FILE = """
data: digits
recipe: dm
ipc: 2
quiet: true
fresh: false
network:
objective: {part: distribution, per_class: 16, augment: null}
optimizer.learning_rate: 0.5
set: [dm.steps=3, "dm.start=noise"]
baselines: [random, full]
"""


def words(command: str, text: str, folder: Path, *typed: str) -> list[str]:
    path = folder / "it.yaml"
    path.write_text(text)
    return without_files(command, ["--config", str(path), *typed])


def test_options_of_a_file_come_before_those_that_are_typed(tmp_path: Path) -> None:
    assert words("study", FILE, tmp_path, "--ipc", "5") == [
        "digits", "--recipe", "dm", "--ipc", "2", "--quiet", "--objective", "distribution", "--objective.per_class",
        "16", "--objective.augment", "null", "--optimizer.learning_rate", "0.5", "--set", "dm.steps=3", "--set",
        "dm.start=noise", "--baselines", "random,full", "--ipc", "5",
    ]  # fmt: skip
    assert words("distill", FILE, tmp_path, "cifar10")[:2] == ["--recipe", "dm"], "what is typed first is the data"
    assert words("evaluate", "sets: [a, b]\n", tmp_path) == ["a", "b"]
    assert without_files("evaluate", ["a", "--json"]) == ["a", "--json"]


def test_a_file_does_what_its_options_do_and_a_saved_spec_is_such_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    options = {"data": "digits", "recipe": "dm", "network": "mlp-w4", "steps": 3, "runs": "r"}
    Path("a.yaml").write_text(
        yaml.safe_dump({**options, "quiet": True, "out": "a.safetensors", "optimizer": {"learning_rate": 0.5}})
    )
    assert main(["distill", "--config", "a.yaml"]) == 0
    typed = "distill digits --recipe dm --network mlp-w4 --steps 3 --optimizer.learning_rate 0.5 --runs r --quiet --out"
    assert main([*typed.split(), "b.safetensors"]) == 0
    made = limbeck.DistilledSet.load("a.safetensors")
    assert made == limbeck.DistilledSet.load("b.safetensors")
    (spec,) = Path("r").glob("distillations/*/*/spec.json")
    assert main(["distill", f"--config={spec}", "--out", "c.safetensors", "--runs", "other", "--quiet"]) == 0
    assert made == limbeck.DistilledSet.load("c.safetensors")
    capsys.readouterr()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a\n- b\n", "found list, expected a mapping of options"),
        ("a: [1,\n", "found no YAML in line 2, expected a mapping of options"),
        ("1: 2\n", "found dict, expected a mapping of options"),
        ("sets: [a]\nnetwork: [[1]]\n", "network is a list of lists or mappings, expected one of plain values"),
        ("recipee: dm\ndata: digits\n", "unknown option '--recipee': did you mean '--recipe'"),
        ("!!python/object/apply:os.system ['touch x']\n", "found no YAML in line 1"),
    ],
)
def test_other_files_are_refused_in_one_line(
    text: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("it.yaml").write_text(text)
    assert main(["distill", "--config", "it.yaml"]) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1 and not Path("x").exists()


def test_a_missing_file_and_no_file_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["distill", "--config", str(tmp_path / "none.yaml")]) == 2
    assert main(["distill", "--config"]) == 2
    assert main(["distill", "--config", str(tmp_path)]) == 2
    first, second, third = capsys.readouterr().err.splitlines()
    assert "cannot be read (No such file or directory)" in first and "found no file" in second
    assert "cannot be read (Is a directory)" in third


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What `limbeck evaluate` prints in each form; as "told" what it prints to whoever asks for nothing."""
    folder = tmp_path_factory.mktemp("answers")
    runs = ["--runs", str(folder / "runs"), "--quiet"]
    out = folder / "a_b.safetensors"
    assert main(["distill", "digits", "--recipe", "random", "--network", "mlp-w4", "--out", str(out), *runs]) == 0
    copied = folder / "copied.safetensors"
    copied.write_bytes(out.read_bytes())
    found = {}
    for form, asked in (
        *((form, [f"--{form}", *runs]) for form in ("json", "csv", "markdown", "latex")),
        ("quiet", runs),
        ("told", runs[:-1]),
        ("two", runs),
        ("two csv", ["--csv", *runs]),
    ):
        with pytest.MonkeyPatch.context() as patch:
            printed: list[str] = []
            patch.setattr("limbeck.cli.console.write", printed.append)
            sets = [str(out), *([str(copied)] if form.startswith("two") else [])]
            assert main(["evaluate", *sets, "--baselines", "random", "--repeats", "2", *asked]) == 0
            found[form] = "\n".join(printed)
    return found


def test_comma_separated_values_have_the_numbers_of_the_document(answers: dict[str, str]) -> None:
    rows = json.loads(answers["json"])["rows"]
    tables = [table for table in answers["csv"].split("\n\n") if "mean" in table]
    read = list(csv.DictReader(line for line in tables[0].splitlines() if not line.startswith("#")))
    assert [float(row["mean"]) for row in read] == [row["mean"] for row in rows]
    assert [float(row["low"]) for row in read] == [row["low"] for row in rows]


def test_markdown_and_latex_escape_what_would_be_markup(answers: dict[str, str]) -> None:
    assert r"| a\_b |" in answers["markdown"] and "| ---: |" in answers["markdown"]
    assert r"a\_b & this one set" in answers["latex"] and answers["latex"].count(r"\begin{tabular}") == 2
    body = [line for line in answers["latex"].splitlines() if line.endswith(r" \\")]
    assert body and all("%" not in line.replace(r"\%", "") for line in body)


def test_scores_begin_with_what_they_come_to_in_two_lines_where_a_person_reads_them(answers: dict[str, str]) -> None:
    rows = json.loads(answers["json"])["rows"]
    first = answers["told"].splitlines()[0]
    assert first == opening(rows, (), [rows[0]["set"]]).within(2) and first.startswith("No set is shown to be better")
    assert len(textwrap.wrap(first, 80)) <= 2 and not any(
        "No set is" in text for form, text in answers.items() if form != "told"
    )


def test_sets_are_held_against_one_another_where_there_are_several(answers: dict[str, str]) -> None:
    best = next(line for line in answers["two"].splitlines() if line.startswith("the best of 2 sets"))
    assert "a_b or copied" in best and "open: " in best and " from copied, n 2" in best
    assert "the best of" not in answers["told"] + answers["two csv"]


def test_two_forms_and_a_form_without_a_table_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["list", "recipes", "--csv", "--json"]) == 2
    assert "--json --csv: expected one of them" in capsys.readouterr().err
    assert main(["runs", "clean", "--runs", str(tmp_path), "--csv"]) == 2
    assert "--csv: there is no table to print" in capsys.readouterr().err
