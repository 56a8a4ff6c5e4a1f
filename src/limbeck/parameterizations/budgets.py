"""How many items a parameterization makes of the storage of so many plain ones."""

from __future__ import annotations

from collections.abc import Callable

from limbeck.core.contracts import AbstractParameterization, AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.family import part_name
from limbeck.parameterizations.pixels import Pixels

LIMIT = 1 << 20
"""More items than any class has: a part whose cost does not grow is asked no further."""


def plain(task: AbstractTask, per_class: int) -> int:
    """The bytes of the inputs of so many items of every class, each number in 32 bits: what "items per class" buy."""
    return Pixels().cost(task, per_class)


def per_class_of(task: AbstractTask, ipc: int | None, within: int | None) -> int:
    """The items per class that settings are taken for: of a size in bytes, as many as these store plainly.

    Where neither is given it is one. Raises InputError where both are.
    """
    if within is None:
        return 1 if ipc is None else ipc
    if ipc is not None:
        raise InputError(f"--ipc {ipc}, --bytes {within}: expected one of them")
    return max(1, within // plain(task, 1))


def items_within(part: AbstractParameterization, task: AbstractTask, per_class: int) -> int:
    """How many items of every class a parameterization makes of the storage of `per_class` plain ones, targets aside.

    So sizes are counted in the literature: inputs in 32 bits, labels free (Kim et al., ICML 2022). Raises InputError
    where not one fits.
    """
    return most(lambda count: part.cost(task, count), plain(task, per_class), part)


def most(cost: Callable[[int], int], budget: int, part: AbstractParameterization) -> int:
    """The most items of every class that cost at most `budget` bytes; InputError, of the part, where not one does.

    `cost` grows with the number of items.
    """
    if (least := cost(1)) > budget:
        name = part_name(type(part))
        raise InputError(f"{name}: one item of each class takes {least:,} bytes to store, and there are {budget:,}")
    count, step = 1, 1
    while step < LIMIT and cost(count + step) <= budget:
        count, step = count + step, 2 * step
    while step > 1:
        step //= 2
        if cost(count + step) <= budget:
            count += step
    return count
