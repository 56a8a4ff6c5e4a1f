"""Chunks of jobs: how many there are, which jobs each has, and the file that each is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from limbeck.core.family import spec_id
from limbeck.core.files import write_text
from limbeck.runs.executors.contract import Job

PARTS, LEAST = 2, 30.0
"""Into how many chunks goes what is left for each worker, and the seconds that one lasts at least, if there are."""
MOST = 50
"""Jobs of one chunk at most: what is given out once more where it dies."""


def dealt(jobs: int, workers: int, most: int = MOST) -> list[list[int]]:
    """Which of so many jobs, of which the longest come first, fall into each chunk: one for each worker, or more.

    >>> dealt(5, 2), dealt(5, 1, most=2), dealt(2, 9)
    ([[0, 2, 4], [1, 3]], [[0, 3], [1, 4], [2]], [[0], [1]])
    """
    chunks = min(jobs, max(workers, -(-jobs // most)))
    return [list(range(first, jobs, chunks)) for first in range(chunks)]


def shared_out(seconds: Sequence[float], workers: int, most: int = MOST, behind: float = 0.0) -> list[list[int]]:
    """Which of some jobs fall into each chunk, by about how long each takes: the longest first, in ever shorter chunks.

    A chunk is a part of what is left for each worker, so that all are done at about one time, whoever of them is late
    (guided self-scheduling: Polychronopoulos & Kuck, IEEE Transactions on Computers 1987). None is so short that its
    process begins for little, and there is one for each worker where there are as many jobs. `behind` are the seconds
    of what will be done after these.

    >>> shared_out([400.0, 100.0, 100.0, 100.0, 100.0], 1), shared_out([1.0, 1.0, 1.0, 1.0], 2)
    ([[0], [1, 2], [3], [4]], [[0, 1], [2, 3]])
    """
    chunks, taken, lasts, left = list[list[int]](), 0.0, 0.0, sum(seconds) + behind
    each_worker = left / workers
    for index in sorted(range(len(seconds)), key=lambda each: -seconds[each]):
        # Rounding of a sum begins no chunk.
        if not chunks or len(chunks[-1]) == most or taken + seconds[index] > lasts * (1 + 1e-9):
            chunks.append([])
            taken, lasts = 0.0, min(each_worker, max(LEAST, left / (PARTS * workers)))
        chunks[-1].append(index)
        taken, left = taken + seconds[index], left - seconds[index]
    return chunks


def write_chunk(folder: Path, jobs: Sequence[Job]) -> Path:
    """Write jobs into a file of the folder, a line of JSON each; its name is a digest of them."""
    path = (folder / f"{spec_id(list(jobs))}.jsonl").absolute()
    write_text(path, "".join(json.dumps(job, sort_keys=True) + "\n" for job in jobs))
    return path
