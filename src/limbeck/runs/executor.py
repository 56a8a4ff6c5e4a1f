"""Jobs in parallel: one process and one thread to each worker, jobs and answers as lines of JSON.

Measured on two cores, ConvNet width 32, 100 images: a step of a learner takes 0.082 s by one thread and
0.059 s by two, so two learners side by side by one thread each need 0.7 of the time that they need one after
the other; and where other programs use the cores, small operations split over threads become several times
slower.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, Queue
from tempfile import TemporaryFile
from typing import IO, Any

import torch

from limbeck.core.errors import InputError

Job = dict[str, Any]
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class WorkerFailedError(RuntimeError):
    """A worker ended without an answer; the message is what it last said."""


def workers_on(device: torch.device) -> int:
    """How many workers a device keeps busy: one for each core of a processor, one on anything else."""
    return (os.cpu_count() or 1) if device.type == "cpu" else 1


def fan_out(jobs: list[Job], workers: int, done: Callable[[int], None]) -> list[Any]:
    """The answer to every job, in the order of the jobs; `done(index)` is told of each as it comes.

    Each job is what `limbeck.runs.worker` takes. Raises the InputError that a job met, and WorkerFailedError
    where a worker broke down; whatever ends this function ends the workers.
    """
    waiting: Queue[tuple[int, Job]] = Queue()
    for numbered in enumerate(jobs):
        waiting.put(numbered)
    answers: Queue[tuple[int, Any] | BaseException] = Queue()
    found: list[Any] = [None] * len(jobs)
    with _workers(min(workers, len(jobs)), waiting, answers):
        for _ in jobs:
            answer = answers.get()
            if isinstance(answer, BaseException):
                raise answer
            index, value = answer
            found[index] = value
            done(index)
    return found


@dataclass(frozen=True)
class Worker:
    """A process that answers jobs, and the file that its complaints go to."""

    process: subprocess.Popen[str]
    complaints: IO[str]

    def ask(self, job: Job) -> Any:
        """The worker's answer: {"answer": value} or {"refused": message}; WorkerFailedError where it broke down."""
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())
        except (OSError, ValueError) as error:
            self.process.wait()
            self.complaints.seek(0)
            said = self.complaints.read().strip() or "it ended without a word; was there enough memory?"
            raise WorkerFailedError(f"a worker failed: {said}") from error


@contextmanager
def _workers(count: int, waiting: Queue[tuple[int, Job]], answers: Queue[Any]) -> Iterator[None]:
    """Workers that are served jobs by a thread each, for as long as the block lasts."""
    environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
    command = [sys.executable, "-m", "limbeck.runs.worker"]
    started: list[tuple[Worker, threading.Thread]] = []
    try:
        for _ in range(count):
            complaints = TemporaryFile("w+")  # noqa: SIM115 (it is open for as long as its worker)
            # A session of its own: Ctrl-C reaches this process alone, which then ends the workers.
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
                env=environment,
                start_new_session=True,
            )
            worker = Worker(process, complaints)
            serving = threading.Thread(target=_serve, args=(worker, waiting, answers), daemon=True)
            started.append((worker, serving))
            serving.start()
        yield
    finally:
        for worker, _ in started:
            worker.process.kill()
        for worker, serving in started:
            worker.process.wait()
            # It reads the complaints of a worker that broke down, and so they stay open until it has ended.
            serving.join()
            worker.complaints.close()


def _serve(worker: Worker, waiting: Queue[tuple[int, Job]], answers: Queue[Any]) -> None:
    """Give one worker job after job until none is left."""
    while True:
        try:
            index, job = waiting.get_nowait()
        except Empty:
            return
        try:
            answer = worker.ask(job)
        except WorkerFailedError as failure:
            answers.put(failure)
            return
        answers.put(InputError(answer["refused"]) if "refused" in answer else (index, answer["answer"]))
