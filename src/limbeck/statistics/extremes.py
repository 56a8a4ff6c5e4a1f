"""How far curves have come, where they end, from the most or the least that they were."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

LEAST_LEFT = 0.01
"""The share of its peak up to which a curve has come to nothing: less cannot be told from zero, or below."""


class Fall(NamedTuple):
    """What becomes of a curve after its peak."""

    at: int
    """Where its peak lies."""
    peak: float
    """NaN where any reading is not finite."""
    left: float
    """The share of the peak that is left where the curve ends, in [0.01, 1]; 1 where the peak is not above zero."""
    last: bool = False
    """Whether the peak is its last reading, so that what comes after it is not known."""
    clear: bool = True
    """Whether the peak is above zero for certain."""

    @property
    def halvings(self) -> float:
        """How many times the curve is halved after its peak.

        >>> Fall(20, 8.0, 0.25, False).halvings
        2.0
        """
        return -math.log2(self.left)


def fall(at: Sequence[int], values: Sequence[float], errors: Sequence[float] = ()) -> Fall:
    """How far a curve falls from its peak to its last reading.

    With the standard errors of its readings, a peak is above zero for certain where it is by three of them: it is the
    largest of many. Without, where it is at all.

    >>> fall((0, 20, 40), (1.0, 8.0, 2.0)), fall((0, 20, 40), (1.0, 8.0, -3.0)).left
    (Fall(at=20, peak=8.0, left=0.25, last=False, clear=True), 0.01)
    """
    if not all(map(math.isfinite, values)):
        return Fall(at[0], math.nan, 1.0, clear=False)
    place = max(range(len(values)), key=values.__getitem__)
    peak, end = values[place], values[-1]
    left = min(max(end / peak, LEAST_LEFT), 1.0) if peak > 0 else 1.0
    return Fall(at[place], peak, left, place == len(values) - 1, peak > (3 * errors[place] if errors else 0.0))


def lowest_of_others(curves: Float[Tensor, "draw read"]) -> list[int]:
    """For each of several curves of one kind, the reading at which the mean of the others is lowest.

    The lowest reading of a curve that wavers is low by chance, so that each seems to rise after it. Where the others
    are lowest has nothing to do with how this one wavers: of curves that stay level, the rise since then is zero on
    average. A curve that is alone has its own lowest reading. Readings that are not finite are no lowest.

    >>> lowest_of_others(torch.tensor([[3.0, 1.0, 2.0], [3.0, 2.0, 1.0]]))
    [2, 1]
    """
    sums = torch.where(curves.isfinite(), curves, math.inf)
    if len(curves) == 1:
        return [int(sums[0].argmin())]
    return [int(torch.cat([sums[:draw], sums[draw + 1 :]]).mean(0).argmin()) for draw in range(len(curves))]
