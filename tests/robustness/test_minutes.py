"""As many steps as fit into a given time: told by a trial, recorded, and repeated to the bit."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import limbeck
from limbeck import forecast
from limbeck.cli import main
from limbeck.core.contracts import Piece
from limbeck.core.errors import InputError
from limbeck.distillation import Distillation
from limbeck.learn.kernels import AveragedTangent
from limbeck.objectives import Distribution, KernelRidge, kernel_ridge
from limbeck.recipes import recipe_for
from limbeck.runs import course, needs, trial
from limbeck.runs.course import Course
from limbeck.runs.pace import Pace
from limbeck.runs.plan import Plan, distillation_of, run_plan
from limbeck.runs.trial import Trial, fitting

NETWORK = "mlp-w4"


def plan(**options: Any) -> Plan:
    return Plan(limbeck.load("digits"), recipe_for("dm", "digits", 1), NETWORK, 1, **options)


def test_the_steps_that_fit_are_those_left_after_the_first_and_the_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = limbeck.Session(tmp_path, compile=False)
    session.paces[NETWORK] = Pace(1e15, 0.01)
    run = distillation_of(plan(), session)
    state = run.step(run.begin())
    monkeypatch.setattr(trial, "tried", lambda _: Trial(state, 3.0, Course(0.5)))
    monkeypatch.setattr(trial.time, "monotonic", lambda: 100.0)
    # A check is 300 steps and a third, in passes of 0.01 s; two of them are 6.0 s.
    for checks, left in ((0, 60 - 3), (2, 60 - 3 - 6.01)):
        fit = trial._fit(plan(checks=checks), session, 160.0)
        assert fit == (int(left / 0.5), 0.5)
    assert trial._fit(plan(checks=0), session, 100.1).steps == 1
    assert trial._fit(plan(checks=0), session, 1e9).steps == 20_000
    # Ten steps of half a second, then a tenth of a second each.
    monkeypatch.setattr(trial, "tried", lambda _: Trial(state, 3.0, Course(0.5, 10, 0.1)))
    fit = trial._fit(plan(checks=0), session, 160.0)
    assert fit == (10 + (60 - 3 - 5) * 10, (5 + 19_990 / 10) / 20_000)
    assert trial._fit(plan(checks=0), session, 105.0).steps == 4


@dataclass(frozen=True)
class Slow(Distribution):
    """Whose steps nobody would wait for: a piece takes no time, and there are many."""

    def loss(self, state: Any, problem: Any, synthetic: Any, key: Any) -> torch.Tensor:
        raise AssertionError("no step is made")

    def piece(self, problem: Any, items: int) -> Piece:
        return Piece(lambda: torch.zeros(()), 100.0 * items)


def test_of_a_step_that_is_long_work_it_is_told_before_one_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(range(1000))
    # A piece takes a second, and a step of ten items a thousand of them.
    monkeypatch.setattr(needs, "time", SimpleNamespace(monotonic=lambda: float(next(seconds))))

    def refuse(said: str) -> None:
        raise InputError(said)

    session = limbeck.Session(tmp_path, confirm=refuse)
    slow = plan(checks=0)
    slow = replace(slow, recipe=replace(slow.recipe, objective=Slow(), steps=36))
    with pytest.raises(InputError, match="this takes about 10 h 00 min here"):
        run_plan(slow, session)
    assert forecast._steps(session, [slow, replace(slow, seed=1)]) == [36_000, 36_000]
    assert needs.step_seconds(session, slow.task, NETWORK, replace(slow.recipe, steps=0), 1) == 0
    assert needs.step_seconds(session, slow.task, NETWORK, plan().recipe, 1) == 0
    monkeypatch.setattr(trial, "time", SimpleNamespace(monotonic=lambda: 100.0))
    assert trial._fit(slow, session, 4100.0) == (4, 1000.0)
    with pytest.raises(InputError, match="a step takes about 17 min here, expected one that fits into 10 min"):
        trial._fit(slow, session, 700.0)


def test_a_step_of_kernel_ridge_regression_is_told_from_a_piece_where_it_is_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kernel_ridge, "PIECE", 1e8)
    problem = limbeck.Session("unused").problem(limbeck.load("digits"), NETWORK)
    assert KernelRidge().piece(problem, 10) is None
    few, many = (KernelRidge(AveragedTangent(), per_class=100).piece(problem, items) for items in (100, 200))
    assert few is not None and many is not None and bool(few.do().isfinite())
    # The pairs of items and of items with real examples.
    assert many.times / few.times == pytest.approx(200 * 1200 / (100 * 1100))
    fewer = KernelRidge(AveragedTangent(), per_class=30).piece(problem, 200)
    assert fewer is not None and fewer.times / many.times == pytest.approx(500 / 1200)


def test_a_trial_is_of_the_steps_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = distillation_of(plan(), limbeck.Session(tmp_path))
    made, step, seconds = list[int](), Distillation.step, iter(range(1000))

    def counted(run: Distillation, state: Any) -> Any:
        made.append(int(state.step))
        return step(run, state)

    monkeypatch.setattr(Distillation, "step", counted)
    # Every look at the clock is a second: begun, begun to step, the first over, and again; then three a step.
    monkeypatch.setattr(trial.time, "monotonic", lambda: float(next(seconds)))
    monkeypatch.setattr(course, "TRIAL", 5.0)
    monkeypatch.setattr(course, "LATER", 3.0)
    tried = trial.tried(run)
    assert tried.first == 2 and made == [0, 1, 2, 3, 4] and tried.course == Course(pytest.approx(6 / 4))
    made.clear()
    assert trial.tried(replace(run, recipe=replace(run.recipe, steps=1))).course == Course(2.0)
    # From the third step on draws come again: one of the steps before is tried, and two after one that warms up.
    again = replace(run.recipe, objective=replace(run.recipe.objective, draws=3))  # type: ignore[type-var]
    made.clear()
    tried = trial.tried(replace(run, recipe=again))
    assert made == [0, 1, 2, 3, 4] and int(tried.state.step) == 1
    assert tried.course == Course(pytest.approx(2.0), 2, pytest.approx(4 / 2))


def test_the_same_call_is_the_same_plan_and_its_steps_make_the_same_set_anywhere(tmp_path: Path) -> None:
    options: dict[str, Any] = dict(ipc=1, network=NETWORK, checks=0)
    with limbeck.Session(tmp_path / "here") as session:
        made = limbeck.distill("digits", "dm", minutes=0.02, session=session, **options)
        again = limbeck.distill("digits", "dm", minutes=0.02, session=session, **options)
    steps = made.spec["recipe"]["steps"]
    assert 1 <= steps < 20_000 and again.header() == made.header()
    with limbeck.Session(tmp_path / "there") as session:
        there = limbeck.distill("digits", "dm", steps=steps, session=session, **options)
    assert there.digest == made.digest and there.header() == made.header()


def test_fresh_asks_the_machine_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = limbeck.Session(tmp_path)
    fits = iter((trial.Fit(7, 0.1), trial.Fit(9, 0.1)))
    monkeypatch.setattr(trial, "_fit", lambda *_: next(fits))
    found = [fitting(plan(), session, 1.0, fresh).recipe.steps for fresh in (False, False, True, False)]
    assert found == [7, 7, 9, 9]


def test_what_is_no_time_is_refused_and_a_selection_takes_none(tmp_path: Path) -> None:
    session = limbeck.Session(tmp_path)
    with pytest.raises(InputError, match=r"minutes 0: expected a number above 0"):
        limbeck.distill("digits", "dm", ipc=1, network=NETWORK, minutes=0, session=session)
    with pytest.raises(InputError, match=r"steps 3, minutes 1: expected one of them"):
        limbeck.distill("digits", "dm", ipc=1, network=NETWORK, steps=3, minutes=1, session=session)
    made = limbeck.distill("digits", "random", ipc=1, network=NETWORK, minutes=0.01, session=session)
    assert made.spec["recipe"]["steps"] == 0


def test_the_command_says_how_many_steps_fit_and_goes_on_with_them_after_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = f"distill digits --recipe dm --ipc 1 --network {NETWORK} --checks 0 --runs runs --minutes 0.03".split()
    whole = Distillation.step

    def interrupted(run: Distillation, state: Any) -> Any:
        if int(state.step) == run.recipe.steps - 1:
            raise KeyboardInterrupt
        return whole(run, state)

    monkeypatch.setattr(Distillation, "step", interrupted)
    assert main(words) == 130
    said = capsys.readouterr().err
    (steps,) = re.findall(r"note: (\d[\d,]*) of 20,000 steps, as many as fit into 0.03 min; .* --steps \d+ makes", said)
    assert f"go on with: limbeck {' '.join(words)}" in said
    monkeypatch.setattr(Distillation, "step", whole)
    assert main(words) == 0
    made = limbeck.DistilledSet.load(Path("digits-dm-ipc1.safetensors"))
    assert made.spec["recipe"]["steps"] == int(steps.replace(",", ""))


def test_a_shortened_run_says_how_long_the_published_one_would_take_and_what_minutes_are_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("limbeck.runs.watching.Watcher.TRIAL", 0.0)
    monkeypatch.setattr("limbeck.cli.defaults.STEPS", 6)
    assert main(["distill", "digits", "--ipc", "1", "--checks", "0", "--runs", "runs"]) == 0
    said = capsys.readouterr().err
    assert re.search(r"note: the whole recipe is 20,000 steps of convnet, about .* here; --minutes 10 makes as", said)
