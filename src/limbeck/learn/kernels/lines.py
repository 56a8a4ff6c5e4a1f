"""Pairs of places on a line of pixels: which of them a kernel of convolutions follows, and how they are mixed.

A pair is a place p in one image and a place q in another. Convolution mixes pairs of one offset q - p, and pooling
those of a few, so that what ends in few offsets needs few. Offsets are counted around the line, from its end to its
beginning: then the pairs of all offsets are all pairs once, and each offset has as many pairs as the line has places.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from limbeck.core.placing import onto

HALF = 2
"""Places that pooling makes one of; a last one that is left over is dropped."""


class Line(NamedTuple):
    """The pairs of places of a line, offset by offset and within each by the first place.

    Where it has fewer offsets than places, those of its pairs that lie around its end are of offsets that nothing asks
    for: what is computed there is finite, and of no account.
    """

    side: int
    """Places of the line."""
    offsets: int
    """Offsets that are followed: those nearest to 0."""

    @property
    def pairs(self) -> int:
        """How many pairs are followed."""
        return self.side * self.offsets

    def listed(self) -> list[tuple[int, int]]:
        """Both places of each pair, in order."""
        least = -(self.offsets // 2)
        return [(p, (p + least + at) % self.side) for at in range(self.offsets) for p in range(self.side)]


def lines(side: int, reach: int, pools: Sequence[bool]) -> list[Line]:
    """The line of each layer, and that of what the last one gives, of which offsets up to `reach` are asked for.

    A layer that is pooled needs the offsets between all places that become one.

    >>> [tuple(line) for line in lines(8, 0, [False, True, True])]
    [(8, 7), (8, 7), (4, 3), (2, 1)]
    >>> [tuple(line) for line in lines(5, 9, [True])]
    [(5, 5), (2, 2)]
    """
    sides, reaches = [side], [reach]
    for pooled in pools:
        sides.append(sides[-1] // HALF if pooled else sides[-1])
    for pooled in reversed(pools):
        reaches.append(HALF * reaches[-1] + HALF - 1 if pooled else reaches[-1])
    return [Line(each, min(each, 2 * far + 1)) for each, far in zip(sides, reversed(reaches), strict=True)]


class Places(NamedTuple):
    """Both places of every pair of a line."""

    first: Int[Tensor, " pair"]
    second: Int[Tensor, " pair"]


@functools.lru_cache(maxsize=256)
def places(line: Line, device: torch.device) -> Places:
    """Both places of every pair of a line, on a device."""
    return Places(*onto(torch.tensor(line.listed()), device).unbind(1))


@functools.lru_cache(maxsize=256)
def same(line: Line, device: torch.device) -> Int[Tensor, " place"]:
    """Where the pairs of each place with itself are."""
    return onto(torch.tensor([index for index, (p, q) in enumerate(line.listed()) if p == q]), device)


def convolved(values: Tensor, line: Line, size: int, axis: int) -> Tensor:
    """The sum of values of pairs over the places of a filter that moves over both images; beyond the edges they are 0.

    `axis` is that of the pairs, counted from the last.
    """
    total = values
    for by in range(1, size // 2 + 1):
        for step in (-by, by):
            # The pairs of an offset lie side by side; what is rolled in from another one lies beyond the edge.
            within = _within(line, step, values.device).to(values.dtype).view(-1, *[1] * (-axis - 1))
            total = torch.addcmul(total, within, values.roll(-step, axis))
    return total


@functools.lru_cache(maxsize=256)
def _within(line: Line, step: int, device: torch.device) -> Bool[Tensor, " pair"]:
    """Of which pairs the one so many places further is within both images."""
    found = [all(0 <= place + step < line.side for place in pair) for pair in line.listed()]
    return onto(torch.tensor(found), device)


def halved(values: Tensor, line: Line, after: Line, axis: int) -> Tensor:
    """The mean of values of pairs over the places that become one, in both images."""
    parts = [values.index_select(axis, part) for part in _parts(line, after, values.device)]
    return sum(parts[1:], parts[0]) / len(parts)


@functools.lru_cache(maxsize=256)
def _parts(line: Line, after: Line, device: torch.device) -> tuple[Int[Tensor, " pair"], ...]:
    """Where the pairs are that those of a pooled line are means of, for each choice of one of two places in both."""
    where = {pair: index for index, pair in enumerate(line.listed())}
    return tuple(
        # A pair that is not followed is asked for by one that is of no account.
        onto(torch.tensor([where.get((HALF * p + one, HALF * q + other), 0) for p, q in after.listed()]), device)
        for one in range(HALF)
        for other in range(HALF)
    )
