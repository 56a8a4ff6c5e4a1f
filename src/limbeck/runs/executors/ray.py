"""Ray: chunks are remote tasks, on this machine or on those of a cluster."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from limbeck.core.errors import InputError
from limbeck.core.threads import usable_cores
from limbeck.runs.executors.batches import AbstractEngine, Batches, Chunk, State, check_package

ADDRESS = "RAY_ADDRESS"
"""The variable that says where a cluster is."""


class Ray(AbstractEngine):
    """Tasks of one core each, and of one graphics card where work is done on cuda.

    Args:
        workers: How many tasks there are side by side; by default as many as there is room for.
        device: What the work is done on.

    It connects where RAY_ADDRESS says, and else begins Ray on this machine, which ends with it. InputError where ray is
    not here, or nothing answers.
    """

    every = 0.2

    def __init__(self, workers: int | None, device: str) -> None:
        check_package("ray", "ray")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        self._ray: Any = ray
        self._needs = {"num_cpus": 1, "num_gpus": 1 if device == "cuda" else 0}
        address = os.environ.get(ADDRESS)
        here = {} if address else {"num_cpus": workers or usable_cores(), "include_dashboard": False}
        try:
            with _signals_kept():
                ray.init(address or "local", logging_level="ERROR", log_to_driver=False, **here)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            where = f"{ADDRESS}={address}" if address else "this machine"
            raise InputError(f"--executor ray: {where}: {error}; check that Ray runs there") from error
        found = ray.cluster_resources()
        room = int(found.get("GPU" if device == "cuda" else "CPU", 0))
        if not room:
            self.close()
            raise InputError(f"--executor ray: found no {device} to compute on; add machines that have one")
        self.workers = workers or room
        # One waits for each that is at work, so that nobody is idle between two looks.
        self.at_once = 2 * self.workers

    def submit(self, chunks: Sequence[Chunk]) -> list[Any]:
        """A task for each, which Ray does not try again."""
        from limbeck.runs.working import work

        task = self._ray.remote(max_retries=0, **self._needs)(work)
        return [task.remote(str(each.path), str(each.answers)) for each in chunks]

    def state(self, handle: Any) -> State:
        """Whether it is ready, and whether its machine was lost."""
        ready, _ = self._ray.wait([handle], timeout=0)
        if not ready:
            return State.GOING
        lost = (self._ray.exceptions.NodeDiedError, self._ray.exceptions.TaskCancelledError)
        return State.STOPPED if isinstance(self._error(handle), lost) else State.ENDED

    def said(self, handle: Any) -> str:
        """What Ray says of how it ended."""
        error = self._error(handle)
        return "" if error is None else str(error)

    def _error(self, handle: Any) -> Exception | None:
        try:
            self._ray.get(handle)
        except self._ray.exceptions.RayError as error:
            return error
        return None

    def cancel(self, handles: Sequence[Any]) -> None:
        """End the tasks, and the processes of those at work."""
        for each in handles:
            self._ray.cancel(each, force=True)

    def close(self) -> None:
        """Leave the cluster; Ray on this machine ends."""
        self._ray.shutdown()


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Have SIGTERM mean after the block what it meant before, which Ray would end the process by at once."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread() and before is not None:
            signal.signal(signal.SIGTERM, before)


def by_ray(folder: Path, workers: int | None, device: str) -> Batches:
    """The executor, for the store in a folder; InputError where it cannot be."""
    engine = Ray(workers, device)
    return Batches(engine, folder, engine.workers)
