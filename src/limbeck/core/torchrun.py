"""Being one of the processes that torchrun started, which says in the environment who is who."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from limbeck.core.errors import InputError
from limbeck.core.ranks import HERE, SAID, Ranks, exchange, first_says, heard, processes

if TYPE_CHECKING:
    import torch

TOLD = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun says in the environment."""
PATIENCE = timedelta(days=1)
"""How long processes wait for the first, which may do long work before the steps. One that dies is noticed at once."""
SPEAKING, SOON = "speaking", 2.0
"""Where one of the others says so, and for how many seconds one that has to end waits to hear that the first has."""


@contextmanager
def started() -> Iterator[None]:
    """Be one of the processes that torchrun started within the block; nothing where it did not, or started one alone.

    Where several end, one says why: the first, if it can.
    """
    if not all(name in os.environ for name in TOLD) or int(os.environ["WORLD_SIZE"]) < 2:
        yield
        return
    import torch
    from torch import distributed
    from torch.distributed.rendezvous import rendezvous

    cuda = torch.cuda.is_available()
    if cuda and _place() < torch.cuda.device_count():
        torch.cuda.set_device(_place())
    with exchange():
        store, rank, count = next(rendezvous("env://"))
        kinds = "cpu:gloo,cuda:nccl" if cuda else "gloo"
        distributed.init_process_group(kinds, store=store, rank=rank, world_size=count, timeout=PATIENCE)
    here = Ranks(rank, count, store)
    token = HERE.set(here)
    try:
        yield
        if rank == 0 and not here.called:
            first_says(False)
    except BaseException as error:
        if not _speaks(here) and isinstance(error, (InputError, KeyboardInterrupt)):
            raise SystemExit(1) from error
        raise
    finally:
        HERE.reset(token)
        with suppress(RuntimeError):
            distributed.destroy_process_group()


def _place() -> int:
    """Which of the processes of this machine this is."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def check_place(device: torch.device) -> None:
    """InputError where a machine has more processes than devices."""
    import torch

    if processes() > 1 and device.type == "cuda" and _place() >= torch.cuda.device_count():
        raise InputError(
            f"process {_place()} of this machine: found {torch.cuda.device_count()} devices, expected one for each "
            "process; give torchrun fewer by --nproc-per-node, or add --device cpu"
        )


def _speaks(here: Ranks) -> bool:
    """Whether this process says why it ends: the first does, else whoever comes first where that one cannot."""
    with suppress(RuntimeError):
        if here.rank == 0:
            here.store.set(SAID, "")
            return True
        return not heard(here.store, SOON) and bool(here.store.add(SPEAKING, 1) == 1)
    return True
