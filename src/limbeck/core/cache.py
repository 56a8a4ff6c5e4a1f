"""Where what takes long is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from limbeck.core import tree
from limbeck.core.tree import Tree


@runtime_checkable
class Cache(Protocol):
    """A place where what was computed once is found again."""

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        """The tree of dicts at `address`; made by `make` and kept where it is not there yet.

        Where a `branch` is named (a path as in `tree.branch`), that branch alone, and no more is read.
        """

    def holds(self, address: dict[str, Any]) -> bool:
        """Whether there is something at `address`."""


class NoCache:
    """The cache that keeps nothing."""

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        """Make it afresh."""
        return tree.branch(make(), branch)

    def holds(self, address: dict[str, Any]) -> bool:
        """No."""
        return False
