"""An executor without processes, for tests whose jobs are short."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from limbeck.runs import worker
from limbeck.runs.executors import AbstractExecutor, Job


class Here(AbstractExecutor):
    """Jobs one after the other in this process."""

    def run(self, jobs: list[Job], told: Callable[[int, float], None], seconds: Sequence[float] = ()) -> None:
        for index, job in enumerate(jobs):
            worker.do(job)
            told(index, 1.0)
