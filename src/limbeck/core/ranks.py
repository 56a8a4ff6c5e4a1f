"""The processes that make one distillation together, and what each of them does.

Networks are not wrapped: what sets are matched by are sums over examples, so each process takes its share of these, the
sums are added up, and all take the same step. Draws come from keys, so that all draw alike. The first process keeps
what is made, and what a step came to is what it says, so that all stay alike to the bit on whatever machines they are.

Unless several were started (`core/torchrun.py`) all of this is as if it were not there, and nothing is imported.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from limbeck.core.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from limbeck.core.tree import Tree

Item = TypeVar("Item")

SAID, LATER = "said", 300.0
"""Where the first says that it has said why it ends; for how many seconds others let it put its work in order."""


class Lost(KeyboardInterrupt):
    """Another process has ended; what was done is kept."""


@dataclass
class Ranks:
    """Which of the processes this is."""

    rank: int = 0
    count: int = 1
    store: Any = None
    called: bool = False
    """Whether the first has called the others to work."""


HERE: ContextVar[Ranks] = ContextVar("ranks", default=Ranks())  # noqa: B039 (never changed: it is alone)
_together: ContextVar[bool] = ContextVar("together", default=False)
_sharing: ContextVar[bool] = ContextVar("sharing", default=False)


def processes() -> int:
    """How many processes there are."""
    return HERE.get().count


def leads() -> bool:
    """Whether this is the first process, which keeps what is made and tells of it."""
    return HERE.get().rank == 0


@contextmanager
def together(run: str) -> Iterator[bool]:
    """Take the steps of a run together within the block, to which the first calls the others.

    Each is told whether there is anything to do. InputError where they were not asked for the same run.
    """
    here = HERE.get()
    if here.count == 1:
        yield True
        return
    if here.rank == 0:
        here.called = True
        first_says(True)
    elif not first_says():
        yield False
        return
    token = _together.set(True)
    try:
        _check_same(run)
        yield True
    finally:
        _together.reset(token)


def _check_same(run: str) -> None:
    """InputError where this process was asked for another run than the first."""
    import torch

    digest = torch.tensor(list(run.encode()), dtype=torch.uint8)
    if not torch.equal(agreed(digest), digest):
        raise InputError(
            f"process {HERE.get().rank} was asked for run {run}, and the first for another; expected one command, "
            "with the same data and the same version of limbeck in all processes"
        )


def first(does: Callable[[], object]) -> None:
    """Have the first process do what the others wait for; where it fails there, they end too."""
    here = HERE.get()
    if not _together.get():
        does()
        return
    if here.rank:
        if not first_says():
            # Whoever ends before the first has put its work in order has that ended, too.
            heard(here.store, LATER)
            raise SystemExit(1)
        return
    # What it does for itself it does alone.
    token = _together.set(False)
    try:
        does()
    except BaseException:
        with suppress(Lost):
            first_says(False)
        raise
    finally:
        _together.reset(token)
    first_says(True)


def heard(store: Any, seconds: float) -> bool:
    """Whether the first process says within so many seconds that it has said why it ends."""
    end = time.monotonic() + seconds
    with suppress(RuntimeError):
        while not store.check([SAID]):
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True
    return False


def first_says(yes: bool = False) -> bool:
    """What the first process says, as all hear it."""
    import torch
    from torch import distributed

    said = torch.tensor(yes)
    with exchange():
        distributed.broadcast(said, src=0)
    return bool(said)


@contextmanager
def sharing() -> Iterator[None]:
    """Share work within the block, which all processes that work together come to alike."""
    token = _sharing.set(_together.get())
    try:
        yield
    finally:
        _sharing.reset(token)


def shared() -> bool:
    """Whether work is shared here."""
    return _sharing.get()


def mine(items: Sequence[Item]) -> Sequence[Item]:
    """This process's share of some items: every second of them, where there are two; all, where nothing is shared."""
    here = HERE.get()
    return items[here.rank :: here.count] if shared() else items


def share(rows: Tensor) -> Tensor:
    """This process's share of some rows, in one piece; all, where nothing is shared."""
    here = HERE.get()
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

    here = HERE.get()
    sizes = [len(rows) for rows in torch.arange(count).tensor_split(here.count)]
    padded = part.detach().new_zeros((sizes[0], *part.shape[1:]))
    padded[: len(part)] = part.detach()
    found = [torch.empty_like(padded) for _ in sizes]
    with exchange():
        distributed.all_gather(found, padded)
    return torch.cat([rows[:size] for rows, size in zip(found, sizes, strict=True)])


def agreed(values: Tree, before: Tree = ()) -> Tree:
    """What the first process has, to the bit, in all of them; leaves that are still those of `before` are not sent."""
    if not _together.get():
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


def _exchanged(values: Tree, does: Callable[[Tensor], object], taken: Callable[[Tensor], Tensor]) -> Tree:
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
        with exchange():
            does(together)
        parts = together.split([flat[path].numel() for path in paths])
        found.update({path: taken(part).reshape(flat[path].shape) for path, part in zip(paths, parts, strict=True)})
    return tree.unflatten(values, found)


@contextmanager
def exchange() -> Iterator[None]:
    """Lost where another process has ended."""
    try:
        yield
    except RuntimeError as error:
        # Without the place in torch's source.
        why = str(error).splitlines()[0].rpartition("] ")[2].partition(". ")[0][:80]
        raise Lost(f"another of the processes of this run ended ({why})") from error
