"""The codec of data that a network sees in their own units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from limbeck.core.contracts import AbstractCodec
from limbeck.core.tree import Tree


@dataclass(frozen=True)
class Identity(AbstractCodec):
    """One unit: a network sees the data as they are."""

    def encode(self, native: Tree) -> Tree:
        """The same."""
        return native

    def decode(self, inputs: Tree) -> Tree:
        """The same."""
        return inputs

    def to_tensors(self) -> dict[str, Tensor]:
        """Nothing is kept."""
        return {}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> Identity:
        """There is one."""
        return cls()

    def header(self) -> dict[str, Any]:
        """Nothing is to be said."""
        return {}
