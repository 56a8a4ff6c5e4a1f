"""The run store: runs and remembered results, addressed by their content, written atomically.

What goes by an id lies in a folder of the first two of its digits, and beside it, while somebody makes it, the claim
on it. Where an older limbeck put something, it is found and stays: nothing is moved, as a process of that limbeck may
use the same store. What both make at once is made twice and is the same. Runs have a folder that it does not look into,
as it would take each folder in it for a run.
"""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from limbeck.core import tree
from limbeck.core.documents import read_document, sealed
from limbeck.core.errors import InputError, unknown
from limbeck.core.family import spec_id
from limbeck.core.files import read_tensors, verify_tensors, write_tensors, write_text
from limbeck.core.tree import Tree
from limbeck.runs.claims import Claim, Rhythm, claimed
from limbeck.runs.shelves import claim_of, entries, facts_of, place_of, shelved, used

CHECKPOINT = "checkpoint.safetensors"
RESULT = "result.safetensors"
SPEC = "spec.json"
RECORD = "record.json"
RUNS, REMEMBERED, FINDINGS = "distillations", "remembered", "findings"
OLDER_RUNS = "runs"
KEEPS = "keeps"
"""The field of a job that tells what it comes to: of each, in which of these folders, and its id."""


def root_of(runs: str | Path | None) -> Path:
    """Where runs are: as said, else as LIMBECK_RUNS says, else in the folder `runs`."""
    return Path(runs or os.environ.get("LIMBECK_RUNS") or "runs")


@dataclass(frozen=True)
class Run:
    """One run's folder: its spec, its checkpoint while it is under way, its result and record when done."""

    folder: Path
    claim: Claim | None = field(default=None, compare=False, repr=False)
    """The claim under which this process writes to it."""

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
        """Keep a checkpoint in place of the one before; InputError where the run is another's by now."""
        self._check_claim()
        write_tensors(self.folder / CHECKPOINT, tensors, {"run": self.id})

    def finish(self, save: Callable[[Path], None], record: dict[str, Any]) -> None:
        """Keep the result and the record of how it came about, and drop the checkpoint; InputError as in `write`."""
        self._check_claim()
        write_text(self.folder / RECORD, sealed(record))
        save(self.result)
        (self.folder / CHECKPOINT).unlink(missing_ok=True)

    def facts(self) -> dict[str, Any]:
        """What is known of the run: id, state, spec, record (None where damaged), time of the last change, bytes."""
        files = self._files()
        return {
            "id": self.id,
            "state": "done" if self.result.exists() else "unfinished",
            "spec": _document(self.folder / SPEC),
            "record": _document(self.folder / RECORD),
            "changed": self.changed,
            "bytes": sum(file.st_size for file in files),
        }

    @property
    def changed(self) -> float:
        """The time of the last change, in seconds since 1970; 0 where it is not there."""
        found = self._files() or [facts for facts in [facts_of(self.folder)] if facts is not None]
        return max((facts.st_mtime for facts in found), default=0.0)

    def _files(self) -> list[os.stat_result]:
        return [facts for entry in entries(self.folder) if entry.is_file() and (facts := facts_of(entry)) is not None]

    def _check_claim(self) -> None:
        """InputError where this process was stopped for so long that another took the run over."""
        if self.claim is not None and not self.claim.held():
            raise InputError(
                f"run {self.id}: this process was stopped for so long that the run was taken from it, by "
                f"{self.claim.successor()}; it ends here, give the command again to go on from the last checkpoint"
            )


@dataclass(frozen=True)
class Store:
    """A folder of runs and remembered results."""

    root: Path
    since: float = 0.0
    """What was remembered before this time, in seconds since 1970, counts as not there and is made again."""
    rhythm: Rhythm = field(default=Rhythm(), repr=False)
    """How claims are seen to live."""

    @contextmanager
    def run(self, spec: dict[str, Any]) -> Iterator[Run]:
        """The run of `spec`, held by this process alone; InputError where another process holds it."""
        identity = spec_id(spec)
        with self._claimed(RUNS, identity, f"run {identity}") as claim:
            run = replace(self.at(spec), claim=claim)
            if _document(run.folder / SPEC) is None:
                write_text(run.folder / SPEC, sealed(spec))
            yield run

    def at(self, spec: dict[str, Any]) -> Run:
        """The run of `spec` to read what it came to, whoever holds it; it may not be there."""
        return self.run_of(spec_id(spec))

    def run_of(self, identity: str) -> Run:
        """The run of an id; it may not be there."""
        return Run(place_of(self.root / RUNS, identity, older=self.root / OLDER_RUNS))

    def place(self, address: dict[str, Any]) -> Path:
        """The file of what is remembered at `address`."""
        return place_of(self.root / REMEMBERED, spec_id(address), ".safetensors")

    def _claimed(self, kind: str, identity: str, what: str, wait: bool = False) -> AbstractContextManager[Claim]:
        return claimed(claim_of(self.root / kind, identity), what, wait, self.rhythm)

    def holds(self, address: dict[str, Any]) -> bool:
        """Whether what is remembered at `address` is there, with every bit as it was written."""
        path = self.place(address)
        try:
            kept = not self._old(path) and verify_tensors(path) == _header(address)
        except InputError:
            return False
        used(path)
        return kept

    def made(self, address: dict[str, Any]) -> float:
        """When what is remembered at `address` was made, in seconds since 1970; 0 where it is not there."""
        facts = facts_of(self.place(address))
        return 0.0 if facts is None else facts.st_mtime

    def _old(self, path: Path) -> bool:
        facts = facts_of(path) if self.since > 0 else None
        return facts is not None and facts.st_mtime < self.since

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        """The tree of dicts at `address` or that branch of it, made and kept where it is not there or damaged."""
        kept = self.recall(address, branch)
        if kept is not None:
            return kept
        # Whoever comes second waits, and finds it made.
        with self._claimed(REMEMBERED, spec_id(address), "", wait=True) as claim:
            kept = self.recall(address, branch)
            if kept is not None:
                return kept
            whole = make()
            # Who was stopped for long finds it made by another: the same, and it stays.
            if claim.held() or self.recall(address, branch) is None:
                write_tensors(self.place(address), tree.flatten(whole), _header(address))
            return tree.branch(whole, branch)

    def recall(self, address: dict[str, Any], branch: str = "") -> Tree | None:
        """The tree of dicts at `address` or that branch of it; None where it is not there or damaged."""
        path = self.place(address)
        if self._old(path):
            return None
        try:
            tensors, header = read_tensors(path, branch)
        except InputError:
            return None
        used(path)
        return tree.branch(tree.nest(tensors), branch) if header == _header(address) else None

    def note(self, address: dict[str, Any], finding: dict[str, Any]) -> None:
        """Keep a finding, as JSON, in place of one at the same address; one that says the same stays untouched."""
        text = sealed({**address, "finding": finding}, indent=1)
        path = place_of(self.root / FINDINGS, spec_id(address), ".json")
        if not path.is_file() or path.read_bytes() != text.encode():
            write_text(path, text)

    def noted(self) -> Iterator[tuple[dict[str, Any], float]]:
        """Every finding that `note` kept, {address ..., "finding"}, and when it was written, in seconds; oldest first.

        A damaged one is left out, with a warning.
        """
        found = [
            (facts.st_mtime, Path(entry))
            for entry in shelved(self.root / FINDINGS)
            if entry.name.endswith(".json") and (facts := facts_of(entry)) is not None
        ]
        for written, path in sorted(found):
            document = _document(path)
            if document is not None and isinstance(document.get("finding"), dict):
                yield document, written
            else:
                warnings.warn(f"{path}: a damaged finding, left out; `limbeck explain` makes it again", stacklevel=2)

    def runs(self) -> list[Run]:
        """Every run, the latest change last."""
        return sorted(self.found(), key=lambda run: run.changed)

    def found(self, prefix: str = "") -> Iterator[Run]:
        """Every run whose id begins with `prefix`, in any order."""
        for folder in (RUNS, OLDER_RUNS):
            for entry in shelved(self.root / folder, prefix):
                if entry.is_dir():
                    yield Run(Path(entry))

    def find(self, prefix: str) -> Run:
        """The run whose id begins with `prefix`; InputError where there is none or more than one."""
        found = list(self.found(prefix))
        if len(found) == 1:
            return found[0]
        if not found:
            raise unknown(f"run in {self.root}", prefix, [run.id for run in self.found()])
        raise InputError(f"run {prefix!r} is any of {', '.join(sorted(run.id for run in found))}; give more of its id")

    def remove(self, run: Run) -> None:
        """Remove a run that no process holds; InputError where one does."""
        with self._claimed(RUNS, run.id, f"run {run.id}"), suppress(FileNotFoundError):
            shutil.rmtree(run.folder)

    def forget(self) -> int:
        """Remove every remembered result and finding and tell how many there were."""
        entries = [*shelved(self.root / REMEMBERED), *shelved(self.root / FINDINGS)]
        kept = [entry for entry in entries if entry.name.endswith((".safetensors", ".json"))]
        for entry in [*kept, *(entry for entry in entries if entry.name.endswith(".lock"))]:
            Path(entry).unlink(missing_ok=True)
        return len(kept)


def _header(address: dict[str, Any]) -> dict[str, Any]:
    """The header of what is remembered at `address`, as it is read back."""
    return {"address": json.loads(json.dumps(address))}


def _document(path: Path) -> dict[str, Any] | None:
    """The document of a file; None where it is not there or damaged."""
    try:
        return read_document(path)
    except InputError:
        return None
