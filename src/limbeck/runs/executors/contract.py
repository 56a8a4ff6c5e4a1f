"""The contract of executors: jobs in, outcomes in the store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

Job = dict[str, Any]
"""A chunk of computations of one context, as JSON: what `runs.worker` takes."""


class WorkerFailedError(RuntimeError):
    """A worker ended twice without an answer; the message is what it last said."""


class AbstractExecutor(ABC):
    """Where jobs are done. Whatever finishes is in the store, so a lost worker costs its chunk and nothing else."""

    waits: ClassVar[bool] = True
    """Whether whoever asks waits for the work."""

    @abstractmethod
    def run(self, jobs: list[Job], told: Callable[[int, float], None], seconds: Sequence[float] = ()) -> None:
        """Have every job done; `told(index, share)` hears how far each is, where that is known, and 1.0 as it ends.

        `seconds` are about how long each takes one worker, where that is known.
        Raises the InputError that a job met, WorkerFailedError where a job breaks its worker twice, and Deferred where
        the work is handed out to be done elsewhere.
        """

    def close(self) -> None:  # noqa: B027 (most have nothing to end)
        """End what lives on between calls; by default nothing does."""
