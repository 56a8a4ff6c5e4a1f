"""How a process gets its memory, and how much there is."""

from __future__ import annotations

import ctypes
import functools
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from limbeck.core.control_groups import groups
from limbeck.core.errors import InputError
from limbeck.core.units import size

THRESHOLDS = (2**30, 2**25)
"""Bytes from which a block is asked of the system and given back to it: the most that any glibc takes, then that of
older ones."""
LIMITS = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))
"""The files in which a control group tells what it may hold and what it holds, in the two versions of Linux."""
FILES = ("active_file", "inactive_file", "total_active_file", "total_inactive_file")
"""What a group holds of files, which it gives back when memory is short."""
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
_NEVER = 2**31 - 1


@functools.cache
def keep_freed_memory() -> bool:
    """Let what is freed stay with this process, where glibc serves it, and tell whether it does.

    Training asks for the same large blocks at every step, and by default each comes from the system every time, page
    by page. Measured on one core, the gradient on 256 images in one pass: ConvNet width 128 1134 ms and 535, width 32
    195 and 83 (compiled 133 and 72). Results do not change.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    taken = any(mallopt(_MMAP_THRESHOLD, size) for size in THRESHOLDS)
    return bool(taken and mallopt(_TRIM_THRESHOLD, _NEVER))


def memory() -> int:
    """The most bytes that this process may hold: those of the machine, or what it or its container is allowed."""
    bounds = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *(limit for limit, _ in _groups())]
    allowed = _address_space()
    return min(bounds if allowed is None else [*bounds, allowed])


def free_memory() -> int:
    """The bytes that this process, and those that it starts, may take in all beside what is held now.

    What is available of the machine's, and what is left to each control group that this process is in, whoever takes
    the rest. Files in memory do not count, as they give way.
    """
    available = _available()
    left = [limit - used for limit, used in _groups()]
    return max(1, min([memory() - held_memory() if available is None else available, *left]))


def free_addresses() -> int | None:
    """The bytes that this process alone may still take of the addresses it is allowed (ulimit -v); None for any."""
    allowed = _address_space()
    return None if allowed is None else max(1, allowed - _pages(0))


def _address_space() -> int | None:
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if allowed == resource.RLIM_INFINITY else allowed


def _groups() -> Iterator[tuple[int, int]]:
    """(limit, held) of each control group that this process is in and that has a limit, in bytes."""
    for folder in groups("memory"):
        for limit, used in LIMITS:
            try:
                yield int((folder / limit).read_text()), int((folder / used).read_text()) - _of_files(folder)
            except (OSError, ValueError):  # There is none, or it says "max".
                continue


def _of_files(group: Path) -> int:
    """The bytes that a control group holds of files; 0 where it does not tell."""
    try:
        lines = [line.split() for line in (group / "memory.stat").read_text().splitlines()]
        counted = {name: int(value) for name, value in lines}
    except (OSError, ValueError):
        return 0
    # Version 1 counts those of the groups below apart, as totals.
    names = FILES[2:] if FILES[2] in counted else FILES[:2]
    return sum(counted.get(name, 0) for name in names)


def _available() -> int | None:
    """What of the machine's memory may be taken without others being put aside; None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def held_memory() -> int:
    """The bytes that this process holds now; the most that it ever held where the system does not tell."""
    return _pages(1)


def _pages(place: int) -> int:
    """The bytes of the pages that Linux counts at a place of its list: 0 all that are mapped, 1 those in memory."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[place]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return peak_memory()


def peak_memory() -> int:
    """The most memory that this process has held so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@contextmanager
def shortage_told() -> Iterator[None]:
    """Raise InputError, in one line, where memory runs out within the block, of this machine or of an accelerator."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # PyTorch raises RuntimeErrors of its own, and is not loaded for a command that does without.
        ran_out = type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)
        if not ran_out and not isinstance(error, MemoryError):
            raise
        raise InputError(
            f"memory ran out, of which this process may take {size(memory())}; ask for less at once: a smaller --size, "
            "--ipc, --network, --steps or batch, or fewer --workers"
        ) from error
