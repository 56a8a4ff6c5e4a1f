"""By how many threads a process computes, and how long these wait for work before they sleep.

torch is imported within the functions, since `sleep_soon` must come before it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from typing import TypeVar

from limbeck.core.control_groups import groups

Item = TypeVar("Item")
Found = TypeVar("Found")

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


_side = ContextVar("side", default=1)


@contextmanager
def computing_by(threads: int, passes: bool = False) -> Iterator[None]:
    """Compute by so many threads within the block; with `passes`, do those side by side by all that there were."""
    import torch

    before = torch.get_num_threads()
    token = _side.set(before if passes else 1)
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        _side.reset(token)


def side_by_side() -> int:
    """How many passes that need nothing of one another may be done side by side here."""
    return _side.get()


def each_by_one(does: Sequence[Callable[[Item], Found]], items: Sequence[Item]) -> list[Found]:
    """What every item comes to, in order: each by whichever of `does` is free, which all do the same, by one thread.

    Operations are not shared among threads, so that nothing depends on how many there are, nobody waits where another
    program has a core, and small operations do not collapse. Raises what any of them raises, once no other goes on.
    """
    from concurrent.futures import ThreadPoolExecutor

    found: dict[int, Found] = {}
    waiting: SimpleQueue[int] = SimpleQueue()
    for index in range(len(items)):
        waiting.put(index)

    def work(do: Callable[[Item], Found]) -> None:
        with computing_by(1):
            while (index := _next(waiting)) is not None:
                found[index] = do(items[index])

    first, *others = does
    with ThreadPoolExecutor(max(1, len(others))) as pool:
        beside = [pool.submit(work, do) for do in others]
        try:
            work(first)
            for each in beside:
                each.result()
        finally:
            # Where one failed, or was interrupted, the others begin nothing more.
            while _next(waiting) is not None:
                pass
    return [found[index] for index in range(len(items))]


def _next(waiting: SimpleQueue[int]) -> int | None:
    try:
        return waiting.get_nowait()
    except Empty:
        return None
