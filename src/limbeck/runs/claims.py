"""Claims on work in a folder that many machines share: files that name their owner and are seen to live.

A claim is made by one step that only one can do: a private file is linked to the claim's name, where none is. So it
holds on file systems whose locks reach no other machine. A thread of the owner touches it every `Rhythm.beat` seconds.
A claim whose owner is gone is removed by whoever waits for it: at once where the owner was a process of the same
machine and has ended, else when it was not touched for `Rhythm.patience` seconds. The waiter measures these itself, by
its own steady clock, and only whether the time of the last touch is another than before, so that no two clocks are
compared. Whoever is stopped for longer than that loses a claim: `Claim.held` tells.

To remove a claim one must hold the gate to it: a claim of its own, whose name ends with the token of the one to be
removed. So of several who find a claim stale, or of one who does and its owner, only one removes it, and nobody removes
the claim that comes after.
"""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from limbeck.core.errors import InputError, refused
from limbeck.runs.owners import Owner, owned

FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.5
"""Seconds between two looks at a claim, at first and at most."""
LONGEST = 4096
"""Bytes that are read of a claim."""
WITHOUT_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
"""What a file system says that has no links."""
GONE = (errno.ENOENT, errno.ESTALE)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


@dataclass(frozen=True)
class Rhythm:
    """How often an owner touches its claim, and for how long others see it untouched before it counts as gone."""

    beat: float = 5.0
    """In seconds."""
    patience: float = 60.0
    """In seconds; far more than a beat."""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep


class Seen(NamedTuple):
    """What a claim was when it was looked at."""

    owner: Owner | None
    """None where it says nothing that can be read."""
    token: str
    touched: int
    """When, by the clock of the file system, in nanoseconds."""

    @property
    def words(self) -> str:
        """Its owner, as a message says it."""
        return "another process" if self.owner is None else f"process {self.owner.process} on {self.owner.host}"


def look(path: Path) -> Seen | None:
    """What a claim is now; None where there is none. OSError where it cannot be read."""
    try:
        # Opened, not asked about: over NFS only that asks the server.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            return _seen(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno in GONE:
            return None
        raise


def _seen(handle: int) -> Seen:
    facts = os.fstat(handle)
    try:
        owner = Owner(**json.loads(os.read(handle, LONGEST)))
        if not isinstance(owner.process, int):
            raise TypeError("no number of a process")
    except (ValueError, TypeError):
        return Seen(None, f"{facts.st_ino:x}", facts.st_mtime_ns)
    return Seen(owner, owner.token, facts.st_mtime_ns)


class Watch:
    """What one who waits has seen so far of files that somebody touches, or does not."""

    def __init__(self, rhythm: Rhythm) -> None:
        self.rhythm = rhythm
        self._first: dict[Path, object] = {}
        self._last: dict[Path, tuple[object, float]] = {}

    def untouched(self, path: Path, now: object) -> bool:
        """Whether a file has been as it is `now` for as long as patience lasts, each time that it was seen."""
        clock = self.rhythm.clock()
        self._first.setdefault(path, now)
        if self._last.setdefault(path, (now, clock))[0] != now:
            self._last[path] = (now, clock)
        return clock - self._last[path][1] >= self.rhythm.patience

    def changed(self, path: Path, now: object) -> bool:
        """Whether a file is not as it was when it was seen first."""
        return self._first.get(path, now) != now

    def gone(self, path: Path, seen: Seen) -> bool:
        """Whether the owner of a claim is gone."""
        still = self.untouched(path, seen)
        return still or (seen.owner is not None and seen.owner.ended)

    def alive(self, path: Path, seen: Seen) -> bool:
        """Whether its owner is known to be alive: a process of this machine, or one that touched it meanwhile."""
        return (seen.owner is not None and seen.owner.here) or self.changed(path, seen)


@dataclass(frozen=True)
class Claim:
    """A claim of this process."""

    path: Path
    owner: Owner

    def held(self) -> bool:
        """Whether it is still there: who was stopped for long may have lost it. True where that cannot be known."""
        try:
            seen = look(self.path)
        except OSError:
            return True
        return seen is not None and seen.token == self.owner.token

    def successor(self) -> str:
        """Who holds it now, in words."""
        try:
            seen = look(self.path)
        except OSError:
            seen = None
        return "another that has ended" if seen is None else seen.words

    def touch(self) -> None:
        """Show that its owner is alive; nothing happens to the claim of another."""
        with suppress(OSError):
            handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if _seen(handle).token == self.owner.token:
                    os.utime(handle)
            finally:
                os.close(handle)


@contextmanager
def claimed(path: Path, what: str, wait: bool = False, rhythm: Rhythm | None = None) -> Iterator[Claim]:
    """Hold the claim at `path` on `what`, made in a folder that may not be there; it is removed after use.

    Where another holds it, InputError as soon as that one is seen to be alive; with `wait`, it is waited for.
    InputError where the folder cannot be written to.
    """
    rhythm = rhythm or Rhythm()
    with owned() as owner:
        claim, watch = Claim(path, owner), Watch(rhythm)
        try:
            with _refusals(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                _acquire(claim, what, wait, watch)
            with _touched(claim, rhythm):
                yield claim
        finally:
            _release(claim, watch)


def _acquire(claim: Claim, what: str, wait: bool, watch: Watch) -> None:
    path, pause = claim.path, FIRST_PAUSE
    while True:
        seen = look(path)
        if seen is None:
            if _placed(path, claim.owner):
                return
        elif watch.gone(path, seen):
            if remove(path, seen.token, watch):
                continue
        elif not wait and watch.alive(path, seen):
            raise InputError(f"{what} is under way in {seen.words}; wait for it, or choose another --seed")
        watch.rhythm.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _release(claim: Claim, watch: Watch) -> None:
    """Remove the claim where it is there and still this one."""
    with suppress(OSError):
        seen = look(claim.path)
        if seen is None or seen.token != claim.owner.token:
            return
        try:
            remove(claim.path, claim.owner.token, watch)
        except OSError:  # No room even for the gate.
            claim.path.unlink(missing_ok=True)


def remove(path: Path, token: str, watch: Watch) -> bool:
    """Remove the claim of that token and no other; False where somebody else is at it. OSError where that cannot be."""
    gate = path.with_name(f"{path.name}.{token}")
    with owned() as owner:
        if not _placed(gate, owner):
            other = look(gate)
            if other is not None and watch.gone(gate, other):
                remove(gate, other.token, watch)
            return False
        try:
            # Nobody else may remove it now, and nobody replaces it.
            seen = look(path)
            if seen is not None and seen.token == token:
                path.unlink(missing_ok=True)
        finally:
            gate.unlink(missing_ok=True)
        return True


def _placed(path: Path, owner: Owner) -> bool:
    """Make a claim of an owner, whole, where there is none; False where there is one."""
    private = path.with_name(f".{path.name}.{owner.token}.part")
    try:
        _write(private, owner)
        try:
            os.link(private, path)
        except OSError as error:
            # Where an answer was lost, what was done is asked for again and refused: the number of names tells.
            with suppress(FileNotFoundError):
                if os.stat(private).st_nlink == 2:
                    return True
            if isinstance(error, FileExistsError | FileNotFoundError):
                return False
            if error.errno not in WITHOUT_LINKS:
                raise
            return _created(path, owner)
        return True
    finally:
        with suppress(OSError):
            private.unlink()


def _created(path: Path, owner: Owner) -> bool:
    """The same where files have one name only: for a moment it says nothing."""
    try:
        _write(path, owner)
    except FileExistsError:
        return False
    return True


def _write(path: Path, owner: Owner) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        os.write(handle, json.dumps(vars(owner)).encode())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)


@contextmanager
def _touched(claim: Claim, rhythm: Rhythm) -> Iterator[None]:
    """Touch a claim now and then within the block."""
    ended = threading.Event()

    def touch() -> None:
        while not ended.wait(rhythm.beat):
            claim.touch()

    threading.Thread(target=touch, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise refused(f"cannot write {path}", error) from error
        raise InputError(f"cannot use {path.parent}: {error.strerror}; choose another place with --runs") from error
