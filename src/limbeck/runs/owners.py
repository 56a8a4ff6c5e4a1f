"""Who holds a claim on work: one process of one machine, and whether it is known to have ended."""

from __future__ import annotations

import functools
import os
import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_HELD: set[str] = set()
"""The tokens of what this process holds: what names this process and is not among them was given up."""


@dataclass(frozen=True)
class Owner:
    """Who holds a claim: a process of a machine, from start to end."""

    host: str
    boot: str
    """What the machine calls the time since it was started; "" where it says nothing."""
    space: str
    """Where its number means this process: processes of containers have numbers of their own."""
    process: int
    started: str
    """When the process was, in ticks since its machine was; "" where it is not said."""
    token: str
    """Drawn once for each claim."""

    @classmethod
    def new(cls) -> Owner:
        """This process, with a token of its own."""
        boot, space = _machine()
        return cls(platform.node(), boot, space, os.getpid(), _process(os.getpid())[1], secrets.token_hex(8))

    @property
    def here(self) -> bool:
        """Whether it is a process of this machine, as far as is known."""
        return bool(self.boot) and (self.host, self.boot, self.space) == (platform.node(), *_machine())

    @property
    def ended(self) -> bool:
        """Whether it is known to be gone: a process of this machine that has ended, or that gave the claim up."""
        if not self.here:
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except OSError:  # It is of another user.
            pass
        state, started = _process(self.process)
        if started and (started != self.started or state in "ZX"):
            return True
        return self.process == os.getpid() and self.token not in _HELD


@functools.cache
def _machine() -> tuple[str, str]:
    """What tells a machine since its start from every other, and its space of process numbers; "" where unknown."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip(), os.readlink("/proc/self/ns/pid")
    except OSError:
        return "", ""


def _process(number: int) -> tuple[str, str]:
    """The state of a process of this machine and when it was started; "" where that is not said."""
    try:
        # Its name, in brackets, may have blanks.
        fields = Path(f"/proc/{number}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return fields[0], fields[19]
    except (OSError, IndexError):
        return "", ""


@contextmanager
def owned() -> Iterator[Owner]:
    """This process as the owner of something, which counts as given up after the block."""
    owner = Owner.new()
    _HELD.add(owner.token)
    try:
        yield owner
    finally:
        _HELD.discard(owner.token)
