"""Experts survive what happens to them: kills, interruptions, damage, a change of mind about how many."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from limbeck.cli import main
from limbeck.computations.contract import ProbeContext
from limbeck.computations.experts import Experts
from limbeck.core.contracts import Problem
from limbeck.core.errors import InputError
from limbeck.core.files import read_tensors
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.objectives.trajectory import Trajectory
from limbeck.runs.experts import complete_experts
from limbeck.runs.session import Session
from limbeck.runs.store import Store
from limbeck.tasks import load
from waiting import wait_until

NETWORK = "convnet-w4-d1"
KEY = Key(("experts",))
SHORT = Experts(count=2, epochs=3)
OBJECTIVE = Trajectory(experts=SHORT, latest=2)


@dataclass(frozen=True)
class Kept:
    """The experts of a small network in a store."""

    root: Path
    experts: Experts = SHORT

    @property
    def problem(self) -> Problem:
        return Session(self.root).problem(load("digits"), NETWORK)

    def place(self, number: int) -> Path:
        problem = self.problem
        return Store(self.root).place(ProbeContext(problem).address(self.experts.training(problem, number)))

    def missing(self) -> list[int]:
        problem = self.problem
        trainings = enumerate(self.experts.trainings(problem))
        return [number for number, each in trainings if not Store(self.root).holds(ProbeContext(problem).address(each))]

    def complete(self, workers: int = 1) -> int:
        with Session(self.root, workers=workers) as session:
            return complete_experts(session, load("digits"), NETWORK, [self.experts])

    def train(self, number: int) -> None:
        problem = self.problem
        ProbeContext(problem).outcome(self.experts.training(problem, number))

    def snapshot(self, number: int, epoch: int) -> Tree:
        return self.experts.snapshot(self.problem, number, epoch)

    def changed(self) -> list[int]:
        return [self.place(number).stat().st_mtime_ns for number in range(self.experts.count)]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Two experts, trained here."""
    kept = Kept(tmp_path_factory.mktemp("experts"))
    for number in range(2):
        kept.train(number)
    return kept


def copied(two: Kept, folder: Path) -> Kept:
    """The two experts in a store that may be spoilt."""
    kept = Kept(folder)
    for number in range(2):
        kept.place(number).parent.mkdir(parents=True, exist_ok=True)
        kept.place(number).write_bytes(two.place(number).read_bytes())
    return kept


def flipped(content: bytes) -> bytes:
    """With a bit of the first number the other way round: one of the first snapshot, which stands before the others."""
    spoilt = bytearray(content)
    spoilt[8 + int.from_bytes(content[:8], "little")] ^= 4
    return bytes(spoilt)


def same(one: Tree, other: Tree) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_workers_make_what_one_process_makes_and_nothing_twice(two: Kept, tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    assert kept.missing() == [0, 1]
    assert kept.complete(workers=2) == 2
    for number in range(2):
        assert all(same(kept.snapshot(number, epoch), two.snapshot(number, epoch)) for epoch in range(4))
    before = kept.changed()
    assert kept.complete() == 0
    assert kept.changed() == before


def test_asking_for_more_makes_the_new_ones_only(two: Kept, tmp_path: Path) -> None:
    kept = copied(two, tmp_path)
    before = kept.changed()
    more = Kept(tmp_path, Experts(count=3, epochs=3))
    assert more.missing() == [2]
    assert more.complete() == 1
    assert kept.changed() == before and more.missing() == []
    assert Kept(tmp_path, Experts(count=3, epochs=4)).missing() == [0, 1, 2]


def test_only_the_snapshot_that_is_asked_for_is_read(two: Kept) -> None:
    path, step = two.place(1), SHORT.step(two.problem, 3)
    named, _ = read_tensors(path, f"params/{step}")
    everything, _ = read_tensors(path)
    assert {name.split("/")[1] for name in everything} == {str(SHORT.step(two.problem, epoch)) for epoch in range(4)}
    assert named.keys() == {name for name in everything if name.startswith(f"params/{step}/")}
    prefix = f"params/{step}/"
    assert same(two.snapshot(1, 3), {name.removeprefix(prefix): leaf for name, leaf in named.items()})


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-8]), id="truncated"),
        pytest.param(lambda path: path.write_bytes(b"\x00" * 64), id="foreign"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.unlink(), id="missing"),
        pytest.param(lambda path: path.write_bytes(flipped(path.read_bytes())), id="a bit of the first number"),
    ],
)
def test_a_spoilt_expert_is_refused_by_a_run_and_trained_again_alone(spoil: Any, two: Kept, tmp_path: Path) -> None:
    kept = copied(two, tmp_path)
    OBJECTIVE.init(kept.problem, KEY)
    before = kept.changed()
    spoil(kept.place(1))
    with pytest.raises(InputError, match=r"expert 1 of the 2 .* missing or damaged; train them with `limbeck experts"):
        OBJECTIVE.init(kept.problem, KEY)
    assert kept.missing() == [1]
    kept.train(1)
    assert kept.missing() == [] and kept.changed()[0] == before[0]
    assert same(kept.snapshot(1, 2), two.snapshot(1, 2))


def test_the_command_of_a_refusal_trains_what_was_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIMBECK_RUNS", str(tmp_path))
    plain = Experts(count=1, epochs=2, learning_rate=0.1, augment=None)
    kept = Kept(tmp_path, plain)
    with pytest.raises(InputError) as refused:
        kept.snapshot(0, 1)
    words = shlex.split(str(refused.value).split("`")[1])
    assert words[0] == "limbeck" and main([*words[1:], "--workers", "1", "--json"]) == 0
    answered = json.loads(capsys.readouterr().out)
    assert answered["trained"] == 1 and answered["experts"]["augment"] is None
    assert answered["bytes"] == kept.place(0).stat().st_size
    assert kept.snapshot(0, 2).keys() == kept.problem.network.init(KEY).keys()


def test_bad_input_is_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, message in [
        ("experts digits --count 0", "experts.count: found 0, expected a number of at least 1"),
        ("experts digits --epochs many", "epochs"),
        ("experts digits --network convnett", "unknown network 'convnett'"),
        ("experts digits --epoch 3", "did you mean '--epochs'"),
        ("experts digit", "did you mean 'digits'"),
    ]:
        assert main([*words.split(), "--runs", str(tmp_path)]) == 2
        said, complained = capsys.readouterr()
        last = complained.strip().splitlines()[-1]
        assert last.startswith("limbeck: ") and message in last and said == ""


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_what_was_made_before_a_stop_is_kept(stop: signal.Signals, tmp_path: Path) -> None:
    words = "experts digits --network convnet-w4-d1 --count 6 --epochs 8 --workers 1"
    environment = {**os.environ, "LIMBECK_RUNS": str(tmp_path)}
    command = [sys.executable, "-m", "limbeck.cli", *words.split()]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    kept = Kept(tmp_path, Experts(count=6, epochs=8))
    wait_until(kept.place(0).exists, process)
    first = Kept(tmp_path, Experts(count=1, epochs=8)).changed()
    process.send_signal(stop)
    _, complained = process.communicate()
    assert process.returncode == (130 if stop == signal.SIGINT else -signal.SIGKILL)
    if stop == signal.SIGINT:
        assert complained.splitlines()[-1] == f"limbeck: interrupted; go on with: limbeck {words}"
    assert "Traceback" not in complained

    left = kept.missing()
    assert left and 0 not in left
    kept.train(left[-1])
    assert left[-1] not in kept.missing() and Kept(tmp_path, Experts(count=1, epochs=8)).changed() == first


def test_a_run_that_follows_experts_needs_them_all(two: Kept, tmp_path: Path) -> None:
    kept = copied(two, tmp_path)
    problem = kept.problem
    OBJECTIVE.init(problem, KEY)
    with pytest.raises(InputError, match="expert 2 of the 5"):
        Trajectory(experts=Experts(count=5, epochs=3), latest=2).init(problem, KEY)
