"""Randomness as a value: fold a name into a key, get a generator; never advanced in place.

Two draws from one key are equal and draws from different keys are independent, so a step's
randomness is a function of (key, step) alone: a resumed run needs no generator state, and adding
a draw somewhere never changes a draw elsewhere. This is the only file that seeds anything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.placing import onto
from limbeck.core.tree import Tree


@dataclass(frozen=True)
class Key:
    """A path of names and numbers that determines a stream of random numbers.

    Draws are made on the CPU and moved by the caller, so every device sees the same numbers.

    >>> Key(("a",)).fold("b", 3) == Key(("a", "b", 3))
    True
    >>> bool((Key(("a",)).normal(2) == Key(("a",)).normal(2)).all())
    True
    """

    path: tuple[str | int, ...] = ()

    def fold(self, *names: str | int) -> Key:
        """The key below this one that is reached by `names`."""
        return Key(self.path + names)

    @property
    def seed(self) -> int:
        """A 63-bit seed: the BLAKE2b digest of the path."""
        digest = hashlib.blake2b(json.dumps(self.path).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") >> 1

    def generator(self) -> torch.Generator:
        """A fresh CPU generator at the start of this key's stream."""
        return torch.Generator().manual_seed(self.seed)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers of the given shape."""
        return torch.randn(shape, generator=self.generator())

    def normal_like(self, like: Tree) -> Tree:
        """Standard normal numbers of the shapes, types and devices of a tree's leaves, each by its path.

        >>> Key().normal_like({"x": torch.zeros(2), "y": torch.zeros(())})["x"].shape
        torch.Size([2])
        """
        drawn = {
            path: onto(self.fold(path).normal(*leaf.shape).to(leaf.dtype), leaf.device)
            for path, leaf in tree.flatten(like).items()
        }
        return tree.unflatten(like, drawn)

    def uniform(self, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1) of the given shape."""
        return torch.rand(shape, generator=self.generator())

    def integers(self, high: int, *shape: int) -> Tensor:
        """Integers in [0, high) of the given shape."""
        return torch.randint(high, shape, generator=self.generator())

    def permutation(self, count: int) -> Tensor:
        """A permutation of 0 .. count - 1."""
        return torch.randperm(count, generator=self.generator())

    @contextmanager
    def governing(self) -> Iterator[None]:
        """Within the block torch's global CPU generator follows this key; afterwards it is as it was.

        Only for code that cannot take a generator, such as the initialisers of an `nn.Module`.
        """
        with torch.random.fork_rng(devices=[]):
            torch.random.manual_seed(self.seed)
            yield
