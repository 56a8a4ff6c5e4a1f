"""Jobs in chunks on machines that an engine gives: sent, followed by their answers, and what is lost sent again."""

from __future__ import annotations

import json
import secrets
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from limbeck.core.errors import InputError
from limbeck.core.text import counted
from limbeck.runs.executors.chunks import MOST, dealt, shared_out, write_chunk
from limbeck.runs.executors.contract import AbstractExecutor, Job, WorkerFailedError

TRIES = 2
"""How often a job is sent whose worker breaks down."""
STOPS = 5
"""How often a job is sent whose worker is stopped by the engine."""
TAIL = 2000
"""Characters of a log that are told, its last."""
MANY = 100
"""Chunks from which on the pause between two looks at all answers grows with how many there are."""
SILENT = "it ended without a word; was there enough memory?"


class State(Enum):
    """What an engine knows of a chunk that it was given."""

    GOING = "going"
    """It waits, or is at work."""
    ENDED = "ended"
    """Its process is over, whatever became of it."""
    STOPPED = "stopped"
    """The engine took its machine away: its time was over, something else came first, or the machine failed."""


class Chunk(NamedTuple):
    """What an engine has `limbeck.runs.working.work(path, answers)` called with, in a process of one thread."""

    path: Path
    """The file of its jobs."""
    answers: Path
    """The file that says what becomes of each."""


class AbstractEngine(ABC):
    """Whoever gives machines. It need not try anything again, and its handles are what it likes."""

    at_once: int
    """How many chunks it is given at once at most."""
    every: float = 1.0
    """Seconds between two looks at the answers."""
    settled: float = 0.0
    """Seconds that a chunk must have been over before it is believed: for files to arrive from other machines."""

    @abstractmethod
    def submit(self, chunks: Sequence[Chunk]) -> list[Any]:
        """Have chunks done; a handle for each, in order. InputError for what the engine refuses."""

    @abstractmethod
    def state(self, handle: Any) -> State:
        """What becomes of a chunk."""

    @abstractmethod
    def said(self, handle: Any) -> str:
        """What the process of a chunk that is over said last; "" where nobody knows."""

    @abstractmethod
    def cancel(self, handles: Sequence[Any]) -> None:
        """End chunks, as far as they are not over."""

    def close(self) -> None:  # noqa: B027 (most have nothing to end)
        """End what lives on between calls; by default nothing does."""


class Batches(AbstractExecutor):
    """Jobs in chunks, by an engine.

    Args:
        engine: Who does them.
        folder: Of the store; chunks and their answers are files below it.
        workers: How many chunks are meant to be done side by side.
        most: Jobs of a chunk at most.
    """

    def __init__(self, engine: AbstractEngine, folder: Path, workers: int, most: int = MOST) -> None:
        self.engine, self.folder, self.workers, self.most = engine, folder, workers, most

    def run(self, jobs: list[Job], told: Callable[[int, float], None], seconds: Sequence[float] = ()) -> None:
        """Have every job done; what fails is raised when all others are done. An interruption ends what was sent."""
        _Following(self, jobs, told, seconds).run()

    def close(self) -> None:
        """End the engine."""
        self.engine.close()


@dataclass
class _Sent:
    """A chunk that was sent."""

    indices: list[int]
    """Of all jobs, those in its lines."""
    answers: Path
    handle: Any = None
    left: list[int] = field(default_factory=list)
    """Those of which it has not answered."""
    began: int | None = None
    """The one that it began last."""
    stopped: bool = False
    """Whether it said that its machine is taken away."""
    read: int = 0
    """Bytes of its answers that were read."""
    over: float | None = None
    """When it was found to be over."""


class _Following:
    """One run of jobs, until each of them is done or given up."""

    def __init__(
        self, batches: Batches, jobs: list[Job], told: Callable[[int, float], None], seconds: Sequence[float]
    ) -> None:
        self._batches, self._engine, self._jobs, self._told = batches, batches.engine, jobs, told
        self._seconds, self._waiting = seconds, list[list[int]]()
        if seconds:
            self._waiting = self._shared_out(range(len(jobs)))
        else:
            self._waiting = dealt(len(jobs), batches.workers, batches.most)
        self._sent: list[_Sent] = []
        self._breaks, self._stops = Counter[int](), Counter[int]()
        self._failures: dict[int, Exception] = {}
        self._shares = [0.0] * len(jobs)
        self._files: list[Path] = []

    def run(self) -> None:
        """Send what waits, hear what is answered, and send again what is lost."""
        try:
            while self._waiting or self._sent:
                self._send()
                news = [self._hear(each) for each in self._sent]
                self._sent = [each for each in self._sent if not self._is_over(each)]
                if self._sent and not any(news):
                    # Whoever counts the time hears that it passes.
                    index = self._sent[0].indices[0]
                    self._told(index, self._shares[index])
                # Of very many there is always news: a file server is not asked without a pause, nor ever more often.
                time.sleep(self._engine.every * max(1.0, len(self._sent) / MANY) if self._sent else 0.0)
        except BaseException:
            self._engine.cancel([each.handle for each in self._sent])
            raise
        finally:
            for path in self._files:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
        if self._failures:
            raise self._failure()

    def _send(self) -> None:
        """Give the engine as many chunks as it takes."""
        room = max(0, self._engine.at_once - len(self._sent))
        parts, self._waiting = self._waiting[:room], self._waiting[room:]
        sending = []
        for indices in parts:
            path = write_chunk(self._batches.folder / "chunks", [self._jobs[index] for index in indices])
            answers = (self._batches.folder / "answers" / f"{path.stem}-{secrets.token_hex(4)}.jsonl").absolute()
            self._files.append(answers)
            sending.append((_Sent(indices, answers, left=list(indices)), Chunk(path, answers)))
        if sending:
            handles = self._engine.submit([chunk for _, chunk in sending])
            for (sent, _), handle in zip(sending, handles, strict=True):
                sent.handle = handle
                self._sent.append(sent)

    def _hear(self, sent: _Sent) -> bool:
        """Read what a chunk has answered since, and tell whether that was anything."""
        try:
            with open(sent.answers, "rb") as opened:
                opened.seek(sent.read)
                text = opened.read()
        except OSError:  # It is not there yet, or its disk is away for a moment.
            return False
        whole = text[: text.rfind(b"\n") + 1]
        sent.read += len(whole)
        for line in whole.splitlines():
            try:
                answer = json.loads(line)
                sent.stopped = "stopped" in answer
                index = sent.indices[answer["job"]]
            except (ValueError, KeyError, TypeError, IndexError):  # Whoever died while it wrote left half a line.
                continue
            self._take(sent, index, answer)
        return bool(whole)

    def _take(self, sent: _Sent, index: int, answer: dict[str, Any]) -> None:
        """Take a line of answers about a job."""
        if index not in sent.left:  # The engine began the chunk anew.
            return
        if "began" in answer:
            sent.began = index
        elif "share" in answer:
            self._shares[index] = max(self._shares[index], answer["share"])
            self._told(index, self._shares[index])
        else:
            sent.left.remove(index)
            if "refused" in answer:
                self._failures[index] = InputError(answer["refused"])
            elif "broke" in answer:
                if not self._given_up(index, State.ENDED, lambda: answer["broke"]):
                    self._waiting.append([index])
            else:
                self._shares[index] = 1.0
                self._told(index, 1.0)

    def _is_over(self, sent: _Sent) -> bool:
        """Whether nothing more is to be heard of a chunk; what it leaves undone is to be sent again."""
        if not sent.left:
            return True
        state = self._engine.state(sent.handle)
        if state is State.GOING:
            sent.over = None
            return False
        now = time.monotonic()
        sent.over = now if sent.over is None else sent.over
        if now - sent.over < self._engine.settled:
            return False
        # What it wrote before it ended.
        self._hear(sent)
        if sent.left:
            self._lost(sent, State.STOPPED if sent.stopped else state)
        return True

    def _lost(self, sent: _Sent, state: State) -> None:
        """Send again what is left of a chunk that is over; the job that broke its worker by itself."""
        began = sent.began if sent.began in sent.left else None
        blamed = list(sent.left) if began is None else [began]
        given_up = {each for each in blamed if self._given_up(each, state, lambda: self._engine.said(sent.handle))}
        alone = [] if began is None or state is State.STOPPED or began in given_up else [began]
        others = [each for each in sent.left if each not in given_up and each not in alone]
        # In short chunks, as they come after all that was sent.
        parts = self._shared_out(others) if self._seconds else [others]
        self._waiting = [*[part for part in (*parts, alone) if part], *self._waiting]

    def _shared_out(self, indices: Sequence[int]) -> list[list[int]]:
        """Some jobs in chunks, before those that wait."""
        behind = sum(self._seconds[index] for part in self._waiting for index in part)
        seconds = [self._seconds[index] for index in indices]
        parts = shared_out(seconds, self._batches.workers, self._batches.most, behind)
        return [[indices[at] for at in part] for part in parts]

    def _given_up(self, index: int, state: State, said: Callable[[], str]) -> bool:
        """Count against a job that its worker was lost, and tell whether it is not to be sent again."""
        tally, most = (self._stops, STOPS) if state is State.STOPPED else (self._breaks, TRIES)
        tally[index] += 1
        if tally[index] < most:
            return False
        last = said().strip()[-TAIL:] or SILENT
        if state is State.STOPPED:
            last = f"it was stopped {most} times, such as where its time was over; give it more. It said: {last}"
        self._failures[index] = WorkerFailedError(f"a worker failed: {last}")
        return True

    def _failure(self) -> Exception:
        """What the first job that failed came to, and how many there are."""
        first = self._failures[min(self._failures)]
        if len(self._failures) == 1:
            return first
        others = counted(len(self._failures) - 1, "other job")
        return type(first)(f"{first}; {others} failed, too, and {len(self._jobs) - len(self._failures)} are done")


def check_package(package: str, name: str) -> None:
    """InputError where the package of an executor is not installed."""
    if find_spec(package) is None:
        raise InputError(f"--executor {name}: {package} is not installed; run pip install 'limbeck[{name}]'")
