"""The processes that make one distillation together, and what each of them does.

`torchrun` starts them, and says in the environment who is who. Networks are not wrapped: what sets are matched by are
sums over real examples, so each process takes its share of these, the sums are added up, and all take the same step.
Draws come from keys, so that all draw alike. The first process keeps what is made; what a step came to is what it says.

Without torchrun there is one process: all of this is as if it were not there, and nothing is imported for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from limbeck.core.errors import InputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from limbeck.core.tree import Tree

Item = TypeVar("Item")

TOLD = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun says in the environment."""
PATIENCE = timedelta(days=1)
"""How long processes wait for the first, which may do long work before the steps. One that dies is noticed at once."""
SOON, LATER = timedelta(seconds=2), timedelta(minutes=5)
"""How long one that has to end waits to hear that the first has said why, and for that to put its work in order."""
SAID, SPEAKING = "said", "speaking"


class Lost(KeyboardInterrupt):
    """Another process has ended; what was done is kept."""


@dataclass
class _Ranks:
    """Which of the processes this is."""

    rank: int = 0
    count: int = 1
    store: Any = None
    called: bool = False
    """Whether the first has called the others to work."""


_here: ContextVar[_Ranks] = ContextVar("ranks", default=_Ranks())  # noqa: B039 (never changed: it is alone)
_sharing: ContextVar[bool] = ContextVar("sharing", default=False)


def processes() -> int:
    """How many processes there are."""
    return _here.get().count


def leads() -> bool:
    """Whether this is the first process, which keeps what is made and tells of it."""
    return _here.get().rank == 0


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
    with _exchange():
        store, rank, count = next(rendezvous("env://"))
        kinds = "cpu:gloo,cuda:nccl" if cuda else "gloo"
        distributed.init_process_group(kinds, store=store, rank=rank, world_size=count, timeout=PATIENCE)
    here = _Ranks(rank, count, store)
    token = _here.set(here)
    try:
        yield
        if rank == 0 and not here.called:
            _first_says(False)
    except (InputError, KeyboardInterrupt) as error:
        if not _speaks(here):
            raise SystemExit(1) from error
        raise
    finally:
        _here.reset(token)
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


def _speaks(here: _Ranks) -> bool:
    """Whether this process says why it ends: the first does, else whoever comes first where that one cannot."""
    with suppress(RuntimeError):
        if here.rank == 0:
            here.store.set(SAID, "")
            return True
        with suppress(RuntimeError):
            here.store.wait([SAID], SOON)
            return False
        return bool(here.store.add(SPEAKING, 1) == 1)
    return True


def call(run: str) -> bool:
    """The first calls the others to the steps of a run; each hears whether there is anything to do.

    InputError where they were not asked for the same run.
    """
    here = _here.get()
    if here.count == 1:
        return True
    if here.rank == 0:
        here.called = True
        _first_says(True)
    elif not _first_says():
        return False
    import torch

    digest = torch.tensor(list(run.encode()), dtype=torch.uint8)
    if not torch.equal(agreed(digest), digest):
        raise InputError(
            f"process {here.rank} was asked for run {run}, and the first for another; expected one command, with the "
            "same data and the same version of limbeck and of torch in all processes"
        )
    return True


def first(does: Callable[[], object]) -> None:
    """Have the first process do what the others wait for; where it fails there, they end too."""
    here = _here.get()
    if here.rank:
        if not _first_says():
            # Whoever ends before the first has put its work in order has that ended, too.
            with suppress(RuntimeError):
                here.store.wait([SAID], LATER)
            raise SystemExit(1)
        return
    try:
        does()
    except BaseException:
        if here.count > 1:
            with suppress(Lost):
                _first_says(False)
        raise
    if here.count > 1:
        _first_says(True)


def _first_says(yes: bool = False) -> bool:
    """What the first process says, as all hear it."""
    import torch

    return bool(agreed(torch.tensor(yes)))


@contextmanager
def sharing() -> Iterator[None]:
    """Share work within the block, which all processes come to alike."""
    token = _sharing.set(processes() > 1)
    try:
        yield
    finally:
        _sharing.reset(token)


def shared() -> bool:
    """Whether work is shared here."""
    return _sharing.get()


def mine(items: Sequence[Item]) -> Sequence[Item]:
    """This process's share of some items: every second of them, where there are two; all, where nothing is shared."""
    here = _here.get()
    return items[here.rank :: here.count] if shared() else items


def share(rows: Tensor) -> Tensor:
    """This process's share of some rows, in one piece; all, where nothing is shared."""
    here = _here.get()
    return rows.tensor_split(here.count)[here.rank] if shared() else rows


def summed(values: Tree) -> Tree:
    """The sum over processes of each leaf, without a graph; as it is, where nothing is shared."""
    if not shared():
        return values
    from torch import distributed

    from limbeck.core import tree

    return _exchanged(tree.detach(values), distributed.all_reduce, lambda leaf: leaf)


def gathered(part: Tensor, count: int) -> Tensor:
    """The rows of all processes' shares of `count` rows, in their order, without a graph."""
    if not shared():
        return part
    import torch
    from torch import distributed

    here = _here.get()
    sizes = [len(rows) for rows in torch.arange(count).tensor_split(here.count)]
    padded = part.detach().new_zeros((sizes[0], *part.shape[1:]))
    padded[: len(part)] = part.detach()
    found = [torch.empty_like(padded) for _ in sizes]
    with _exchange():
        distributed.all_gather(found, padded)
    return torch.cat([rows[:size] for rows, size in zip(found, sizes, strict=True)])


def agreed(values: Tree, before: Tree = ()) -> Tree:
    """What the first process has, to the bit, in all of them; leaves that are still those of `before` are not sent."""
    if processes() == 1:
        return values
    import torch
    from torch import distributed

    from limbeck.core import tree

    known = {leaf.data_ptr() for leaf in tree.leaves(before)}
    flat = {path: leaf for path, leaf in tree.flatten(values).items() if leaf.numel()}
    new = {path: leaf.detach().contiguous() for path, leaf in flat.items() if leaf.data_ptr() not in known}
    as_bytes = {path: leaf.reshape(-1).view(torch.uint8) for path, leaf in new.items()}
    sent = _exchanged(as_bytes, lambda leaf: distributed.broadcast(leaf, src=0), torch.clone)
    heard = {path: sent[path].view(leaf.dtype).reshape(leaf.shape) for path, leaf in new.items()}
    return tree.unflatten(values, {**tree.flatten(values), **heard})


def _exchanged(values: Tree, exchange: Callable[[Tensor], object], taken: Callable[[Tensor], Tensor]) -> Tree:
    """Each leaf after an exchange in place of all numbers of its type and device in one."""
    import torch

    from limbeck.core import tree

    flat = tree.flatten(values)
    kinds: dict[tuple[str, str], list[str]] = {}
    for path, leaf in flat.items():
        kinds.setdefault((str(leaf.dtype), leaf.device.type), []).append(path)
    found = {}
    for _, paths in sorted(kinds.items()):
        together = torch.cat([flat[path].reshape(-1) for path in paths])
        with _exchange():
            exchange(together)
        parts = together.split([flat[path].numel() for path in paths])
        found.update({path: taken(part).reshape(flat[path].shape) for path, part in zip(paths, parts, strict=True)})
    return tree.unflatten(values, found)


@contextmanager
def _exchange() -> Iterator[None]:
    """Lost where another process has ended."""
    try:
        yield
    except RuntimeError as error:
        # Without the place in torch's source.
        why = str(error).splitlines()[0].rpartition("] ")[2].partition(". ")[0][:80]
        raise Lost(f"another of the processes of this run ended ({why})") from error
