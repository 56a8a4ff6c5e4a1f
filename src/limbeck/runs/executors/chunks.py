"""Chunks of jobs: how many there are, which jobs each has, and the file that each is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from limbeck.core.family import spec_id
from limbeck.core.files import write_text
from limbeck.runs.executors.contract import Job

MOST = 50
"""Jobs of one chunk at most: what is given out once more where it dies."""


def dealt(jobs: int, workers: int, most: int = MOST) -> list[list[int]]:
    """Which of so many jobs, of which the longest come first, fall into each chunk: one for each worker, or more.

    >>> dealt(5, 2), dealt(5, 1, most=2), dealt(2, 9)
    ([[0, 2, 4], [1, 3]], [[0, 3], [1, 4], [2]], [[0], [1]])
    """
    chunks = min(jobs, max(workers, -(-jobs // most)))
    return [list(range(first, jobs, chunks)) for first in range(chunks)]


def write_chunk(folder: Path, jobs: Sequence[Job]) -> Path:
    """Write jobs into a file of the folder, a line of JSON each; its name is a digest of them."""
    path = (folder / f"{spec_id(list(jobs))}.jsonl").absolute()
    write_text(path, "".join(json.dumps(job, sort_keys=True) + "\n" for job in jobs))
    return path
