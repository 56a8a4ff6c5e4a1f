"""The commands that would do the work, a line each: for GNU parallel, qsub, or another machine with the same store."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from limbeck.core.deferred import Deferred
from limbeck.core.family import spec_id
from limbeck.core.files import write_text
from limbeck.core.text import counted
from limbeck.runs.executors.contract import AbstractExecutor, Job

MOST = 50
"""Jobs of one command at most: what is lost where it dies."""


@dataclass(frozen=True)
class Printed(AbstractExecutor):
    """Jobs in files of the store, and the commands that do them."""

    waits = False

    folder: Path
    tell: Callable[[str], object]
    """Takes each command line."""
    workers: int = 1
    """How many will be done side by side: there are as many commands, where there are as many jobs."""

    def run(self, jobs: list[Job], told: Callable[[int, float], None]) -> None:
        """Write the chunks, tell a command for each, and raise Deferred."""
        commands = min(len(jobs), max(self.workers, -(-len(jobs) // MOST)))
        for first in range(commands):
            part = jobs[first::commands]  # Dealt out, as the longest come first.
            path = (self.folder / f"{spec_id(part)}.jsonl").absolute()
            write_text(path, "".join(json.dumps(job, sort_keys=True) + "\n" for job in part))
            self.tell(f"limbeck worker {shlex.quote(str(path))}")
        raise Deferred(f"{counted(commands, 'command')} to run, here or where the same store is")
