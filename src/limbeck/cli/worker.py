"""`limbeck worker`: the computations of a file of jobs, which the executor `print` or a cluster hands out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from limbeck.cli.console import answer, parser
from limbeck.cli.working import add_quiet
from limbeck.core.errors import InputError
from limbeck.core.progress import AbstractProgress
from limbeck.core.text import counted
from limbeck.core.threads import computing_by
from limbeck.runs.working import Answers, read_jobs, work_through
from limbeck.terminal.bar import bar


def run(words: list[str]) -> None:
    """Do every job of a file, also after one that is refused; what is in the store already is not done again."""
    made = parser("worker", "Do the computations of a file of jobs; the outcomes are kept in the store that it names.")
    made.add_argument("chunk", type=Path, help="a .jsonl file that `--executor print` wrote, or - for standard input")
    made.add_argument(
        "--answers", type=Path | None, default=None, help="append to this file what becomes of each job, as JSON lines"
    )
    add_quiet(made)
    given = made.parse_args(words)
    try:
        text = sys.stdin.read() if str(given.chunk) == "-" else given.chunk.read_text()
    except (OSError, ValueError) as error:
        raise InputError(f"{given.chunk}: {error}; expected a .jsonl file that --executor print wrote") from error
    jobs = read_jobs(text, str(given.chunk))
    answers = None if given.answers is None else Answers(given.answers)
    # As every worker: several run side by side, and one thread gives the same bits anywhere.
    with computing_by(1), bar(given.quiet) as progress:
        failed = work_through(jobs, _telling(progress, len(jobs), answers))
    if failed:
        _refuse(failed, len(jobs))
    answer({"jobs": len(jobs)}, given, f"{counted(len(jobs), 'job')} done", quiet=given.quiet)


def _telling(progress: AbstractProgress, jobs: int, answers: Answers | None) -> Callable[[dict[str, Any]], None]:
    """What takes the lines that say what becomes of jobs: for a bar, and for a file where there is one."""

    def tell(line: dict[str, Any]) -> None:
        if answers is not None:
            answers(line)
        share = 0.0 if "began" in line else line.get("share", 1.0)
        progress.update(line["job"] + share, jobs, "working", unit="jobs")

    return tell


def _refuse(failed: list[Exception], jobs: int) -> None:
    """Raise what is a fault of ours, else the first refusal, with how many there are."""
    fault = next((each for each in failed if not isinstance(each, InputError)), None)
    if fault is not None:
        raise fault
    others = f"; {len(failed)} of {jobs} jobs were refused, the others are done" if jobs > 1 else ""
    raise InputError(f"{failed[0]}{others}") from failed[0]
