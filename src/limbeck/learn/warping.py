"""How far series are from one another: time by time, or after time has been stretched."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.expect import AbstractPart, expect
from limbeck.core.family import Family

Series = Float[Tensor, "_ ... time"]
"""Time is the last axis, all others are channels."""
CELLS = 2**21
"""Numbers of one diagonal that are computed together, at most."""


class AbstractSeriesDistance(AbstractPart):
    """How far one series is from another."""

    suffix: str
    """What it adds to the name of a protocol."""

    @abstractmethod
    def between(self, left: Series, right: Series) -> Float[Tensor, "left right"]:
        """The distance of each series from each of others; InputError where they are not of one shape."""

    @abstractmethod
    def flops(self, shape: tuple[int, ...]) -> float:
        """About how many operations one distance takes."""


@final
@dataclass(frozen=True)
class Euclidean(AbstractSeriesDistance):
    """The root of the summed squares of differences, time by time and channel by channel."""

    @property
    def suffix(self) -> str:  # type: ignore[override]
        """Nothing: it is what is meant where nothing is said."""
        return ""

    def between(self, left: Series, right: Series) -> Float[Tensor, "left right"]:
        """The distances."""
        return torch.cdist(left.flatten(1), right.flatten(1), compute_mode="donot_use_mm_for_euclid_dist")

    def flops(self, shape: tuple[int, ...]) -> float:
        """Three for each number."""
        return 3.0 * math.prod(shape)


@final
@dataclass(frozen=True)
class Warped(AbstractSeriesDistance):
    """Dynamic time warping within a band (Sakoe & Chiba, 1978); of several channels, of all warped alike.

    The least root of summed squares over all paths from both first times to both last ones that go on by one time in
    one series or in both, and on which times differ by at most `band` of the length. It is no metric: the triangle
    inequality fails. A band of 0 is the Euclidean distance, and a wider band is never further.
    """

    band: float = 0.1
    """The widest difference of times, as a share of the length."""

    def __post_init__(self) -> None:
        expect(self, "band", 0 <= self.band <= 1, "a share from 0 to 1")

    @property
    def suffix(self) -> str:  # type: ignore[override]
        """ "dtw", and the band where it is not the default.

        >>> Warped().suffix, Warped(0.05).suffix
        ('-dtw', '-dtw0.05')
        """
        return "-dtw" + (f"{self.band:g}" if self.band != Warped.band else "")

    def between(self, left: Series, right: Series) -> Float[Tensor, "left right"]:
        """The distances, part by part so that little lies in memory."""
        reach = self.reach(left.shape[-1])
        left, right = (each.reshape(len(each), -1, each.shape[-1]) for each in (left, right))
        most = max(1, CELLS // (2 * (reach + 2) * max(1, len(right))))
        return torch.cat([_warped(part, right, reach) for part in left.split(most)])

    def reach(self, times: int) -> int:
        """How many times apart two times of a path are at most."""
        return min(times - 1, math.floor(self.band * times + 1e-9))

    def flops(self, shape: tuple[int, ...]) -> float:
        """A difference of all channels and three comparisons for each cell of the band."""
        *channels, times = shape
        return times * (2.0 * self.reach(times) + 1) * (3 * math.prod(channels) + 4)


def _warped(left: Tensor, right: Tensor, reach: int) -> Float[Tensor, "left right"]:
    """The distances where times are at most `reach` apart, diagonal by diagonal.

    D(i, j) = cost(i, j) + min(D(i-1, j), D(i, j-1), D(i-1, j-1)). All cells with one i + j are independent of one
    another. A cell is at its offset i - j + reach.
    """
    times, width = left.shape[2], 2 * reach + 1
    far = left.new_full((len(left), len(right), width + 2), math.inf)
    before, last = far.clone(), far.clone()
    offsets = torch.arange(width, device=left.device) - reach
    for total in range(2 * times - 1):
        # i + j = total and i - j = offset: those of the other parity are no cells.
        i, j = (total + offsets) // 2, (total - offsets) // 2
        cells = ((total + offsets) % 2 == 0) & (i >= 0) & (j >= 0) & (i < times) & (j < times)
        at_i, at_j = i.clamp(0, times - 1), j.clamp(0, times - 1)
        cost = (left[:, None, :, at_i] - right[None, :, :, at_j]).square().sum(2)
        # One step back in i is one offset lower on the last diagonal, in j one higher; in both, on the one before.
        best = torch.minimum(torch.minimum(last[..., :width], last[..., 2:]), before[..., 1:-1])
        if total == 0:
            best = torch.zeros_like(best)
        found = far.clone()
        found[..., 1:-1] = torch.where(cells, cost + best, math.inf)
        before, last = last, found
    return last[..., reach + 1].sqrt()


SERIES_DISTANCES = Family("series-distance", AbstractSeriesDistance, Euclidean, Warped)
