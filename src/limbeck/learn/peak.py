"""How much memory tensors take at once."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from limbeck.learn.observer import AbstractObserver


class Exceeded(Exception):
    """Tensors take more than they may."""


class Peak(AbstractObserver):
    """The most bytes that tensors made within a block take at once, whatever they lie on.

    Counted by their storages, each once however many views it has, from the operation that makes it to its last use.
    What an operation needs while it runs is not seen. Raises `Exceeded` from within the block once it is more than
    `limit` bytes.
    """

    def __init__(self, limit: float = math.inf) -> None:
        super().__init__()
        self.limit = limit
        self.now = 0
        self.most = 0
        self.course: list[int] = []
        """What they took after each operation, in order."""
        self._known: set[int] = set()

    def see(self, operation: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Compute as ever, and look at what was made."""
        from torch.utils._pytree import tree_leaves

        made = operation(*args, **kwargs)
        # What was there before is not of this block, though an operation may hand it on.
        given = {_address(leaf) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        for leaf in tree_leaves(made):
            if isinstance(leaf, Tensor) and _address(leaf) not in given | self._known:
                self._saw(leaf)
        self.most = max(self.most, self.now)
        self.course.append(self.now)
        if self.now > self.limit:
            raise Exceeded
        return made

    def _saw(self, leaf: Tensor) -> None:
        storage, address = leaf.untyped_storage(), _address(leaf)
        taken = storage.nbytes()
        self._known.add(address)
        self.now += taken
        weakref.finalize(storage, self._freed, address, taken)

    def _freed(self, address: int, taken: int) -> None:
        self._known.discard(address)
        self.now -= taken


FEW = (2, 3)
"""How many items small work is on. One alone may go another way: it has no spread."""


def grown(courses: Sequence[Sequence[int]], count: int) -> float | None:
    """The most bytes that work on `count` items takes, told by the courses of such work on `FEW`.

    Each operation is held against its like: what is held after it grows evenly with the items. So the largest of what
    is told is found wherever in the work it lies. None where the two do not have the same operations.

    >>> grown([(30, 10, 4), (30, 15, 6)], 10)
    50.0
    """
    first, second = courses
    if len(first) != len(second):
        return None
    return max((linear(*pair, count) for pair in zip(first, second, strict=True)), default=0.0)


def linear(first: float, second: float, count: int) -> float:
    """What is told of `count` items by what `FEW` take, which is never less.

    >>> linear(10, 15, 10), linear(10, 9, 10)
    (50.0, 10.0)
    """
    return first + (count - FEW[0]) * max(0.0, second - first) / (FEW[1] - FEW[0])


def _address(leaf: Tensor) -> int:
    """What tells storages apart while they live."""
    return leaf.untyped_storage()._cdata
