"""Runs survive what happens to them: kills, interruptions, rivals, damage, divergence."""

from __future__ import annotations

import itertools
import json
import os
import platform
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

import limbeck
from limbeck.cli import main
from limbeck.composition import Recipe
from limbeck.core import tree
from limbeck.core.contracts import AbstractObjective, NoCache, Problem
from limbeck.core.errors import InputError
from limbeck.core.family import spec_id
from limbeck.core.key import Key
from limbeck.core.progress import Silent
from limbeck.core.version import ALGORITHM
from limbeck.distillation import ANCHOR_EVERY, Distillation, distill
from limbeck.distilled_set import DistilledSet
from limbeck.learn.optim import SGD
from limbeck.runs import allowance
from limbeck.runs.allowance import Bounded, TimeIsUp
from limbeck.runs.pace import Pace
from limbeck.runs.plan import Plan
from limbeck.runs.store import Store
from limbeck.runs.watching import Watcher
from limbeck.state import Unkept
from limbeck.tasks import load
from waiting import wait_until

DISTILL = "distill digits --ipc 1 --network convnet-w8-d2 --checks 1 --checkpoint-seconds 0 --yes"


def limbeck_run(words: str, folder: Path, **options: Any) -> subprocess.Popen:
    environment = {**os.environ, "LIMBECK_RUNS": str(folder / "runs")}
    arguments = [sys.executable, "-m", "limbeck.cli", *words.split()]
    return subprocess.Popen(
        arguments, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def wait_for_checkpoint(folder: Path, process: subprocess.Popen[str]) -> None:
    wait_until(lambda: any(folder.glob("runs/distillations/*/*/checkpoint.safetensors")), process)


def test_a_run_that_was_killed_ends_with_the_bytes_of_one_that_was_not(tmp_path: Path) -> None:
    words = f"{DISTILL} --steps 40 --out a.safetensors"

    def begun(name: str) -> subprocess.Popen[str]:
        (tmp_path / name).mkdir(exist_ok=True)
        return limbeck_run(words, tmp_path / name)

    def made(name: str) -> bytes:
        process = begun(name)
        _, complained = process.communicate()
        assert process.returncode == 0, complained
        return (tmp_path / name / "a.safetensors").read_bytes()

    for attempt in map(str, itertools.count()):
        process = begun(attempt)
        wait_for_checkpoint(tmp_path / attempt, process)
        process.kill()
        if process.wait() == -signal.SIGKILL:  # Else it had ended before.
            break
    assert made(attempt) == made("whole")


def test_ctrl_c_keeps_the_run_and_says_how_to_go_on(tmp_path: Path) -> None:
    words = f"{DISTILL} --steps 100000 --out a.safetensors"
    process = limbeck_run(words, tmp_path)
    wait_for_checkpoint(tmp_path, process)
    process.send_signal(signal.SIGINT)
    said, complained = process.communicate()
    # To a shell both are 130: python itself ends by the signal where that came in the midst of an import.
    assert process.returncode in (130, -signal.SIGINT), complained
    assert complained.splitlines()[-1] == f"limbeck: interrupted; go on with: limbeck {words}"
    assert said == "" and "Traceback" not in complained
    assert not (tmp_path / "a.safetensors").exists()
    listed, _ = limbeck_run("runs list --json", tmp_path).communicate()
    assert [row["state"] for row in json.loads(listed)] == ["unfinished"]


def test_a_run_whose_time_is_over_again_and_again_comes_to_the_same(tmp_path: Path) -> None:
    options: dict[str, Any] = dict(ipc=1, network="convnet-w8-d2", steps=12)
    task = load("digits")
    whole = limbeck.distill(task, "dm", **options, session=limbeck.Session(tmp_path / "whole"))
    for interruptions in itertools.count():  # noqa: B007
        # A clock by which a minute is over after some steps.
        bounded = Bounded(Silent(), 1, itertools.count(0, 15).__next__)
        try:
            made = limbeck.distill(task, "dm", **options, session=limbeck.Session(tmp_path, progress=bounded))
            break
        except TimeIsUp:
            pass
    assert interruptions == 3 and made.digest == whole.digest


def test_more_than_an_hour_is_refused_where_nobody_can_be_asked_and_what_is_suggested_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(allowance, "LONG", 0.0)
    monkeypatch.setattr(Watcher, "TRIAL", 0.0)
    words = "distill digits --ipc 1 --network convnet-w8-d2 --steps 9 --runs runs --out a.safetensors"
    assert main(words.split()) == 2
    complaint = capsys.readouterr().err.splitlines()[-1]
    assert complaint.startswith("limbeck: this takes about ") and not Path("a.safetensors").exists()
    obeyed = complaint.rpartition(": limbeck ")[2]
    assert obeyed == f"{words} --yes"
    for more in (obeyed, f"{words} --minutes 60"):
        assert main(more.split()) == 0


class News(Silent):
    """What is said beside how far a run is."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def update(self, done: float, total: float, doing: str, news: str = "", unit: str = "") -> None:
        self.said.append(news)


def test_long_work_is_admitted_before_steps_are_compiled_and_that_they_are_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("limbeck.learn.compiled.PAYS_FROM", 0.0)
    made, step = [], Distillation.step

    def counted(run: Distillation, state: Any) -> Any:
        if made:
            raise KeyboardInterrupt
        made.append(state)
        return step(run, state)

    monkeypatch.setattr(Distillation, "step", counted)
    options: dict[str, Any] = dict(ipc=1, network="convnet-w4-d1", steps=9, checks=0)
    for long, ends in ((0.0, InputError), (1e9, KeyboardInterrupt)):
        made.clear()
        monkeypatch.setattr(allowance, "LONG", long)
        progress = News()
        session = limbeck.Session(tmp_path / str(long), progress=progress, confirm=_refuse)
        with pytest.raises(ends):
            limbeck.distill(load("digits"), "dm", **options, session=session)
        assert len(made) == 1
        assert [news.endswith("compiling the next step") for news in progress.said] == [False, True][: 1 + (long > 0)]


def _refuse(why: str) -> None:
    raise InputError(why)


def test_a_selection_is_not_validated_unless_somebody_asks(tmp_path: Path) -> None:
    session = limbeck.Session(tmp_path)
    for checks, count in ((None, 0), (0, 0), (1, 1)):
        options: dict[str, Any] = dict(ipc=1, network="convnet-w8-d2", checks=checks, session=session)
        assert len(limbeck.distill(load("digits"), "random", **options).scores) == count


def test_a_set_is_checked_by_default_where_that_takes_few_of_the_operations_of_its_steps(tmp_path: Path) -> None:
    session = limbeck.Session(tmp_path)
    for steps, count in ((1, 0), (200, 1)):
        made = limbeck.distill(load("digits"), "dm", ipc=1, network="convnet-w4-d1", steps=steps, session=session)
        assert len(made.scores) == count


class Told(Silent):
    """What a run says that it will take, in seconds."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def estimate(self, seconds: float) -> None:
        self.seconds.append(seconds)


def test_what_a_run_will_take_counts_its_checks_by_the_pace_of_their_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Watcher, "TRIAL", 0.0)
    name, told = "convnet-w4-d1", {}
    for checks in (0, 2):
        progress = Told()
        session = limbeck.Session(tmp_path / str(checks), progress=progress)
        # A pass takes 50 s, as if: the steps themselves vanish beside it.
        session.paces[name] = Pace(1e15, 50.0)
        limbeck.distill(load("digits"), "dm", ipc=1, network=name, steps=8, checks=checks, session=session)
        (told[checks],) = progress.seconds
    # A check is a training of 300 steps, and a reading of a third of one.
    assert told[2] - told[0] == pytest.approx(2 * 50 * (300 + 1 / 3), rel=0.01)


def test_two_at_once_do_not_share_a_run(tmp_path: Path) -> None:
    first = limbeck_run(f"{DISTILL} --steps 100000 --out a.safetensors", tmp_path)
    wait_for_checkpoint(tmp_path, first)
    second = limbeck_run(f"{DISTILL} --steps 100000 --out b.safetensors", tmp_path)
    _, complained = second.communicate()
    first.send_signal(signal.SIGTERM)
    first.communicate()
    assert second.returncode == 2
    assert f"is under way in process {first.pid} on {platform.node()}; wait for it" in complained
    assert first.returncode == 130


def test_a_finished_run_computes_nothing_and_gives_the_same_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = dict(ipc=1, network="convnet-w8-d2", steps=2, checks=1, session=limbeck.Session(tmp_path))
    made = limbeck.distill(limbeck.load("digits"), "dm", **options)
    monkeypatch.setattr(Distillation, "begin", lambda self: pytest.fail("it began again"))
    again = limbeck.distill(limbeck.load("digits"), "dm", **options)
    assert again.digest == made.digest


def test_a_result_with_a_flipped_bit_is_made_again(tmp_path: Path) -> None:
    options = dict(ipc=1, network="convnet-w8-d2", steps=2, checks=1, session=limbeck.Session(tmp_path))
    limbeck.distill(limbeck.load("digits"), "dm", **options)
    (result,) = tmp_path.glob("distillations/*/*/result.safetensors")
    content = result.read_bytes()
    for at in (20, len(content) - 1):
        spoilt = bytearray(content)
        spoilt[at] ^= 16
        result.write_bytes(spoilt)
        with pytest.raises(InputError, match="damaged"):
            DistilledSet.load(result)
        with pytest.warns(UserWarning, match="damaged; the run is made again"):
            limbeck.distill(limbeck.load("digits"), "dm", **options)
        assert result.read_bytes() == content


def test_a_damaged_record_and_spec_of_a_run_say_nothing(tmp_path: Path) -> None:
    store, spec = Store(tmp_path), {"ipc": 10, "seed": 1}
    with store.run(spec) as run:
        run.finish(lambda path: path.write_text(""), {"threads": 1})
    assert (run.facts()["spec"], run.facts()["record"]) == (spec, {"threads": 1})
    for name in ("spec.json", "record.json"):
        path = run.folder / name
        path.write_text(path.read_text().replace("1", "3", 1))
    assert (run.facts()["spec"], run.facts()["record"]) == (None, None)
    with store.run(spec):
        assert run.facts()["spec"] == spec


def test_the_spec_of_a_run_by_other_algorithms_is_read_with_one_line_of_warning(tmp_path: Path) -> None:
    task = load("digits")
    plan = Plan(task, Recipe(), "convnet-w8-d2", 1)
    cpu, cuda = (plan.spec_on(torch.device(name)) for name in ("cpu", "cuda"))
    assert spec_id(cpu) != spec_id(cuda)
    assert Plan.of(cuda).spec_on(torch.device("cpu")) == cpu
    with pytest.warns(
        UserWarning, match=f"the spec: made with version 1 of limbeck's algorithms, here is version {ALGORITHM} "
    ) as said:
        assert Plan.of({**cpu, "algorithm": 1}).spec_on(torch.device("cpu")) == cpu
    assert len(said) == 1
    with pytest.raises(InputError, match="unknown field of a run's spec 'sed': did you mean 'seed'"):
        Plan.of({**cpu, "sed": 3})


def test_a_damaged_checkpoint_is_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    options = dict(ipc=1, network="convnet-w8-d2", steps=2, checks=1)

    class Interrupting(Silent):
        def update(self, done: float, total: float, doing: str, news: str = "", unit: str = "") -> None:
            if done == 1:
                raise KeyboardInterrupt

    session = limbeck.Session(tmp_path, progress=Interrupting())

    with pytest.raises(KeyboardInterrupt):
        limbeck.distill(limbeck.load("digits"), "dm", session=session, **options)
    (checkpoint,) = tmp_path.glob("distillations/*/*/checkpoint.safetensors")
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    with pytest.raises(InputError, match=f"limbeck runs clean {checkpoint.parent.name}"):
        limbeck.distill(limbeck.load("digits"), "dm", session=limbeck.Session(tmp_path), **options)


@dataclass(frozen=True)
class Fragile(AbstractObjective):
    """The squared norm of the inputs, which is not a number at some (fall, step)."""

    bad: tuple[tuple[int, int], ...]

    def init(self, problem: Problem, key: Key) -> Any:
        return {}

    def loss(self, state: Any, problem: Problem, synthetic: Any, key: Key) -> torch.Tensor:
        fall, step = key.path[-3], key.path[-1]
        value = synthetic.batch.inputs.square().sum()
        return value * torch.nan if (fall, step) in self.bad else value * (1 + fall)

    def advance(self, state: Any, problem: Problem, synthetic: Any, key: Key) -> Any:
        return state


def real_trajectory(*bad: tuple[int, int]) -> Distillation:
    task = load("digits")
    problem = Problem(task, task.network("convnet-w4-d1"), torch.device("cpu"), NoCache())
    recipe = Recipe(objective=Fragile(bad), optimizer=SGD(learning_rate=1e-4), steps=ANCHOR_EVERY + 20)
    return Distillation(problem, recipe, per_class=1, key=Key(("fragile",)), checks=1)


def test_a_loss_that_is_not_finite_sends_the_run_back_once() -> None:
    seen: list[int] = []
    done = distill(real_trajectory((0, ANCHOR_EVERY + 5)), Unkept(), lambda state: seen.append(int(state.step)))
    back = seen.index(ANCHOR_EVERY + 5)
    assert seen[back : back + 2] == [ANCHOR_EVERY + 5, ANCHOR_EVERY]
    assert torch.isfinite(done.losses).all()
    # After the fall other draws are made: this objective's are larger by its number of falls.
    assert done.losses[ANCHOR_EVERY] > 1.5 * done.losses[ANCHOR_EVERY - 1]


def test_a_checkpoint_of_another_layout_is_refused_with_what_to_do() -> None:
    class Older(Unkept):
        def read(self) -> Any:
            begun = real_trajectory().begin()
            return {path: leaf for path, leaf in tree.flatten((begun, begun)).items() if path != "1/rollbacks"}

    with pytest.raises(InputError, match=r"has no '1/rollbacks': another version .* `limbeck runs clean ID`"):
        distill(real_trajectory(), Older(), lambda *_: None)


def test_the_second_time_it_is_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match=r"step 4: .* not finite, .* lower the learning rate"):
        distill(real_trajectory((0, 3), (1, 3)), Unkept(), lambda *_: None)


REMEMBERING = """
import sys, time, torch
from pathlib import Path
from limbeck.runs.claims import Rhythm
from limbeck.runs.store import Store

def make():
    with open("made", "a") as made:
        made.write("x")
    # Until the other process waits for the claim, or makes it, too.
    while len(Path("made").read_text()) < 2 and not Path("waits").exists():
        time.sleep(0.05)
    return {"value": torch.ones(1)}

def wait(seconds):
    Path("waits").touch()
    time.sleep(seconds)

print(float(Store(Path("store"), rhythm=Rhythm(sleep=wait)).remember({"name": "slow"}, make)["value"]))
"""


def test_what_two_processes_want_at_once_is_made_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", REMEMBERING]
    both = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0] for process in both] == ["1.0\n", "1.0\n"]
    assert (tmp_path / "made").read_text() == "x"
