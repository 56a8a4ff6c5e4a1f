"""Jobs side by side on this machine: processes of one thread, which live from phase to phase and end with the command.

Measured on two cores, ConvNet width 32, 100 images: a step of a learner takes 0.082 s by one thread and 0.059 s by two,
so two learners side by side by one thread each need 0.7 of the time that they need one after the other; and where other
programs use the cores, small operations split over threads become several times slower.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, Queue
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple

from limbeck.core.errors import InputError
from limbeck.runs.executors.contract import AbstractExecutor, Job, WorkerFailedError

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
COMMAND = (sys.executable, "-m", "limbeck.runs.worker")
TRIES = 2
"""How often a job is given out whose worker breaks down."""


class Answer(NamedTuple):
    """How far a job is."""

    job: int
    share: float
    ended: bool


@dataclass(frozen=True)
class Worker:
    """A process that answers jobs, and the file that its complaints go to."""

    process: subprocess.Popen[str]
    complaints: IO[str]

    @classmethod
    def start(cls) -> Worker:
        """A new process. It ends when this one does, since its input then ends."""
        complaints = TemporaryFile("w+")  # noqa: SIM115 (it is open for as long as its worker)
        # A group of its own: Ctrl-C reaches this process alone, which then ends the workers.
        process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            env={**os.environ, **dict.fromkeys(THREADS, "1")},
            start_new_session=True,
        )
        return cls(process, complaints)

    def ask(self, job: Job, told: Callable[[float], None]) -> dict[str, Any]:
        """The worker's answer: {} or {"error": message}; WorkerFailedError where it broke down.

        `told` hears on the way which share of the job is done.
        """
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
            while True:
                answer: dict[str, Any] = json.loads(self.process.stdout.readline())
                if "share" not in answer:
                    return answer
                told(answer["share"])
        except (OSError, ValueError) as error:
            self.process.wait()
            self.complaints.seek(0)
            said = self.complaints.read().strip() or "it ended without a word; was there enough memory?"
            raise WorkerFailedError(f"a worker failed: {said}") from error

    def end(self) -> None:
        """Kill the process."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            try:
                if stream:
                    stream.close()
            except OSError:  # What was written last is not read any more.
                pass
        self.complaints.close()


class Local(AbstractExecutor):
    """Processes of one thread on this machine."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._idle: list[Worker] = []

    def run(self, jobs: list[Job], told: Callable[[int, float], None], seconds: Sequence[float] = ()) -> None:
        """Have every job done by as many workers as there are jobs for; those that live on serve first."""
        waiting: Queue[tuple[int, int]] = Queue()
        for index in range(len(jobs)):
            waiting.put((index, 1))
        answers: Queue[Answer | Exception] = Queue()
        serving = [_Serving(self, jobs, waiting, answers) for _ in range(min(self.workers, len(jobs)))]
        try:
            for each in serving:
                each.thread.start()
            left = len(jobs)
            while left:
                answer = answers.get()
                if isinstance(answer, Exception):
                    raise answer
                left -= answer.ended
                told(answer.job, 1.0 if answer.ended else answer.share)
        except BaseException:
            for each in serving:
                each.stop()
            raise
        finally:
            for each in serving:
                each.thread.join()

    @property
    def idle(self) -> int:
        """How many workers live on from before."""
        return len(self._idle)

    @contextmanager
    def limited(self, workers: int) -> Iterator[None]:
        """Have jobs done by so many workers at most within the block; those beyond that live on from before are ended.

        Memory that a worker was given it keeps.
        """
        before, self.workers = self.workers, min(workers, self.workers)
        self._end(self.workers)
        try:
            yield
        finally:
            self.workers = before

    def close(self) -> None:
        """End all workers."""
        self._end(0)

    def _end(self, left: int) -> None:
        while len(self._idle) > left:
            self._idle.pop().end()

    def hire(self) -> Worker:
        """A worker that lives on from before, or a new one."""
        try:
            return self._idle.pop()
        except IndexError:
            return Worker.start()

    def release(self, worker: Worker) -> None:
        """Keep a worker for what comes next."""
        self._idle.append(worker)


class _Serving:
    """A thread that gives one worker job after job until none is left."""

    def __init__(
        self, pool: Local, jobs: list[Job], waiting: Queue[tuple[int, int]], answers: Queue[Answer | Exception]
    ) -> None:
        self.pool, self.jobs, self.waiting, self.answers = pool, jobs, waiting, answers
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self._guard = threading.Lock()
        self._worker: Worker | None = None
        self._stopped = False

    def stop(self) -> None:
        """End the worker, and with it its job. It kills itself where that takes long, as its input ends."""
        with self._guard:
            self._stopped = True
            if self._worker is not None and self._worker.process.stdin is not None:
                self._worker.process.terminate()
                with suppress(OSError):  # It may have ended before.
                    self._worker.process.stdin.close()

    def _serve(self) -> None:
        while (worker := self._at_work()) is not None:
            try:
                index, tries = self.waiting.get_nowait()
            except Empty:
                break
            try:
                answer = worker.ask(self.jobs[index], functools.partial(self._told, index))
            except WorkerFailedError as failure:
                with self._guard:
                    self._worker = None
                worker.end()
                if tries < TRIES and not self._stopped:
                    # What it had finished is in the store: a new worker goes on from there.
                    self.waiting.put((index, tries + 1))
                else:
                    self.answers.put(failure)
                continue
            except Exception as fault:
                # Whoever waits for an answer would wait for ever.
                self.answers.put(fault)
                continue
            self.answers.put(InputError(answer["error"]) if "error" in answer else Answer(index, 1.0, True))
        with self._guard:
            if self._worker is not None:
                if self._stopped:
                    self._worker.end()
                else:
                    self.pool.release(self._worker)

    def _told(self, index: int, share: float) -> None:
        self.answers.put(Answer(index, share, False))

    def _at_work(self) -> Worker | None:
        with self._guard:
            if self._stopped:
                return None
            self._worker = self._worker or self.pool.hire()
            return self._worker
