"""Sweeps: every combination is made once, side by side, as it would be alone, and a second call finds all."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

import limbeck
from limbeck.cli import main
from limbeck.cli.sweep import table_of
from limbeck.core.errors import InputError
from limbeck.options import compose
from limbeck.recipes import recipe_for
from limbeck.runs.distilling import distil_together
from limbeck.runs.executors import AbstractExecutor, Job, Local
from limbeck.runs.plan import Plan, run_plan
from limbeck.sweeps import Cell

WORDS = (
    "sweep digits --recipes dm,random --ipc 1,2 --networks mlp-w4 --vary dm.optimizer.learning_rate=0.1,1 --steps 4 "
    "--seeds 2 --repeats 1 --baselines random --workers 2"
)


class Made(NamedTuple):
    """What a sweep printed and wrote."""

    printed: str
    folder: Path
    runs: Path


def call(folder: Path, *more: str) -> tuple[int, str]:
    """The exit code of the sweep, and what it prints."""
    with pytest.MonkeyPatch.context() as patch:
        printed: list[str] = []
        patch.setattr("limbeck.cli.console.write", printed.append)
        words = [*WORDS.split(), "--out", str(folder / "out"), "--runs", str(folder / "runs"), *more]
        return main(words), "\n".join(printed)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("sweep")
    code, printed = call(folder)
    assert code == 0
    return Made(printed, folder / "out", folder / "runs")


def test_every_combination_has_a_set_a_row_and_scores(made: Made) -> None:
    names = {path.stem for path in made.folder.glob("*.safetensors")}
    rated = {f"dm-ipc{ipc}-optimizer.learning_rate={rate}" for ipc in (1, 2) for rate in ("0.1", "1")}
    assert names == {*rated, "random-ipc1", "random-ipc2"}
    cells = json.loads((made.folder / "sweep.json").read_text())["cells"]
    for cell in cells:
        own, beside = cell["rows"]
        assert own["seeds"] == 2 and len(own["values"]) == 2 and own["per_class"] == cell["ipc"]
        assert beside["set"] == "random" and beside["per_class"] == cell["ipc"]
        assert len(cell["validation"]) == (2 if cell["recipe"] == "dm" else 0)
        assert limbeck.DistilledSet.load(cell["set"]).scores[-1]["mean"] == own["mean"]
    lines = made.printed.splitlines()
    assert len(lines) == 2 + len(cells) + 2 and lines[1].split()[:2] == ["recipe", "per"]
    assert "go by the validation scores" in lines[-2] and Path(lines[-1]).read_bytes().startswith(b"<!doctype html>")


def test_what_is_made_beside_others_is_what_is_made_alone(made: Made, tmp_path: Path) -> None:
    recipe = replace(recipe_for("dm", "digits", 2), steps=4)
    plan = Plan(limbeck.load("digits"), compose(recipe, {"optimizer.learning_rate": "0.1"}), "mlp-w4", 2, 1, checks=1)
    with limbeck.Session(tmp_path) as session:
        alone = run_plan(plan, session)[0]
    with limbeck.Session(made.runs) as session:
        beside, run = run_plan(plan, session)
    assert alone == beside and json.loads((run.folder / "record.json").read_text())["threads"] == 1


def test_a_second_call_distils_and_trains_nothing(made: Made) -> None:
    before = {path: path.read_bytes() for path in made.folder.iterdir()}
    kept = sorted(made.runs.rglob("*.safetensors"))
    times = [path.stat().st_mtime_ns for path in kept]
    code, printed = call(made.folder.parent, "--csv")
    assert code == 0 and [path.stat().st_mtime_ns for path in sorted(made.runs.rglob("*.safetensors"))] == times
    assert {path: path.read_bytes() for path in made.folder.iterdir() if path.suffix != ".html"} == {
        path: content for path, content in before.items() if path.suffix != ".html"
    }
    rows = list(csv.DictReader(line for line in printed.splitlines() if not line.startswith("#")))
    cells = json.loads(before[made.folder / "sweep.json"])["cells"]
    assert [float(row["mean"]) for row in rows] == [cell["rows"][0]["mean"] for cell in cells]


def test_random_examples_of_as_many_bytes_stand_beside_where_they_were_scored(made: Made) -> None:
    first = json.loads((made.folder / "sweep.json").read_text())["cells"][0]
    rows = (*first["rows"], {**first["rows"][1], "set": "random:bytes", "mean": 0.25})
    cell = Cell(first["recipe"], first["ipc"], first["network"], {}, Path(first["set"]), rows=tuple(rows))
    alone, both = table_of([replace(cell, rows=rows[:2])]), table_of([cell])
    assert "random" in alone.columns and "random:bytes" not in alone.columns
    assert both.numbers is not None and both.numbers.rows[0][-2:] == (rows[1]["mean"], 0.25)
    assert str(both.rows[0][both.columns.index("random:bytes")]).startswith("25.0")


class Counting(AbstractExecutor):
    """It counts the jobs that workers are given."""

    def __init__(self) -> None:
        self.local, self.jobs = Local(2), list[Job]()

    def run(self, jobs: list[Job], told: object, seconds: object = ()) -> None:
        self.jobs += jobs
        self.local.run(jobs, told)  # type: ignore[arg-type]

    def close(self) -> None:
        self.local.close()


def test_workers_log_what_they_distil(tmp_path: Path) -> None:
    task, recipe = limbeck.load("digits"), replace(recipe_for("dm", "digits", 1), steps=3)
    plans = {str(seed): Plan(task, recipe, "mlp-w4", 1, seed, checks=0) for seed in range(2)}
    with limbeck.Session(tmp_path, workers=2, log=f"csv:{tmp_path / 'log.csv'}") as session:
        distil_together(session, plans, "sets")
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len({row["run"] for row in rows}) == 2 and sorted(row["step"] for row in rows) == [*"001122"]


def test_one_plan_under_two_names_is_one_job_and_a_bad_one_is_told(tmp_path: Path) -> None:
    task = limbeck.load("digits")
    plan = Plan(task, replace(recipe_for("dm", "digits", 1), steps=2), "mlp-w4", 1, checks=0)
    executor = Counting()
    with limbeck.Session(tmp_path, executor=executor) as session:
        found = distil_together(session, {"a": plan, "b": plan}, "sets")
        assert len(executor.jobs) == 1 and found["a"] == found["b"]
        assert distil_together(session, {"a": plan}, "sets") == {"a": found["a"]} and len(executor.jobs) == 1
        diverging = replace(plan, recipe=compose(plan.recipe, {"optimizer.learning_rate": "1e38"}))
        with pytest.raises(InputError, match="finite"):
            distil_together(session, {"a": plan, "c": diverging}, "sets")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--vary steps", "--vary steps: expected each option once, as OPTION=VALUE"),
        ("--vary dm.stepz=1", "--vary stepz"),
        ("--ipc 0", "--ipc 0: expected numbers above 0 by commas"),
        ("--ipc 1,1", "1, 1: expected each once"),
        ("--recipes dmm", "unknown recipe 'dmm'"),
        ("--seeds 0", "seeds 0, repeats 1: expected at least one of each"),
        ("--seeds 600", "6 combinations, 600 seeds: expected at most 1,000 distillations"),
        ("--baselines nope", "nope"),
        ("--log csv", "found no place"),
    ],
)
def test_bad_input_is_one_line_before_any_work(
    words: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    code, _ = call(tmp_path, *words.split())
    said = capsys.readouterr().err
    assert code == 2 and says in said and said.count("\n") == 1, said
    assert not (tmp_path / "out").exists() and not list(tmp_path.rglob("*.safetensors"))
