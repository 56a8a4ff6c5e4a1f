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
from limbeck.runs.executors.contract import AbstractExecutor, Job

CHUNK = 50
"""Jobs of one command."""


@dataclass(frozen=True)
class Printed(AbstractExecutor):
    """Jobs in files of the store, and the commands that do them."""

    folder: Path
    tell: Callable[[str], object]
    """Takes each command line."""
    chunk: int = CHUNK

    def run(self, jobs: list[Job], done: Callable[[int], None]) -> None:
        """Write the chunks, tell a command for each, and raise Deferred."""
        for start in range(0, len(jobs), self.chunk):
            part = jobs[start : start + self.chunk]
            path = (self.folder / f"{spec_id(part)}.jsonl").absolute()
            write_text(path, "".join(json.dumps(job, sort_keys=True) + "\n" for job in part))
            self.tell(f"limbeck worker {shlex.quote(str(path))}")
        chunks = -(-len(jobs) // self.chunk)
        raise Deferred(f"{chunks} commands to run, here or where the same store is; then give the same command again")
