"""What is stored, counted."""

from __future__ import annotations

from typing import NamedTuple

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
