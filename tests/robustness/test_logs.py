"""Logs of a distillation, each read by who reads it; interrupted and gone on with, every step is there once."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import wandb
from mlflow import MlflowClient
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import limbeck
from limbeck.core.errors import InputError
from limbeck.core.progress import AbstractProgress
from limbeck.logs import LOGS, AbstractLog, log_of
from limbeck.recipes import recipe_for
from limbeck.runs.logged import settings_of
from limbeck.runs.plan import Plan, run_plan

STEPS, STOPS = 12, (7, 9)
Told = dict[str, list[tuple[int, float]]]


class Until(AbstractProgress):
    """It interrupts a run at a step."""

    def __init__(self, step: int | None = None) -> None:
        self.step, self.said = step, list[str]()

    def phase(self, name: str) -> None:
        """Nothing."""

    def estimate(self, seconds: float) -> None:
        """Nothing."""

    def notes(self, lines: Sequence[str]) -> None:
        self.said += lines

    def update(self, done: float, total: float, doing: str, news: str = "", unit: str = "") -> None:
        if done == self.step:
            raise KeyboardInterrupt


def plan(seed: int = 0) -> Plan:
    recipe = replace(recipe_for("dm", "digits", 1), steps=STEPS)
    return Plan(limbeck.load("digits"), recipe, "mlp-w4", 1, seed, checks=2)


def of_csv(place: Path) -> Told:
    found: Told = {}
    with (place / "log.csv").open() as file:
        for row in csv.DictReader(file):
            found.setdefault(row["name"], []).append((int(row["step"]), float(row["value"])))
    return found


def of_tensorboard(place: Path) -> Told:
    (folder,) = (place / "board").iterdir()
    events = EventAccumulator(str(folder), size_guidance={"images": 0})
    events.Reload()
    assert [each.step for each in events.Images("set")] == sorted({*range(STEPS), STEPS})
    return {name: [(each.step, each.value) for each in events.Scalars(name)] for name in events.Tags()["scalars"]}


def of_mlflow(place: Path) -> Told:
    client = MlflowClient((place / "flow").as_uri())
    experiment = client.get_experiment_by_name("limbeck")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED" and run.data.params["recipe.steps"] == str(STEPS)
    assert len(client.list_artifacts(run.info.run_id)) == STEPS + 1
    histories = {name: client.get_metric_history(run.info.run_id, name) for name in run.data.metrics}
    return {name: [(each.step, each.value) for each in history] for name, history in histories.items()}


@pytest.mark.parametrize(
    ("log", "read"),
    [("csv:{}/log.csv", of_csv), ("tensorboard:{}/board", of_tensorboard), ("mlflow:{}/flow", of_mlflow)],
    ids=["csv", "tensorboard", "mlflow"],
)
def test_an_interrupted_run_is_logged_as_an_unbroken_one(
    log: str, read: Callable[[Path], Told], tmp_path: Path
) -> None:
    told = []
    for stops in ((), STOPS):
        place = tmp_path / str(len(stops))
        place.mkdir()
        for stop in (*stops, None):
            ending = pytest.raises(KeyboardInterrupt) if stop else nullcontext()
            with ending, limbeck.Session(place / "runs", log=log.format(place), progress=Until(stop)) as session:
                run_plan(plan(), session)
        told.append(read(place))
    whole, pieces = told
    assert pieces == whole
    assert [step for step, _ in whole["loss"]] == list(range(STEPS))
    assert [step for step, _ in whole["validation"]] == [STEPS // 2, STEPS]
    assert len({value for _, value in whole["loss"]}) == STEPS


def test_weights_and_biases_keeps_an_offline_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    with limbeck.Session(tmp_path / "runs", log="wandb:distilled") as session:
        run = run_plan(plan(), session)[1]
    # Its service writes beside us, and is waited for as at the end of a process.
    wandb.teardown()
    (kept,) = (tmp_path / "wandb").glob("offline-run-*/*.wandb")
    written = kept.read_bytes()
    assert run.id.encode() in written and b"validation" in written and b"distilled" in written
    assert written.count(b"loss") >= STEPS


class Failing:
    """A log that takes one number."""

    left = 1

    def numbers(self, step: int, values: object) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError("no space left")

    def picture(self, step: int, picture: object) -> None:
        """Nothing."""

    def __enter__(self) -> Failing:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing."""


class Full(AbstractLog):
    """A log on a disk that fills up."""

    def check(self) -> None:
        """Nothing."""

    def open(self, run: object) -> Failing:
        return Failing()


def test_a_log_that_fails_costs_no_run(tmp_path: Path) -> None:
    says = "the log takes no more .OSError: no space left.; the run goes on"
    with limbeck.Session(tmp_path, log=Full()) as session, pytest.warns(UserWarning, match=says):
        made = run_plan(plan(), session)[0]
    with limbeck.Session(tmp_path / "other") as session:
        assert made == run_plan(plan(), session)[0]


def test_what_was_done_before_is_not_logged_and_that_is_said(tmp_path: Path) -> None:
    with limbeck.Session(tmp_path) as session:
        run_plan(plan(), session)
    progress = Until()
    with limbeck.Session(tmp_path, log=f"csv:{tmp_path / 'log.csv'}", progress=progress) as session:
        run_plan(plan(), session)
    assert progress.said == ["the run was done before: nothing is logged"] and not (tmp_path / "log.csv").exists()


def test_runs_that_share_a_file_are_told_apart_and_a_cut_row_is_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    with limbeck.Session(tmp_path / "runs", log=f"csv:{path}") as session:
        run_plan(plan(), session)
        path.write_bytes(path.read_bytes() + b"cut,")
        run_plan(plan(seed=1), session)
    with path.open() as file:
        rows = list(csv.reader(file))[1:]
    whole = [row for row in rows if len(row) == 4]
    assert len({row[0] for row in whole}) == 2 and len(whole) == 2 * (STEPS + 2) and len(rows) == len(whole) + 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("csf:x", "unknown log 'csf': did you mean 'csv'"),
        ("csv", "--log csv: found no place, expected csv:FILE"),
        ("tensorboard", "--log tensorboard: found no place, expected tensorboard:DIR"),
        ("csv:/proc/no/log.csv", "--log /proc/no/log.csv: /proc is not a folder that can be written to"),
        ("mlflow:nowhere://x", "--log mlflow:nowhere://x: .*; give a folder or the address of a server"),
    ],
)
def test_a_log_that_cannot_be_is_refused_before_any_work(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        limbeck.Session(tmp_path, log=text)
    assert not list(tmp_path.iterdir())


def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="found the columns a, b, expected those of a log; give another file"):
        log_of(f"csv:{path}")
    assert path.read_text() == "a,b\n1,2\n"


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limbeck.logs.contract.find_spec", lambda name: None)
    for name in ("tensorboard", "wandb", "mlflow"):
        with pytest.raises(InputError, match=rf"--log {name}: {name} is not installed; .*limbeck\[{name}\]"):
            log_of(f"{name}:x")
    assert set(LOGS.parts) >= {"csv", "tensorboard", "wandb", "mlflow"}


def test_settings_are_plain_values_under_dotted_names() -> None:
    nested = {"recipe": {"part": "value/recipe", "start": {"part": "start/real"}, "steps": 2}, "seed": 1}
    assert settings_of(nested) == {
        "recipe": "value/recipe", "recipe.start": "start/real", "recipe.steps": 2, "seed": 1,
    }  # fmt: skip
