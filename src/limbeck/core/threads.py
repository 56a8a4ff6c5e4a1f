"""By how many threads a process computes, and how long these wait for work before they sleep.

torch is imported within the functions, since `sleep_soon` must come before it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager

from limbeck.core.control_groups import groups

SHARED_FROM = 1e8
"""Floating point operations of one convolution or matrix product from which threads share it. Below, two threads gain
up to 1.7 times on two cores of their own, and lose where another program uses one of them."""

SPINS = "3000"
"""How often a thread looks for work before it sleeps; some tens of microseconds."""


def usable_cores() -> int:
    """How many cores this process may use: of those of the machine, and by the time that its control groups give it.

    A share of a core counts as one.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cores, *(math.ceil(share) for share in _shares())]))


def _shares() -> Iterator[float]:
    """How many cores' time each control group of this process is given, of those that have a limit."""
    for folder in groups("cpu"):
        for files in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
            try:
                quota, period = map(int, " ".join((folder / name).read_text() for name in files).split())
            except (OSError, ValueError):  # There is none, or it says "max".
                continue
            if quota > 0:
                yield quota / period


def sleep_soon() -> None:
    """Let threads without work sleep soon, where GNU's OpenMP runs them, unless the environment says otherwise.

    By default they look for work for milliseconds. Where another program uses the cores, they take them from the thread
    that has the work. To be called before torch is imported. Results do not change.
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = SPINS


def threads_for(operations: float, products: float) -> int:
    """By how many threads work is best done that has so many floating point operations in so many products.

    One where a product is small in the mean, else all that torch would take. Counted, not timed, so that a run that
    was interrupted decides as it did before.
    """
    import torch

    return torch.get_num_threads() if products and operations / products >= SHARED_FROM else 1


@contextmanager
def computing_by(threads: int) -> Iterator[None]:
    """Compute by so many threads within the block."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
