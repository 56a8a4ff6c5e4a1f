"""What is stored, counted."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from torch import Tensor

from limbeck.core import tree
from limbeck.core.tree import Tree

FLOAT = 4
"""Bytes of a number as floats are stored, in 32 bits."""


class Budget(NamedTuple):
    """What a synthetic set costs to store, measured on what is stored."""

    scalars: int
    bytes: int

    @classmethod
    def of(cls, stored: Tree) -> Budget:
        """The cost of the leaves of a tree."""
        leaves = tree.leaves(stored)
        return cls(sum(leaf.numel() for leaf in leaves), sum(leaf.numel() * leaf.element_size() for leaf in leaves))

    def plus(self, other: Budget) -> Budget:
        """What both cost."""
        return Budget(self.scalars + other.scalars, self.bytes + other.bytes)


LABELS = frozenset({"targets", "classes", "outputs"})
"""What labels are called wherever they are kept."""


class Counted(NamedTuple):
    """What a set costs to store, by what it is: the numbers of each, and their bytes as they are stored."""

    inputs: Budget
    """What each item has of its own, beside its label."""
    labels: Budget
    shared: Budget
    """What all items are made by: a decoder, bases, masks."""

    @classmethod
    def of(cls, learned: dict[str, Tree], fixed: Tree, shared: Collection[str] = ()) -> Counted:
        """By the names of leaves: those of `shared` groups of what is learned are of all items, as is what is fixed.

        What is called as `LABELS` are is of labels, and what is fixed under "inputs" of the inputs.
        """
        found: dict[str, list[Tensor]] = {name: [] for name in cls._fields}
        for path, leaf in tree.flatten({"learned": learned, "fixed": fixed}).items():
            where, *names = path.split("/")
            if not LABELS.isdisjoint(names):
                kind = "labels"
            elif where == "fixed":
                kind = "inputs" if "inputs" in names else "shared"
            else:
                kind = "shared" if names and names[0] in shared else "inputs"
            found[kind].append(leaf)
        return cls(**{kind: Budget.of(tuple(leaves)) for kind, leaves in found.items()})
