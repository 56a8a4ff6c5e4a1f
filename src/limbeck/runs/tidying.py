"""What a store holds that nothing needs: what was left by those who died, what is done with, what nobody reads."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from limbeck.core.errors import InputError
from limbeck.core.files import verify_tensors
from limbeck.core.text import counted
from limbeck.core.units import duration
from limbeck.runs.claims import Watch, claimed, look, remove
from limbeck.runs.shelves import CLAIM, claim_of, entries, facts_of, place_of, shelved
from limbeck.runs.store import CHECKPOINT, FINDINGS, KEEPS, OLDER_RUNS, REMEMBERED, RUNS, Store

CHUNKS, SETS = "chunks", "sets"
CLAIMS, TEMPORARY, CHECKPOINTS, DONE, OLD = (
    "claims whose owner is gone",
    "temporary files of writers that died",
    "checkpoints of runs that are done",
    "chunk files of jobs that are done",
    "remembered results not used for so long",
)
KINDS = (CLAIMS, TEMPORARY, CHECKPOINTS, DONE, OLD)
_CLAIM = re.compile(rf"([0-9a-f]+){re.escape(CLAIM)}(\.[0-9a-f]+)*")
_PART = re.compile(r"\..+\.[0-9a-f]{8,16}\.part")
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Unneeded:
    """A file that nothing needs."""

    kind: str
    path: Path
    bytes: int


def tidy(
    store: Store, older_than: float | None = None, dry: bool = False, tell: Callable[[str], object] = lambda line: None
) -> list[Unneeded]:
    """Remove what nothing needs, and tell what it was; `dry`, nothing is removed.

    What may be of a process of another machine is watched until it is seen to live, or for as long as a claim lasts.
    With `older_than`, in seconds, remembered results that were neither read nor written for so long go, too. What is
    under way is left.
    """
    walked = list(_walked(store))
    claims = [path for path in walked if _CLAIM.fullmatch(path.name)]
    parts = [path for path in walked if _PART.fullmatch(path.name)]
    gone, still = _watched(store, claims, parts, tell)
    live = {_identity(path) for path in claims if path not in gone}
    found = [Unneeded(CLAIMS, path, size) for path, (size, _) in gone.items()]
    found += [Unneeded(TEMPORARY, path, size) for path, size in still.items() if _identity(path) not in live]
    found += _checkpoints(store, live)
    found += _chunks(store)
    if older_than is not None:
        found += _unused(store, older_than, live)
    if dry:
        return found
    watch = Watch(store.rhythm)
    return [each for each in found if _removed(store, each, gone.get(each.path, (0, ""))[1], watch)]


def _walked(store: Store) -> Iterator[Path]:
    """The names in the store that begin or end as claims and temporary files do."""
    for folder in (RUNS, OLDER_RUNS, REMEMBERED, FINDINGS, CHUNKS, SETS):
        for entry in shelved(store.root / folder):
            if CLAIM in entry.name or entry.name.endswith(".part"):
                yield Path(entry)
            elif folder in (RUNS, OLDER_RUNS) and entry.is_dir():
                yield from (Path(inner) for inner in entries(Path(entry)) if inner.name.endswith(".part"))


def _identity(path: Path) -> str:
    """The id of what a claim or a temporary file belongs to; "" where it belongs to nothing that is claimed."""
    found = _ID.search(path.name) or _ID.fullmatch(path.parent.name)
    return found[0] if found else ""


def _watched(
    store: Store, claims: Iterable[Path], parts: Iterable[Path], tell: Callable[[str], object]
) -> tuple[dict[Path, tuple[int, str]], dict[Path, int]]:
    """The claims whose owner is gone, with their bytes and tokens, and the files that nobody writes any more."""
    watch, gone, still = Watch(store.rhythm), dict[Path, tuple[int, str]](), dict[Path, int]()
    waiting, written, told = list(claims), list(parts), False
    while True:
        unsure = []
        for path in waiting:
            with suppress(OSError):
                seen, facts = look(path), facts_of(path)
                if seen is None or facts is None:
                    continue
                if watch.gone(path, seen):
                    gone[path] = facts.st_size, seen.token
                elif not watch.alive(path, seen):
                    unsure.append(path)
        waiting, writing = unsure, []
        for path in written:
            facts = facts_of(path)
            now = None if facts is None else (facts.st_size, facts.st_mtime_ns)
            if now is not None and watch.untouched(path, now):
                still[path] = now[0]
            elif now is not None and not watch.changed(path, now):
                writing.append(path)
        written = writing
        if not waiting and not written:
            return gone, still
        if not told:
            number = counted(len(waiting) + len(written), "file")
            tell(f"watching {number} for up to {duration(store.rhythm.patience)}, to see whether others use them")
            told = True
        store.rhythm.sleep(min(0.5, store.rhythm.patience / 4))


def _checkpoints(store: Store, live: set[str]) -> Iterator[Unneeded]:
    for run in store.found():
        checkpoint = facts_of(run.folder / CHECKPOINT)
        if checkpoint is not None and run.id not in live and _whole(run.result):
            yield Unneeded(CHECKPOINTS, run.folder / CHECKPOINT, checkpoint.st_size)


def _whole(path: Path) -> bool:
    try:
        verify_tensors(path)
    except InputError:
        return False
    return True


def _chunks(store: Store) -> Iterator[Unneeded]:
    for entry in entries(store.root / CHUNKS):
        facts = facts_of(entry)
        if entry.name.endswith(".jsonl") and facts is not None and _all_done(store, Path(entry)):
            yield Unneeded(DONE, Path(entry), facts.st_size)


def _all_done(store: Store, path: Path) -> bool:
    """Whether all that the jobs of a file come to is there; False where that cannot be read of it."""
    try:
        jobs: list[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        return all(_done(store, job) for job in jobs)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _done(store: Store, job: dict[str, Any]) -> bool:
    for kind, identity in job[KEEPS]:
        if kind == RUNS:
            path, since = store.run_of(identity).result, 0.0
        else:
            path, since = place_of(store.root / kind, identity, ".safetensors"), float(job["since"])
        facts = facts_of(path)
        if facts is None or facts.st_mtime < since:
            return False
    return True


def _unused(store: Store, older_than: float, live: set[str]) -> Iterator[Unneeded]:
    now = _now(store.root)
    for entry in shelved(store.root / REMEMBERED):
        if entry.name.endswith(".safetensors") and entry.name.partition(".")[0] not in live:
            facts = facts_of(entry)
            if facts is not None and now - max(facts.st_atime, facts.st_mtime) > older_than:
                yield Unneeded(OLD, Path(entry), facts.st_size)


def _now(root: Path) -> float:
    """What time it is by the clock of the file system, in seconds since 1970."""
    try:
        with TemporaryFile(dir=root) as made:
            return os.fstat(made.fileno()).st_mtime
    except OSError as error:
        raise InputError(f"cannot use {root}: {error.strerror}; choose another place with --runs") from error


def _removed(store: Store, unneeded: Unneeded, token: str, watch: Watch) -> bool:
    """Remove a file; False where somebody else came before, or uses it by now."""
    path = unneeded.path
    try:
        if unneeded.kind == CLAIMS:
            return remove(path, token, watch)
        if unneeded.kind == CHECKPOINTS:
            with claimed(claim_of(store.root / RUNS, path.parent.name), path.parent.name, rhythm=store.rhythm):
                path.unlink()
        else:
            path.unlink()
    except (FileNotFoundError, InputError):
        return False
    return True
