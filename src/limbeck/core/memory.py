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

from limbeck.core.errors import InputError
from limbeck.core.units import size

THRESHOLDS = (2**30, 2**25)
"""Bytes from which a block is asked of the system and given back to it: the most that any glibc takes, then that of
older ones."""
GROUPS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where Linux tells what a container may hold, in its two versions."""
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
    bounds = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    if allowed != resource.RLIM_INFINITY:
        bounds.append(allowed)
    for group in GROUPS:
        try:
            bounds.append(int(group.read_text()))
        except (OSError, ValueError):  # There is none, or it says "max".
            continue
    return min(bounds)


def held_memory() -> int:
    """The bytes that this process holds now; the most that it ever held where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
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
