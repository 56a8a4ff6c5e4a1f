"""What the steps of an objective take, where that is not told by a few of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from limbeck.core.tree import Tree


class Piece(NamedTuple):
    """A small part of a step, by which how long steps take is told before one is made."""

    do: Callable[[], Tensor]
    """Does it, and gives a number, which is there when it is done."""
    times: float
    """As many of them are as much work as a step."""


class Later(NamedTuple):
    """Where steps begin to take otherwise, and a state to try such steps from."""

    step: int
    """The first of them."""
    state: Tree
    """As the objective's before it, but for numbers that no time depends on."""
