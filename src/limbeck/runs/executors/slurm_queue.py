"""What Slurm's queue says of jobs, which it knows with and without accounting, for some minutes after they ended."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress

EVERY = 5.0
"""Seconds between two questions: one answers for all jobs."""
PATIENCE = 60
"""Seconds that an answer may take."""


GONE = "GONE"
"""Of what the queue knew and does not any more."""
GOING = (
    *("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "STAGE_OUT", "SIGNALING"),
    *("SUSPENDED", "STOPPED", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESIZING"),
)
"""States of what is not over."""


class Queue:
    """The states of the elements of some arrays, by the name of each: "12_3" is "RUNNING"."""

    def __init__(self) -> None:
        self._arrays: set[str] = set()
        self._states: dict[str, str] = {}
        self._asked = float("-inf")

    def add(self, names: Iterable[str]) -> None:
        """Follow some elements."""
        self._arrays |= {name.partition("_")[0] for name in names}
        self._asked = float("-inf")

    def state(self, name: str) -> str:
        """What was last known of an element.

        `GONE` where the queue knew it and does not any more; "" where it never did, or there is no queue.
        """
        if time.monotonic() > self._asked + EVERY:
            self._ask()
            self._asked = time.monotonic()
        return self._states.get(name, "")

    def _ask(self) -> None:
        command = ["squeue", "--noheader", "--array", "--states=all", "--format=%i|%T", "--jobs"]
        with suppress(OSError, subprocess.SubprocessError):
            # A queue that knows none of them any more answers with an error of its own, which says so.
            asked = subprocess.run(
                [*command, ",".join(sorted(self._arrays))], capture_output=True, text=True, timeout=PATIENCE
            )
            if asked.returncode and "Invalid job id" not in asked.stderr:
                return
            found = dict(line.split("|", 1) for line in asked.stdout.splitlines() if "|" in line)
            gone = {name: GONE for name, state in self._states.items() if name not in found and state in GOING}
            self._states |= {**found, **gone}
