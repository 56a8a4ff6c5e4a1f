"""Chunks on machines that come and go: whatever is lost is sent again, and nothing that was finished is done twice."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

import limbeck
from limbeck.cli import main
from limbeck.computations import AllReal, Steps, Training
from limbeck.computations.contract import ProbeContext
from limbeck.core.errors import InputError
from limbeck.runs import working
from limbeck.runs.executors import AbstractEngine, AbstractExecutor, Batches, Job, WorkerFailedError, batches
from limbeck.runs.executors.batches import MANY, STOPS, TRIES, Chunk, State
from limbeck.runs.executors.chunks import LEAST, PARTS, shared_out
from limbeck.runs.graph import Graph, Request
from limbeck.runs.session import Session
from limbeck.runs.worker import do
from limbeck.runs.working import Answers, work_through

BREAKS = ("broke", "dies", "dies as it answers")
STOPPED = ("stopped", "says that it is stopped")
Fate = Callable[[Any, int], str]


class Process:
    """A chunk at work: each look at it does its next job."""

    def __init__(self, chunk: Chunk) -> None:
        self.jobs = [json.loads(line) for line in chunk.path.read_text().splitlines()]
        self.answer, self.path = Answers(chunk.answers), chunk.answers
        self.at, self.state = 0, State.GOING


class Simulated(AbstractEngine):
    """An engine within this process, whose workers meet the fates that it is told, by job and try."""

    every = 0.0

    def __init__(self, fate: Fate, at_once: int = 3, compute: Callable[[Job], object] = lambda job: None) -> None:
        self.fate, self.at_once, self.compute = fate, at_once, compute
        self.store, self.tries = Counter[str](), Counter[str]()
        self.sent: list[Process] = []
        self.cancelled: list[Process] = []
        self.most = 0

    def submit(self, chunks: Sequence[Chunk]) -> list[Process]:
        begun = [Process(chunk) for chunk in chunks]
        self.sent += begun
        self.most = max(self.most, sum(each.state is State.GOING and each.at < len(each.jobs) for each in self.sent))
        return begun

    def state(self, handle: Process) -> State:
        if handle.state is State.GOING:
            self.step(handle)
        return handle.state

    def step(self, process: Process) -> None:
        if process.at == len(process.jobs):
            process.state = State.ENDED
            return
        job, at = process.jobs[process.at], process.at
        name = json.dumps(job)
        self.tries[name] += 1
        process.answer({"job": at, "began": 1})
        fate = self.fate(job, self.tries[name])
        process.at += 1
        if fate in ("done", "dies as it answers") and not self.store[name]:
            self.compute(job)
            self.store[name] += 1
        if fate == "done":
            process.answer({"job": at, "done": True})
        elif fate in ("broke", "refused"):
            process.answer({"job": at, fate: f"{fate} {job}"})
        else:
            process.state = State.STOPPED if fate == "stopped" else State.ENDED
        if fate == "says that it is stopped":
            process.answer({"stopped": True})
        if fate == "dies as it answers":
            with open(process.path, "a") as opened:
                opened.write(f'{{"job": {at}, "do')

    def said(self, handle: Process) -> str:
        return "the end of its log"

    def cancel(self, handles: Sequence[Process]) -> None:
        self.cancelled += handles


def run(engine: Simulated, folder: Path, jobs: int, workers: int, most: int) -> Counter[int]:
    """How often it was told of each job that it is done."""
    ended = Counter[int]()
    Batches(engine, folder, workers, most).run(
        [{"job": index} for index in range(jobs)], lambda index, share: ended.update([index] if share == 1 else [])
    )
    return ended


@st.composite
def misfortunes(draw: st.DrawFn) -> list[list[str]]:
    """What becomes of each job before it is done, no oftener than it may."""
    found = []
    for _ in range(draw(st.integers(1, 9))):
        breaks = draw(st.lists(st.sampled_from(BREAKS), max_size=TRIES - 1))
        stops = draw(st.lists(st.sampled_from(STOPPED), max_size=STOPS - 1))
        found.append(draw(st.permutations([*breaks, *stops])))
    return found


@given(misfortunes(), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
def test_whatever_is_lost_every_job_is_done_and_none_twice(
    tmp_path_factory: pytest.TempPathFactory, fates: list[list[str]], workers: int, most: int, at_once: int
) -> None:
    folder = tmp_path_factory.mktemp("store")
    engine = Simulated(lambda job, tried: [*fates[job["job"]], *["done"] * 9][tried - 1], at_once)
    ended = run(engine, folder, len(fates), workers, most)
    assert set(ended) == set(range(len(fates)))
    assert list(engine.store.values()) == [1] * len(fates)
    assert sum(engine.tries.values()) == len(fates) + sum(map(len, fates))
    assert engine.most <= at_once and not engine.cancelled
    assert not list((folder / "answers").iterdir())


@given(
    st.dictionaries(st.integers(0, 7), st.sampled_from(["refused", *BREAKS[:2], *STOPPED]), min_size=1),
    st.integers(1, 3),
)
def test_jobs_that_fail_do_not_take_the_others(
    tmp_path_factory: pytest.TempPathFactory, doomed: dict[int, str], workers: int
) -> None:
    engine = Simulated(lambda job, tried: doomed.get(job["job"], "done"))
    first = doomed[min(doomed)]
    kind, said = (InputError, "refused {") if first == "refused" else (WorkerFailedError, "^a worker failed: ")
    with pytest.raises(kind, match=said) as raised:
        run(engine, tmp_path_factory.mktemp("store"), 8, workers, 8)
    assert {json.loads(name)["job"] for name in engine.store} == set(range(8)) - set(doomed)
    often = {"refused": 1, "broke": TRIES, "dies": TRIES}
    for job, fate in doomed.items():
        assert engine.tries[json.dumps({"job": job})] == often.get(fate, STOPS)
    others = len(doomed) - 1
    assert ("failed, too" in str(raised.value)) == bool(others)


def test_what_a_worker_said_last_is_told_also_where_it_never_began(tmp_path: Path) -> None:
    engine = Simulated(lambda job, tried: "done")
    engine.state = lambda handle: State.ENDED  # type: ignore[method-assign]
    with pytest.raises(WorkerFailedError, match="the end of its log; 2 other jobs failed, too, and 0 are done"):
        run(engine, tmp_path, 3, 1, 3)
    assert len(engine.sent) == TRIES and not engine.tries


def test_a_job_that_broke_its_worker_is_sent_alone_and_one_that_was_stopped_with_the_others(tmp_path: Path) -> None:
    fates = {(1, 1): "dies", (2, 1): "stopped"}
    engine = Simulated(lambda job, tried: fates.get((job["job"], tried), "done"))
    run(engine, tmp_path, 4, 1, 4)
    sent = [[job["job"] for job in each.jobs] for each in engine.sent]
    assert sent == [[0, 1, 2, 3], [2, 3], [1], [2, 3]]


@given(
    st.lists(st.floats(0.01, 1000), min_size=1, max_size=60), st.integers(1, 8), st.integers(1, 50), st.floats(0, 1000)
)
def test_chunks_by_time_have_each_job_once_and_become_shorter(
    seconds: list[float], workers: int, most: int, behind: float
) -> None:
    chunks = shared_out(seconds, workers, most, behind)
    assert sorted(index for chunk in chunks for index in chunk) == list(range(len(seconds)))
    assert all(len(chunk) <= most for chunk in chunks)
    lasting = [sum(seconds[index] for index in chunk) for chunk in chunks]
    left = sum(seconds) + behind
    for chunk, its in zip(chunks, lasting, strict=True):
        assert len(chunk) == 1 or its <= max(LEAST, left / (PARTS * workers)) * 1.001
        left -= its


def test_what_is_lost_of_a_chunk_comes_back_in_short_ones_where_times_are_known(tmp_path: Path) -> None:
    engine = Simulated(lambda job, tried: "stopped" if (job["job"], tried) == (1, 1) else "done", at_once=1)
    jobs = [{"job": number} for number in range(20)]
    Batches(engine, tmp_path, 2, 50).run(jobs, lambda index, share: None, [60.0] * 20)
    sent = [[job["job"] for job in each.jobs] for each in engine.sent]
    assert sent[0] == [0, 1, 2, 3, 4]
    back = [chunk for chunk in sent[1:] if set(chunk) & {1, 2, 3, 4}]
    assert sorted(index for chunk in back for index in chunk) == [1, 2, 3, 4] and sent[1 : 1 + len(back)] == back
    assert sorted(index for chunk in sent[1:] for index in chunk) == list(range(1, 20))


def test_the_pause_between_looks_grows_with_how_many_chunks_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(batches, "time", Mock(monotonic=lambda: 0.0, sleep=pauses.append))
    engine = Simulated(lambda job, tried: "done", at_once=1000)
    engine.every = 2.0
    Batches(engine, tmp_path, 300, 1).run([{"job": number} for number in range(300)], lambda index, share: None)
    assert pauses[0] == 2.0 * 300 / MANY and pauses[-1] == 0.0


def test_an_answer_that_arrives_in_halves_is_one(tmp_path: Path) -> None:
    engine = Simulated(lambda job, tried: "done")
    halves = iter(['{"job": 0, "do', 'ne": true}\n'])

    def state(handle: Process) -> State:
        with open(handle.path, "a") as opened:
            opened.write(next(halves))
        return State.GOING

    engine.state = state  # type: ignore[method-assign]
    (tmp_path / "answers").mkdir()
    assert run(engine, tmp_path, 1, 1, 1) == {0: 1}


def test_a_chunk_that_its_engine_begins_anew_is_not_sent_again(tmp_path: Path) -> None:
    engine = Simulated(lambda job, tried: "stopped" if job["job"] == 1 and tried == 1 else "done")
    engine.settled = 3600.0
    look = engine.state

    def requeued(handle: Process) -> State:
        state = look(handle)
        if state is State.STOPPED:
            handle.at, handle.state = 0, State.GOING
        return state

    engine.state = requeued  # type: ignore[method-assign]
    assert set(run(engine, tmp_path, 3, 1, 3)) == {0, 1, 2} and len(engine.sent) == 1
    assert list(engine.store.values()) == [1, 1, 1]


def test_an_interruption_cancels_what_was_sent_and_the_same_jobs_go_on(tmp_path: Path) -> None:
    engine = Simulated(lambda job, tried: "done")
    jobs: list[Job] = [{"job": index} for index in range(8)]

    def interrupted(index: int, share: float) -> None:
        if share == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Batches(engine, tmp_path, 2).run(jobs, interrupted)
    assert engine.cancelled == engine.sent and 0 < len(engine.store) < 8
    Batches(engine, tmp_path, 2).run(jobs, lambda index, share: None)
    assert list(engine.store.values()) == [1] * 8


def test_time_passes_where_nothing_is_heard(tmp_path: Path) -> None:
    engine, calls = Simulated(lambda job, tried: "done"), []
    engine.state = lambda handle: State.GOING  # type: ignore[method-assign]

    def over(index: int, share: float) -> None:
        calls.append((index, share))
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Batches(engine, tmp_path, 1).run([{"job": 0}], over)
    assert calls == [(0, 0.0)] * 3 and engine.cancelled == engine.sent


class Here(AbstractExecutor):
    """Jobs one after the other, in this process."""

    def run(self, jobs: list[Job], told: Callable[[int, float], None], seconds: Sequence[float] = ()) -> None:
        for job in jobs:
            do(job)


def test_real_work_is_the_same_and_what_was_finished_is_not_touched(tmp_path: Path) -> None:
    task = limbeck.load("digits")
    finished: dict[Path, int] = {}

    def fate(job: Job, tried: int) -> str:
        # The second job of the chunk breaks its worker: by then the first is in the store.
        if engine.store and not finished:
            finished.update({path: path.stat().st_mtime_ns for path in (tmp_path / "cluster").rglob("*.safetensors")})
            return "dies"
        return "done"

    engine = Simulated(fate, compute=do)
    for name, executor in (("here", Here()), ("cluster", Batches(engine, tmp_path / "cluster", 1))):
        with Session(tmp_path / name, device="cpu", workers=1, executor=executor) as session:
            context = ProbeContext(session.problem(task, "convnet-w4-d1"))
            trainings = [Training(AllReal(), seed, Steps(2 + seed, 32), keeps=(2,)) for seed in range(3)]
            Graph([Request(each, context) for each in trainings], task.reference).complete(session)
    assert finished and all(path.stat().st_mtime_ns == time for path, time in finished.items())
    here = {path.name: path.read_bytes() for path in (tmp_path / "here" / "remembered").rglob("*.safetensors")}
    there = {path.name: path.read_bytes() for path in (tmp_path / "cluster" / "remembered").rglob("*.safetensors")}
    assert len(here) == 3 and here == there
    assert list(engine.store.values()) == [1, 1, 1] and sum(engine.tries.values()) == 4


def told_by(jobs: Sequence[Job], monkeypatch: pytest.MonkeyPatch) -> Callable[[Job], None]:
    """Have jobs done that are what they come to."""

    def done(job: Job) -> None:
        if job["comes"] == "refused":
            raise InputError("no such data")
        if job["comes"] == "broke":
            raise RuntimeError("a fault")
        if job["comes"] == "stopped":
            signal.raise_signal(signal.SIGUSR2)

    monkeypatch.setattr(working, "do", done)
    return done


def test_a_chunk_goes_on_after_a_job_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[Job] = [{"comes": each} for each in ("done", "refused", "broke", "done")]
    told_by(jobs, monkeypatch)
    lines: list[dict[str, Any]] = []
    failed = work_through(jobs, lines.append)
    assert [type(each) for each in failed] == [InputError, RuntimeError]
    assert [(line["job"], *(set(line) - {"job", "on"})) for line in lines] == [
        (0, "began"), (0, "done"), (1, "began"), (1, "refused"), (2, "began"), (2, "broke"), (3, "began"), (3, "done"),
    ]  # fmt: skip
    assert "no such data" in lines[3]["refused"] and "RuntimeError: a fault" in lines[5]["broke"]


def test_the_command_answers_in_a_file_and_tells_how_many_were_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs: list[Job] = [{"comes": each} for each in ("refused", "done")]
    told_by(jobs, monkeypatch)
    chunk, answers = tmp_path / "chunk.jsonl", tmp_path / "new" / "answers.jsonl"
    chunk.write_text("".join(json.dumps(job) + "\n" for job in jobs))
    assert main(["worker", str(chunk), "--answers", str(answers), "--quiet"]) == 2
    assert "no such data; 1 of 2 jobs were refused, the others are done" in capsys.readouterr().err
    written = [json.loads(line) for line in answers.read_text().splitlines()]
    assert [sorted(set(line) - {"job", "on"}) for line in written] == [["began"], ["refused"], ["began"], ["done"]]


def test_a_process_that_is_told_to_stop_says_so_and_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[Job] = [{"comes": each} for each in ("done", "stopped", "done")]
    told_by(jobs, monkeypatch)
    (tmp_path / "chunk").write_text("".join(json.dumps(job) + "\n" for job in jobs))
    before = [signal.getsignal(each) for each in (*working.STOPPING, signal.SIGALRM)]
    with pytest.raises(SystemExit):
        working.work(str(tmp_path / "chunk"), str(tmp_path / "answers"))
    assert [signal.getsignal(each) for each in (*working.STOPPING, signal.SIGALRM)] == before
    lines = [json.loads(line) for line in (tmp_path / "answers").read_text().splitlines()]
    assert [sorted(line)[0] for line in lines] == ["began", "done", "began", "stopped"]
