"""The run store: runs and remembered results, addressed by their content, written atomically."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from limbeck.core import tree
from limbeck.core.documents import read_document, sealed
from limbeck.core.errors import InputError, refused, unknown
from limbeck.core.family import spec_id
from limbeck.core.files import read_tensors, verify_tensors, write_tensors, write_text
from limbeck.core.tree import Tree

CHECKPOINT = "checkpoint.safetensors"
RESULT = "result.safetensors"
SPEC = "spec.json"
RECORD = "record.json"
FINDINGS = "findings"


def root_of(runs: str | Path | None) -> Path:
    """Where runs are: as said, else as LIMBECK_RUNS says, else in the folder `runs`."""
    return Path(runs or os.environ.get("LIMBECK_RUNS") or "runs")


@dataclass(frozen=True)
class Run:
    """One run's folder: its spec, its checkpoint while it is under way, its result and record when done."""

    folder: Path

    @property
    def id(self) -> str:
        """The address of the run's spec."""
        return self.folder.name

    @property
    def result(self) -> Path:
        """Where the distilled set is when the run is done."""
        return self.folder / RESULT

    def read(self) -> dict[str, Tensor] | None:
        """The last checkpoint, or None; a damaged one is refused, with the command that removes it."""
        path = self.folder / CHECKPOINT
        if not path.exists():
            return None
        try:
            return read_tensors(path)[0]
        except InputError as error:
            raise InputError(f"{error}; or start run {self.id} again after `limbeck runs clean {self.id}`") from error

    def write(self, tensors: dict[str, Tensor]) -> None:
        """Keep a checkpoint in place of the one before."""
        write_tensors(self.folder / CHECKPOINT, tensors, {"run": self.id})

    def finish(self, save: Callable[[Path], None], record: dict[str, Any]) -> None:
        """Keep the result and the record of how it came about, and drop the checkpoint."""
        write_text(self.folder / RECORD, sealed(record))
        save(self.result)
        (self.folder / CHECKPOINT).unlink(missing_ok=True)

    def facts(self) -> dict[str, Any]:
        """What is known of the run: id, state, spec, record (None where damaged), time of the last change, bytes."""
        files = [path for path in self.folder.iterdir() if path.is_file()]
        return {
            "id": self.id,
            "state": "done" if self.result.exists() else "unfinished",
            "spec": _document(self.folder / SPEC),
            "record": _document(self.folder / RECORD),
            "changed": max((path.stat().st_mtime for path in files), default=self.folder.stat().st_mtime),
            "bytes": sum(path.stat().st_size for path in files),
        }


@dataclass(frozen=True)
class Store:
    """A folder of runs and remembered results."""

    root: Path
    since: float = 0.0
    """What was remembered before this time, in seconds since 1970, counts as not there and is made again."""

    @contextmanager
    def run(self, spec: dict[str, Any]) -> Iterator[Run]:
        """The run of `spec`, held by this process alone; InputError where another process holds it."""
        run = self.at(spec)
        with _held(run.folder / "lock", f"run {run.id}"):
            if _document(run.folder / SPEC) is None:
                write_text(run.folder / SPEC, sealed(spec))
            yield run

    def at(self, spec: dict[str, Any]) -> Run:
        """The run of `spec` to read what it came to, whoever holds it; it may not be there."""
        return Run(self.root / "runs" / spec_id(spec))

    def place(self, address: dict[str, Any]) -> Path:
        """The file of what is remembered at `address`."""
        return self.root / "remembered" / f"{spec_id(address)}.safetensors"

    def holds(self, address: dict[str, Any]) -> bool:
        """Whether what is remembered at `address` is there, with every bit as it was written."""
        try:
            return not self._old(address) and verify_tensors(self.place(address)) == _header(address)
        except InputError:
            return False

    def made(self, address: dict[str, Any]) -> float:
        """When what is remembered at `address` was made, in seconds since 1970; 0 where it is not there."""
        try:
            return self.place(address).stat().st_mtime
        except OSError:
            return 0.0

    def _old(self, address: dict[str, Any]) -> bool:
        return self.since > 0 and self.made(address) < self.since

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        """The tree of dicts at `address` or that branch of it, made and kept where it is not there or damaged."""
        kept = self.recall(address, branch)
        if kept is not None:
            return kept
        path = self.place(address)
        # Whoever comes second waits, and finds it made.
        with _held(path.with_suffix(".lock"), "", wait=True):
            kept = self.recall(address, branch)
            if kept is not None:
                return kept
            whole = make()
            write_tensors(path, tree.flatten(whole), _header(address))
            return tree.branch(whole, branch)

    def recall(self, address: dict[str, Any], branch: str = "") -> Tree | None:
        """The tree of dicts at `address` or that branch of it; None where it is not there or damaged."""
        if self._old(address):
            return None
        try:
            tensors, header = read_tensors(self.place(address), branch)
        except InputError:
            return None
        return tree.branch(tree.nest(tensors), branch) if header == _header(address) else None

    def note(self, address: dict[str, Any], finding: dict[str, Any]) -> None:
        """Keep a finding, as JSON, in place of one at the same address; one that says the same stays untouched."""
        text = sealed({**address, "finding": finding}, indent=1)
        path = self.root / FINDINGS / f"{spec_id(address)}.json"
        if not path.is_file() or path.read_bytes() != text.encode():
            write_text(path, text)

    def noted(self) -> Iterator[tuple[dict[str, Any], float]]:
        """Every finding that `note` kept, {address ..., "finding"}, and when it was written, in seconds; oldest first.

        A damaged one is left out, with a warning.
        """
        found = [(path.stat().st_mtime, path) for path in (self.root / FINDINGS).glob("*.json")]
        for written, path in sorted(found):
            document = _document(path)
            if document is not None and isinstance(document.get("finding"), dict):
                yield document, written
            else:
                warnings.warn(f"{path}: a damaged finding, left out; `limbeck explain` makes it again", stacklevel=2)

    def runs(self) -> list[Run]:
        """Every run, the latest change last."""
        folder = self.root / "runs"
        found = [Run(path) for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
        return sorted(found, key=lambda run: run.facts()["changed"])

    def find(self, prefix: str) -> Run:
        """The run whose id begins with `prefix`; InputError where there is none or more than one."""
        found = [run for run in self.runs() if run.id.startswith(prefix)]
        if len(found) == 1:
            return found[0]
        if not found:
            raise unknown(f"run in {self.root}", prefix, [run.id for run in self.runs()])
        raise InputError(f"run {prefix!r} is any of {', '.join(run.id for run in found)}; give more of its id")

    def remove(self, run: Run) -> None:
        """Remove a run that no process holds; InputError where one does."""
        with _held(run.folder / "lock", f"run {run.id}"):
            shutil.rmtree(run.folder)

    def forget(self) -> int:
        """Remove every remembered result and finding and tell how many there were."""
        kept = [*(self.root / "remembered").glob("*.safetensors"), *(self.root / FINDINGS).glob("*.json")]
        for path in [*kept, *(self.root / "remembered").glob("*.lock")]:
            path.unlink(missing_ok=True)
        return len(kept)


@contextmanager
def _held(path: Path, what: str, wait: bool = False) -> Iterator[None]:
    """Hold a lock that the system gives back however this process ends; where another does, wait or refuse."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise InputError(f"cannot use {path.parent}: {error.strerror}; choose another place with --runs") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
        os.close(handle)
        raise InputError(f"{what} is under way in process {holder}; wait for it, or choose another --seed") from None
    try:
        _sign(handle, path)
        yield
    finally:
        os.close(handle)


def _sign(handle: int, path: Path) -> None:
    """Write into a lock who holds it."""
    try:
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
    except OSError as error:
        raise refused(f"cannot write {path}", error) from error


def _header(address: dict[str, Any]) -> dict[str, Any]:
    """The header of what is remembered at `address`, as it is read back."""
    return {"address": json.loads(json.dumps(address))}


def _document(path: Path) -> dict[str, Any] | None:
    """The document of a file; None where it is not there or damaged."""
    try:
        return read_document(path)
    except InputError:
        return None
