"""Where in a store something lies that goes by an id: many small files without a folder of a million."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

DIGITS = 2
"""How many digits of an id name the folder that it lies in."""
CLAIM = ".claim"
DAY = 86_400.0
"""Seconds after which it is noted again that something is read."""


def place_of(folder: Path, identity: str, ending: str = "", older: Path | None = None) -> Path:
    """Where something is or will be: in a folder of its first digits; not there but where it was before: there.

    That was the folder itself, or an `older` one.
    """
    name = identity + ending
    here, before = folder / identity[:DIGITS] / name, (older or folder) / name
    return before if not here.exists() and before.exists() else here


def claim_of(folder: Path, identity: str) -> Path:
    """The place of the claim on something, wherever that lies."""
    return folder / identity[:DIGITS] / (identity + CLAIM)


def entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What is in a folder; nothing where it is not there, or no longer: other machines may remove it meanwhile."""
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as found:
        yield from found


def shelved(folder: Path, prefix: str = "") -> Iterator[os.DirEntry[str]]:
    """What lies in a folder by its id, where that begins with `prefix`, in folders of first digits or before these."""
    for entry in entries(folder):
        if len(entry.name) == DIGITS and entry.is_dir():
            if entry.name.startswith(prefix[:DIGITS]):
                yield from (inner for inner in entries(Path(entry)) if inner.name.startswith(prefix))
        elif entry.name.startswith(prefix):
            yield entry


def facts_of(entry: os.DirEntry[str] | Path) -> os.stat_result | None:
    """Size and times of something; None where it is not there any more."""
    try:
        return entry.stat()
    except OSError:
        return None


def used(path: Path) -> None:
    """Note that a file is read, once a day: many file systems are mounted so that nobody does."""
    now = time.time()
    with suppress(OSError):
        if now - path.stat().st_atime < DAY:
            return
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.utime(handle, ns=(int(now * 1e9), os.fstat(handle).st_mtime_ns))
        finally:
            os.close(handle)
