"""Slurm, by submitit: chunks are the elements of job arrays."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from limbeck.core.errors import InputError, unknown
from limbeck.core.expect import AbstractPart, FieldError, at_least, positive
from limbeck.runs.executors.batches import AbstractEngine, Batches, Chunk, State, check_package
from limbeck.runs.executors.chunks import MOST
from limbeck.runs.executors.slurm_queue import GOING, GONE, Queue

STOPPED = ("TIMEOUT", "PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "CANCELLED", "REVOKED", "DEADLINE", "INTERRUPTED")
"""States in which it was not the job that ended itself."""
PATIENCE = 10.0
"""Seconds that processes of this machine have to end."""


@dataclass(frozen=True)
class Settings(AbstractPart):
    """What Slurm is asked for, for each chunk: the file of `--executor slurm:FILE.yaml`."""

    cluster: Literal["slurm", "local"] = "slurm"
    """Where chunks go; local: to processes of this machine, to try it, which take `minutes`, `workers` and `jobs`."""
    partition: str | None = None
    """The partition; by default that of the cluster."""
    account: str | None = None
    """Whose time it is."""
    qos: str | None = None
    """The quality of service."""
    constraint: str | None = None
    """What a machine must have, such as a kind of graphics card."""
    minutes: int = 60
    """The time limit of a chunk; what is not done by then is sent again."""
    cpus: int = 1
    """Cores of a chunk, which computes by one thread."""
    gpus: int | None = None
    """Graphics cards of a chunk; by default one where work is done on cuda."""
    memory: float | None = None
    """GiB of a chunk."""
    workers: int = 64
    """Chunks at work side by side, which --workers overrules."""
    jobs: int = MOST
    """Jobs of a chunk at most."""
    array: int = 1000
    """Elements of an array at most, below MaxArraySize of the cluster; so many chunks wait or are at work at most."""
    setup: tuple[str, ...] = ()
    """Lines of shell that come before the work, such as `module load cuda`."""

    def __post_init__(self) -> None:
        # A process is told to stop up to two and a half minutes before.
        at_least(self, 5, "minutes")
        at_least(self, 1, "cpus", "workers", "jobs", "array")
        if self.gpus is not None:
            at_least(self, 0, "gpus")
        if self.memory is not None:
            positive(self, "memory")


def read_settings(place: str) -> Settings:
    """The settings in a file of YAML, those by default where none is named; InputError for what they cannot be."""
    if not place:
        return Settings()
    import yaml

    expected = "expected a mapping such as `partition: gpu`"
    try:
        found = yaml.safe_load(Path(place).read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise InputError(f"--executor slurm:{place}: cannot be read ({error.strerror}); check the name") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"--executor slurm:{place}: found no YAML, {expected}") from error
    if not isinstance(found, dict):
        raise InputError(f"--executor slurm:{place}: found {type(found).__name__}, {expected}")
    names = [each.name for each in dataclasses.fields(Settings)]
    for name in map(str, found):
        if name not in names:
            raise unknown(f"setting in {place}", name, names)
    try:
        return Settings(**found)
    except FieldError as error:
        raise InputError(f"{place}: {error.field}: {error.complaint}") from error


class Slurm(AbstractEngine):
    """Arrays of jobs of Slurm.

    Args:
        settings: What is asked for.
        folder: Where the logs are, seen by all machines: a folder below it for each chunk, named as Slurm names it.
        device: What the work is done on.

    Raises InputError where submitit or Slurm is not here.
    """

    def __init__(self, settings: Settings, folder: Path, device: str) -> None:
        check_package("submitit", "slurm")
        import submitit

        self._local, self._queue = settings.cluster == "local", Queue()
        self.at_once = settings.workers if self._local else settings.array
        self.every, self.settled = (0.2, 0.0) if self._local else (2.0, 30.0)
        try:
            self._executor: Any = submitit.AutoExecutor(folder.absolute() / "%j", cluster=settings.cluster)
        except RuntimeError as error:
            raise InputError(
                "--executor slurm: found no srun, expected a machine of the cluster; to try it here, write "
                "`cluster: local` into FILE.yaml, for --executor slurm:FILE.yaml"
            ) from error
        own = {"slurm_partition": settings.partition, "slurm_account": settings.account, "slurm_qos": settings.qos}
        self._executor.update_parameters(
            name="limbeck",
            timeout_min=settings.minutes,
            cpus_per_task=settings.cpus,
            gpus_per_node=settings.gpus if settings.gpus is not None else 1 if device == "cuda" else None,
            mem_gb=settings.memory,
            slurm_constraint=settings.constraint,
            slurm_array_parallelism=settings.workers,
            slurm_setup=list(settings.setup) or None,
            **own,
        )

    def submit(self, chunks: Sequence[Chunk]) -> list[Any]:
        """An array of as many elements; InputError where Slurm refuses it."""
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        from limbeck.runs.working import work

        try:
            with self._executor.batch():
                submitted = [self._executor.submit(work, str(each.path), str(each.answers)) for each in chunks]
        except (FailedJobError, FailedSubmissionError, OSError) as error:
            raise InputError(f"--executor slurm: found a refusal ({error}); expected settings that it takes") from error
        self._queue.add(each.job_id for each in submitted)
        return submitted

    def state(self, handle: Any) -> State:
        """What Slurm's queue says of it, or its accounts where it left the queue long ago, or the process."""
        state = "" if self._local else self._queue.state(handle.job_id)
        if state in GOING:
            return State.GOING
        if state in ("", GONE):
            known, over = handle.state.upper(), handle.done()
            # What the queue lost from sight, and no accounts tell of, is at work nowhere.
            state = known if known != "UNKNOWN" else state
            if not over and state != GONE and not state.startswith(STOPPED):
                return State.GOING
        return State.STOPPED if state.startswith((*STOPPED, GONE)) else State.ENDED

    def said(self, handle: Any) -> str:
        """The end of its log."""
        return handle.stderr() or handle.stdout() or ""

    def cancel(self, handles: Sequence[Any]) -> None:
        """Cancel what is not over; processes of this machine are waited for."""
        if not self._local:
            arrays = sorted({each.job_id.partition("_")[0] for each in handles})
            if arrays:
                subprocess.run(["scancel", *arrays], check=False)
            return
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and (going := [each for each in handles if not each.done()]):
            for each in going:
                # Its number is that of a process that passes this on; SIGINT is ignored in the background of a shell.
                with suppress(ProcessLookupError):
                    os.kill(int(each.job_id), signal.SIGTERM)
            time.sleep(0.1)


def by_slurm(place: str, folder: Path, workers: int | None, device: str) -> Batches:
    """The executor of a file of settings, for the store in a folder; InputError where it cannot be."""
    settings = read_settings(place)
    if workers is not None:
        settings = dataclasses.replace(settings, workers=workers)
    return Batches(Slurm(settings, folder / "slurm", device), folder, settings.workers, settings.jobs)
