"""How few bytes hold a pixel without loss."""

from __future__ import annotations

import numpy as np

from limbeck.tasks.readers.source import Array

_BYTE, _TWO = 2**8 - 1, 2**16 - 1
_AT_ONCE = 1000
_NEAR = float(np.finfo(np.float32).eps)
"""How far from a multiple of a step a level may lie: single precision does."""


def bytes_per_pixel(images: Array, rows: Array) -> int:
    """The bytes of the smallest unsigned integer that tells the levels of a pixel apart; otherwise those it has.

    `images` is (row, channel, height, width), uint8, or float32 in [0, 1]. Decoded values are integers again where all
    are multiples of one n-th, as of 1/16 for a scan of 17 levels (one byte), or of 1/4,095 (two).
    """
    if images.dtype == np.uint8:
        return 1
    levels = np.empty(0, images.dtype)
    for start in range(0, len(rows), _AT_ONCE):
        levels = np.union1d(levels, images[rows[start : start + _AT_ONCE]])
        if len(levels) > _TWO + 1:
            return images.itemsize
    steps = next((each for each in _candidates(levels) if _multiples(levels, each)), _TWO + 1)
    return 1 if steps <= _BYTE else 2 if steps <= _TWO else images.itemsize


def _candidates(levels: Array) -> list[int]:
    """In how many steps 0 to 1 may be divided, the fewest first: the usual ones, and by the smallest step there is."""
    about = round(1 / np.diff(levels).min()) if len(levels) > 1 else 1
    # Single precision leaves the number of steps known to a few.
    return sorted({_BYTE, _TWO, *(each for each in range(about - 2, about + 3) if 0 < each <= _TWO)})


def _multiples(levels: Array, steps: int) -> bool:
    return bool(np.abs(levels - np.round(levels.astype(np.float64) * steps) / steps).max(initial=0) <= _NEAR)
