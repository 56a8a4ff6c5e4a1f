"""What is done with a chunk, a file of jobs: each in turn, with lines of JSON that say what became of it.

Of the job in line N they are {"job": N, "began": process, "on": machine}, {"job": N, "share": x} now and then, and, as
it ends, {"job": N, "done": true}, {"job": N, "refused": message} or {"job": N, "broke": traceback}. The last one is
{"stopped": true} where the machine is taken away before.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from limbeck.core.errors import InputError, refusals_told, refused
from limbeck.core.interruptions import between_imports
from limbeck.core.memory import keep_freed_memory, shortage_told
from limbeck.core.progress import heard_by
from limbeck.core.threads import computing_by
from limbeck.runs.executors import Job
from limbeck.runs.worker import Teller, do, leave

WRITTEN_EVERY = 5.0
"""Seconds between two lines in a file of answers that say how far a job is."""
STOPPING = (signal.SIGTERM, signal.SIGUSR2)
"""How a process is told that its machine is taken away: by Slurm, and ahead of time as submitit asks of it."""


class Answers:
    """A file that lines of answers are appended to, each as soon as it is there, for other machines to read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._last = time.monotonic()

    def __call__(self, line: dict[str, Any]) -> None:
        """Append a line; of those that say a share, only some are. InputError where that cannot be written."""
        now = time.monotonic()
        if "share" in line and now - self._last < WRITTEN_EVERY:
            return
        self._last = now
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Opened each time: what is closed is what other machines see.
            with open(self.path, "a", encoding="utf-8") as opened:
                opened.write(json.dumps(line) + "\n")
        except OSError as error:
            raise refused(f"cannot write {self.path}", error) from error


def read_jobs(text: str, name: str) -> list[Job]:
    """The jobs of a chunk of that name; InputError where it is none."""
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise InputError(f"{name}: {error}; expected a .jsonl file that --executor print wrote") from error


def work_through(jobs: Sequence[Job], say: Callable[[dict[str, Any]], object]) -> list[Exception]:
    """Do jobs one after the other, whatever becomes of those before, and say so; what those raised that failed."""
    failed: list[Exception] = []
    for index, job in enumerate(jobs):
        say({"job": index, "began": os.getpid(), "on": socket.gethostname()})
        try:
            with heard_by(Teller(functools.partial(_share, say, index))), shortage_told(), refusals_told():
                do(job)
        except InputError as error:
            failed.append(error)
            say({"job": index, "refused": str(error)})
        except Exception as error:
            failed.append(error)
            say({"job": index, "broke": "".join(traceback.format_exception(error)).strip()})
        else:
            say({"job": index, "done": True})
    return failed


def _share(say: Callable[[dict[str, Any]], object], index: int, share: float) -> None:
    say({"job": index, "share": share})


def work(chunk: str, answers: str) -> None:
    """What an engine calls on the machine that it chose: do the jobs of a file, and answer in another.

    Where the process is told to stop it ends by SystemExit, and says so.
    """
    keep_freed_memory()
    say = Answers(Path(answers))
    # As every worker: several run side by side, and one thread gives the same bits anywhere.
    with computing_by(1), _stoppable(say):
        work_through(read_jobs(Path(chunk).read_text(), chunk), say)


@contextmanager
def _stoppable(say: Callable[[dict[str, Any]], object]) -> Iterator[None]:
    """Leave by an exception when told to stop, and say so; other threads than the first are told nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    hook, handler = sys.unraisablehook, signal.getsignal(signal.SIGALRM)
    leaving = between_imports(leave)
    before = {each: signal.signal(each, leaving) for each in STOPPING}
    try:
        yield
    except SystemExit:
        say({"stopped": True})
        raise
    finally:
        for each, its in {**before, signal.SIGALRM: handler}.items():
            signal.signal(each, its)
        sys.unraisablehook = hook
