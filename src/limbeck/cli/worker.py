"""`limbeck worker`: the computations of a file of jobs, which the executor `print` or a cluster hands out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from limbeck.cli.console import answer, parser
from limbeck.cli.working import add_quiet
from limbeck.core.errors import InputError
from limbeck.core.progress import AbstractProgress, heard_by, part
from limbeck.core.text import counted
from limbeck.core.threads import computing_by
from limbeck.runs.worker import do
from limbeck.terminal.bar import bar


def run(words: list[str]) -> None:
    """Do every job of a file; what is in the store already is not done again."""
    made = parser("worker", "Do the computations of a file of jobs; the outcomes are kept in the store that it names.")
    made.add_argument("chunk", type=Path, help="a .jsonl file that `--executor print` wrote, or - for standard input")
    add_quiet(made)
    given = made.parse_args(words)
    try:
        text = sys.stdin.read() if str(given.chunk) == "-" else given.chunk.read_text()
        jobs = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError(f"{given.chunk}: {error}; expected a .jsonl file that --executor print wrote") from error
    # As every worker: several run side by side, and one thread gives the same bits anywhere.
    with computing_by(1), bar(given.quiet) as progress, heard_by(_told(progress, len(jobs))):
        for index, job in enumerate(jobs):
            with part(index, 1, len(jobs)):
                do(job)
    answer({"jobs": len(jobs)}, given, f"{counted(len(jobs), 'job')} done", quiet=given.quiet)


def _told(progress: AbstractProgress, jobs: int) -> Callable[[float], None]:
    return lambda share: progress.update(jobs * share, jobs, "working", unit="jobs")
