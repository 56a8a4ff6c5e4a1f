"""Where and how work is done: what every verb needs besides what it is asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType

import torch

from limbeck.core.contracts import AbstractTask, Problem
from limbeck.core.errors import InputError, unknown
from limbeck.core.progress import AbstractProgress, Silent
from limbeck.core.threads import usable_cores
from limbeck.core.values import typed
from limbeck.logs import AbstractLog, log_of
from limbeck.runs.allowance import Allowance, Bounded, check_minutes
from limbeck.runs.executors import EXECUTORS, AbstractExecutor, Batches, Local, Printed, by_ray, by_slurm
from limbeck.runs.pace import Pace
from limbeck.runs.store import Store, root_of
from limbeck.terminal.bar import Bar
from limbeck.terminal.said import prompted


def device_of(name: str | torch.device = "") -> torch.device:
    """The device of that name; where none is named, a CUDA device if there is one, else the processor.

    Raises InputError for a device that is not there, or that computes nothing.
    """
    if not name:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"device {name!r}: {str(error).splitlines()[0]}; expected cpu, or a device that is here"
        ) from error
    return device


def _told(progress: AbstractProgress | bool | None) -> AbstractProgress:
    if isinstance(progress, AbstractProgress):
        return progress
    return Bar() if progress or (progress is None and prompted()) else Silent()


class Session:
    """Where work is kept, on what device, by how many workers, and who is told of it.

    Used with `with`, or closed, a session ends its workers; a verb that is given none opens one for itself.

    Args:
        runs: The folder of the run store; else the environment's LIMBECK_RUNS, else ./runs.
        device: By default a CUDA device if there is one, else the processor; draws are the same on all.
        workers: Processes side by side; by default one for each core that may be used, one where the device is not the
            processor; there are fewer where memory has no room for all. Of a cluster, what it has room for.
        compile: Whether long work runs as compiled code, equal but for rounding; None: where that saves time.
        data_root: Where named data sets lie; else LIMBECK_DATA.
        executor: "local" (processes on this machine), "print" (commands to run elsewhere), "ray", "slurm" or
            "slurm:FILE.yaml" (machines of a cluster), or one of your own.
        progress: Who is told of what is done. True: a bar on standard error, or below the cell of a notebook; None:
            that where somebody is at a prompt or in a notebook, else nobody.
        tell: Takes the commands of the executor "print".
        minutes: How long, from now on, work goes on before TimeIsUp, an interruption; what was done is kept.
        confirm: Asked before work of more than an hour, with what is to be said; where it returns, the work is done.
        log: Where distillations are logged, such as "tensorboard:DIR", "csv:FILE", "wandb" or "mlflow", or a log of
            yours.
        since: What was computed before this moment is computed again; by default whatever is kept is used.

    Raises InputError for a device or an executor that is not there, for fewer than one worker, and for no time.
    """

    @typed
    def __init__(
        self,
        runs: str | Path | None = None,
        *,
        device: str | torch.device = "",
        workers: int | None = None,
        compile: bool | None = None,
        data_root: str | Path | None = None,
        executor: str | AbstractExecutor = "local",
        progress: AbstractProgress | bool | None = None,
        tell: Callable[[str], object] = lambda line: None,
        minutes: float | None = None,
        confirm: Callable[[str], None] | None = None,
        since: datetime | None = None,
        log: str | AbstractLog | None = None,
    ) -> None:
        if workers is not None and workers < 1:
            raise InputError(f"{workers} workers: expected at least one")
        if minutes is not None:
            check_minutes(minutes)
        self.store = Store(root_of(runs), since.timestamp() if since else 0.0)
        self.device = device_of(device)
        self.workers = workers or (usable_cores() if self.device.type == "cpu" else 1)
        self.compile = compile
        self.data_root = None if data_root is None else Path(data_root)
        self.progress = _told(progress)
        if minutes is not None:
            self.progress = Bounded(self.progress, minutes)
        self.allowance = Allowance(confirm)
        self.log = log_of(log) if isinstance(log, str) else log
        self.paces: dict[str, Pace] = {}
        """By network, how fast it is trained here."""
        self.computed = 0
        """How many computations were missing so far."""
        self.latest = 0.0
        """When the latest of what was found was made, in seconds since 1970."""
        self.executor = self._executor(executor, tell, workers)
        if isinstance(self.executor, Batches):
            self.workers = self.executor.workers

    @property
    def found(self) -> datetime | None:
        """When the latest of what was asked for was made, where all of it was found."""
        return datetime.fromtimestamp(self.latest) if self.latest and not self.computed else None

    def _executor(
        self, executor: str | AbstractExecutor, tell: Callable[[str], object], workers: int | None
    ) -> AbstractExecutor:
        if isinstance(executor, AbstractExecutor):
            return executor
        name, _, place = executor.partition(":")
        if name not in EXECUTORS:
            raise unknown("executor", name, EXECUTORS)
        if place and name != "slurm":
            raise InputError(f"executor {executor}: expected {name}; slurm alone takes a file of settings")
        if name == "slurm":
            return by_slurm(place, self.store.root, workers, self.device.type)
        if name == "ray":
            return by_ray(self.store.root, workers, self.device.type)
        return Local(self.workers) if name == "local" else Printed(self.store.root / "chunks", tell, self.workers)

    def problem(self, task: AbstractTask, network: str) -> Problem:
        """A task and a network on the session's device, with its store as the cache."""
        return Problem(task, task.network(network), self.device, self.store)

    def close(self) -> None:
        """End the workers."""
        self.executor.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, _kind: type | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.close()
