"""What a worker does: jobs, one line of JSON each, until its input ends.

`python -m limbeck.runs.worker` answers each with {} or {"error": message}, after lines {"share": x} that say how far it
is; files of jobs are done by `runs/working.py`. A job is a chunk of computations of one network, each of a set
or of none, or it is a distillation; whatever finishes is in the store.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Queue
from typing import Any

import torch

from limbeck.computations.contract import ProbeContext
from limbeck.core.contracts import AbstractTask, Problem
from limbeck.core.errors import InputError, refusals_told
from limbeck.core.family import from_spec
from limbeck.core.interruptions import between_imports
from limbeck.core.memory import keep_freed_memory, shortage_told
from limbeck.core.progress import heard_by
from limbeck.core.provenance import unchanged
from limbeck.distilled_set import DistilledSet
from limbeck.probes import PROBES as _PROBES  # noqa: F401 (what a probe's package registers may be in a job)
from limbeck.protocols import PROTOCOL_KINDS as _PROTOCOL_KINDS  # noqa: F401 (a training may be by any of them)
from limbeck.recipes import SELECTIONS as _SELECTIONS  # noqa: F401 (what a coreset is chosen by)
from limbeck.runs.distilling import PLAN, carry_out
from limbeck.runs.executors import Job
from limbeck.runs.graph import compute
from limbeck.runs.plan import Plan
from limbeck.runs.store import Store
from limbeck.tasks import reload

TOLD_EVERY = 0.5
"""Seconds between two lines that say how far a job is."""
GRACE = 10.0
"""Seconds that a worker has to put away what it is writing before it is killed."""
ANSWERED = "give the command that wrote this job again, with the same limbeck and the same packages wherever it runs"
"""What to do where a job was written by other code: what it came to would not be found by whoever asked."""


@functools.lru_cache(maxsize=1)
def _task(data: str, root: str | None) -> AbstractTask:
    return reload(json.loads(data), None if root is None else Path(root))


@functools.lru_cache(maxsize=8)
def _set(path: str) -> DistilledSet:
    return DistilledSet.load(path)


def do(job: Job) -> None:
    """Do a job's computations and keep their outcomes in its store; InputError for a job that cannot be done."""
    try:
        task = _task(json.dumps(job["data"], sort_keys=True), job["data_root"])
        if PLAN in job:
            with unchanged(ANSWERED):
                plan = Plan.on(task, job[PLAN])
            carry_out(plan, job)
            return
        store = Store(Path(job["store"]), job["since"])
        network, device = task.network(job["network"]), torch.device(job["device"])
        problem = Problem(task, network, device, store, job["compiled"])
        if problem.basis != job["basis"]:
            raise InputError(f"found data, a network or a limbeck that are not those of the job; {ANSWERED}")
        split, size = job["evaluation"]
        asked = []
        for each in job["computations"]:
            distilled, draw = None if each["set"] is None else _set(each["set"]), each["draw"]
            context = ProbeContext(problem, each["name"], distilled, split, size)
            with unchanged(ANSWERED):
                computation = from_spec(each["computation"])
            asked.append((computation, context if draw is None else context.control(draw)))
    except (KeyError, TypeError) as error:
        raise InputError(f"not a job ({type(error).__name__}: {error}); expected a line that limbeck wrote") from error
    compute(asked, store)


class Teller:
    """Passes on to `say`, now and then, which share of a job is done."""

    def __init__(self, say: Callable[[float], object]) -> None:
        self.say = say
        self.last = time.monotonic()

    def __call__(self, share: float) -> None:
        """Take a share, and pass it on where the last one is some time ago."""
        now = time.monotonic()
        if now - self.last >= TOLD_EVERY:
            self.last = now
            self.say(share)


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def leave(number: int, _frame: object) -> None:
    """End by an exception, so that a file in the making is removed on the way out."""
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + number)


def main() -> None:
    """Answer jobs until there are no more; where the input ends while one is under way, whoever asked is gone."""
    keep_freed_memory()
    signal.signal(signal.SIGTERM, between_imports(leave))
    jobs: Queue[str | None] = Queue()
    busy = threading.Event()

    def listen() -> None:
        for line in sys.stdin:
            busy.set()
            jobs.put(line)
        if busy.is_set():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(GRACE)
            os.kill(os.getpid(), signal.SIGKILL)
        jobs.put(None)

    threading.Thread(target=listen, daemon=True).start()
    while (line := jobs.get()) is not None:
        answer: dict[str, Any] = {}
        try:
            with heard_by(Teller(lambda share: _say({"share": share}))), shortage_told(), refusals_told():
                do(json.loads(line))
        except InputError as error:
            answer = {"error": str(error)}
        busy.clear()
        _say(answer)


if __name__ == "__main__":
    main()
