"""Workers live through a command and end with it; what one loses when it dies is done again, and nothing else is."""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import limbeck
from limbeck.cli import main
from limbeck.computations import AllReal, Steps, Training
from limbeck.computations.contract import ProbeContext
from limbeck.core.deferred import Deferred
from limbeck.core.errors import InputError
from limbeck.core.files import read_tensors
from limbeck.runs.executors import Local, WorkerFailedError, local
from limbeck.runs.executors.printed import Printed
from limbeck.runs.graph import Graph, Request
from limbeck.runs.session import Session
from waiting import wait_until

NETWORK = "convnet-w4-d1"
TRAININGS = [Training(AllReal(), seed, Steps(2 + seed, 32), keeps=(2,)) for seed in range(4)]
"""None is like another, so that each is a job of its own."""


def complete(session: Session) -> dict[int, Any]:
    """Do the trainings, and read what each came to."""
    task = limbeck.load("digits")
    context = ProbeContext(session.problem(task, NETWORK))
    Graph([Request(each, context) for each in TRAININGS], task.reference).complete(session)
    return {each.seed: read_tensors(session.store.place(context.address(each)))[0] for each in TRAININGS}


def same(one: dict[int, Any], other: dict[int, Any]) -> bool:
    return all(bool((one[seed][name] == other[seed][name]).all()) for seed in one for name in one[seed])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Any]:
    """What the trainings come to where nothing happens."""
    with Session(tmp_path_factory.mktemp("whole"), workers=1) as session:
        return complete(session)


def test_a_worker_that_dies_loses_its_chunk_and_nothing_else(
    whole: dict[int, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[local.Worker] = []
    start = local.Worker.start
    monkeypatch.setattr(local.Worker, "start", lambda: started.append(start()) or started[-1])
    run = Local.run

    def killing(self: Local, jobs: list[Any], told: Any, seconds: Any) -> None:
        # As soon as one job is done, its worker is killed in the middle of the next.
        ended: list[int] = []

        def hear(index: int, share: float) -> None:
            if share == 1:
                ended.append(index)
                started[0].process.kill()
            told(index, share)

        run(self, jobs, hear, seconds)
        assert sorted(ended) == list(range(len(jobs)))

    monkeypatch.setattr(Local, "run", killing)
    with Session(tmp_path, workers=1) as session:
        assert same(complete(session), whole)
    assert len(started) == 2 and all(worker.process.returncode is not None for worker in started)


def test_workers_live_from_phase_to_phase_and_end_with_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[local.Worker] = []
    start = local.Worker.start
    monkeypatch.setattr(local.Worker, "start", lambda: started.append(start()) or started[-1])
    with Session(tmp_path, workers=1) as session:
        task = limbeck.load("digits")
        context = ProbeContext(session.problem(task, NETWORK))
        for each in TRAININGS[:3]:
            Graph([Request(each, context)], task.reference).complete(session)
        assert len(started) == 1 and started[0].process.poll() is None
    assert started[0].process.returncode is not None


def test_a_job_that_breaks_every_worker_is_a_fault_that_says_what_the_worker_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "COMMAND", (sys.executable, "-c", "import sys; sys.exit('out of memory')"))
    with Session(tmp_path, workers=2) as session, pytest.raises(WorkerFailedError, match="out of memory"):
        complete(session)


def test_a_job_that_cannot_be_written_is_a_fault_and_not_waited_for(tmp_path: Path) -> None:
    with Session(tmp_path, workers=1) as session, pytest.raises(TypeError, match="not JSON serializable"):
        session.executor.run([{"store": object()}], lambda index, share: None)


def test_what_a_job_refuses_is_an_input_error(tmp_path: Path) -> None:
    with Session(tmp_path, workers=1) as session, pytest.raises(InputError, match="not a job"):
        session.executor.run([{"store": "nowhere"}], lambda index, share: None)


ORPHAN = """
import sys
import limbeck
from limbeck.runs.executors import local
start = local.Worker.start
def told():
    worker = start()
    print(worker.process.pid, flush=True)
    return worker
local.Worker.start = told
with limbeck.Session(sys.argv[1], workers=1) as session:
    limbeck.evaluate(sys.argv[2], repeats=1000, baselines=(), session=session)
"""


def test_workers_end_with_a_process_that_is_killed(tmp_path: Path) -> None:
    made = limbeck.distill(
        limbeck.load("digits"), "random", ipc=1, network=NETWORK, session=limbeck.Session(tmp_path / "made")
    )
    made.save(tmp_path / "set.safetensors")
    command = [sys.executable, "-c", ORPHAN, str(tmp_path / "runs"), str(tmp_path / "set.safetensors")]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = os.pidfd_open(int(parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    # A handle of a process can be read when it has ended.
    assert select.select([worker], [], [])[0] == [worker]


WRITING = """
import signal
from pathlib import Path
from limbeck.core.files import write_atomically
from limbeck.runs import worker

def write(temporary):
    temporary.write_bytes(b"half")
    Path("begun").touch()
    signal.pause()

worker.do = lambda job: write_atomically(Path("outcome"), write)
worker.main()
"""


@pytest.mark.parametrize("end", [lambda it: it.terminate(), lambda it: it.stdin.close()], ids=["stopped", "orphaned"])
def test_a_worker_that_is_to_end_leaves_no_half_of_a_file(
    end: Callable[[subprocess.Popen[str]], None], tmp_path: Path
) -> None:
    worker = subprocess.Popen([sys.executable, "-c", WRITING], cwd=tmp_path, stdin=subprocess.PIPE, text=True)
    assert worker.stdin is not None
    worker.stdin.write("{}\n")
    worker.stdin.flush()
    wait_until((tmp_path / "begun").exists, worker)
    end(worker)
    assert worker.wait() == 128 + signal.SIGTERM
    assert [path.name for path in tmp_path.iterdir()] == ["begun"]


@pytest.mark.parametrize(("workers", "jobs", "commands"), [(1, 7, 1), (3, 7, 3), (9, 7, 7), (1, 120, 3)])
def test_there_is_a_command_for_each_worker_and_every_job_is_in_one(
    workers: int, jobs: int, commands: int, tmp_path: Path
) -> None:
    lines: list[str] = []
    with pytest.raises(Deferred, match=f"^{commands} command"):
        Printed(tmp_path, lines.append, workers).run(
            [{"job": index} for index in range(jobs)], lambda index, share: None
        )
    chunks = [Path(shlex.split(line)[2]).read_text().splitlines() for line in lines]
    found = [[json.loads(line)["job"] for line in chunk] for chunk in chunks]
    assert len(found) == commands and [chunk[0] for chunk in found] == list(range(commands))
    assert sorted(job for chunk in found for job in chunk) == list(range(jobs))


def test_printed_commands_do_the_work_and_the_same_command_then_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "set.safetensors"
    limbeck.distill(
        limbeck.load("digits"), "random", ipc=1, network=NETWORK, session=limbeck.Session(tmp_path / "made")
    ).save(path)
    asked = ["evaluate", str(path), "--repeats", "2", "--baselines", "random,herding", "--json"]
    elsewhere = ["--executor", "print", "--runs", str(tmp_path / "elsewhere")]
    rounds = 0
    while not (answer := _answered([*asked, *elsewhere], capsys)).startswith("{"):
        # What needs something else is printed when that is there.
        for line in answer.splitlines():
            words = shlex.split(line)
            assert words[:2] == ["limbeck", "worker"] and main([*words[1:], "--quiet"]) == 0
        rounds += 1
    assert rounds >= 1
    here = _answered([*asked, "--workers", "1", "--runs", str(tmp_path / "here")], capsys)
    assert json.loads(answer) == json.loads(here)


def _answered(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(words) == 0
    return capsys.readouterr().out
