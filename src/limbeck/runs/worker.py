"""`python -m limbeck.runs.worker`: answers jobs, one line of JSON each, until its input ends.

A job is {"do": name, ...}; the answer is {"answer": value}, or {"refused": message}.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from limbeck.core.contracts import Problem
from limbeck.core.errors import InputError
from limbeck.core.family import from_spec
from limbeck.core.memory import keep_freed_memory
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import AbstractContestant, OfAll, OfSet, OfStart, measure
from limbeck.explanation import context_of
from limbeck.runs.store import Store
from limbeck.tasks import ImageTask, reload


@functools.lru_cache(maxsize=1)
def _task(data: str, root: str | None) -> ImageTask:
    return reload(json.loads(data), None if root is None else Path(root))


def _problem(job: dict[str, Any]) -> Problem:
    task = _task(json.dumps(job["data"]), job["data_root"])
    network, device = task.network(job["network"]), torch.device(job["device"])
    return Problem(task, network, device, Store(Path(job["store"])), job.get("compiled", False))


def score(job: dict[str, Any]) -> float:
    """The accuracy of one learner, remembered in the store too."""
    entry = _ENTRIES[job["kind"]](**job["entry"])
    return measure(_problem(job), entry, from_spec(job["protocol"]), job["steps"], job["split"], job["member"])


_ENTRIES: dict[str, Callable[..., AbstractContestant]] = {
    "set": lambda path: OfSet.of(path, DistilledSet.load(path)),
    "start": OfStart,
    "all": OfAll,
}


def expert(job: dict[str, Any]) -> int:
    """The number of an expert that is now in the store."""
    number: int = job["number"]
    from_spec(job["experts"]).train(_problem(job), number)
    return number


def experiment(job: dict[str, Any]) -> bool:
    """That the outcome of an experiment is now in the store."""
    context = context_of(_problem(job), job["name"], _subject(job["set"]), job["judged"])
    context.outcome(from_spec(job["experiment"]))
    return True


@functools.lru_cache(maxsize=1)
def _subject(path: str) -> DistilledSet:
    return DistilledSet.load(path)


JOBS: dict[str, Callable[[dict[str, Any]], Any]] = {"score": score, "expert": expert, "experiment": experiment}


def main() -> None:
    """Answer jobs until there are no more."""
    keep_freed_memory()
    for line in sys.stdin:
        job = json.loads(line)
        try:
            answer: dict[str, Any] = {"answer": JOBS[job["do"]](job)}
        except InputError as error:
            answer = {"refused": str(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
