"""The commands that would do the work, a line each: for GNU parallel, qsub, or another machine with the same store."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from limbeck.core.deferred import Deferred
from limbeck.core.text import counted
from limbeck.runs.executors.chunks import dealt, write_chunk
from limbeck.runs.executors.contract import AbstractExecutor, Job


@dataclass(frozen=True)
class Printed(AbstractExecutor):
    """Jobs in files of the store, and the commands that do them."""

    waits = False

    folder: Path
    tell: Callable[[str], object]
    """Takes each command line."""
    workers: int = 1
    """How many will be done side by side: there are as many commands, where there are as many jobs."""

    def run(self, jobs: list[Job], told: Callable[[int, float], None], seconds: Sequence[float] = ()) -> None:
        """Write the chunks, tell a command for each, and raise Deferred."""
        chunks = dealt(len(jobs), self.workers)
        for chunk in chunks:
            path = write_chunk(self.folder, [jobs[index] for index in chunk])
            self.tell(f"limbeck worker {shlex.quote(str(path))}")
        raise Deferred(f"{counted(len(chunks), 'command')} to run, here or where the same store is")
