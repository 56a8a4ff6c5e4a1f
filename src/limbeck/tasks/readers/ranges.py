"""In which units the numbers of arrays of images are: one reading for all splits, refused where none fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from limbeck.core.errors import InputError
from limbeck.tasks.readers.source import Array

_BRIGHT = 128
"""The value from which on floats above 1 are plainly of 255 levels, and not of 16 or 100."""
_SPREAD = 0.9
"""How near to -1 and 1 values must come to be plainly of that range, and not standardised."""


class Ranges(NamedTuple):
    """How numbers become uint8 in 0..255 or float32 in [0, 1]."""

    dtype: str
    """That of what comes out; "" where integers are 0..255 and floats in [0, 1]."""
    offset: float = 0.0
    """Added first."""
    factor: float = 1.0
    """Multiplied by then."""
    notes: tuple[str, ...] = ()

    def apply(self, x: Array) -> Array:
        """The numbers in [0, 1] or 0..255."""
        if not self.dtype:
            return x.astype(np.float32 if x.dtype.kind == "f" else np.uint8)
        if self.offset or self.factor != 1.0:
            return ((x.astype(np.float64) + self.offset) * self.factor).astype(self.dtype)
        return x.astype(self.dtype)


def reading_of(arrays: Mapping[str, Array]) -> Ranges:
    """How the numbers of all arrays are read, by their names; InputError where no reading fits all."""
    kinds = {x.dtype.kind for x in arrays.values()}
    for name, x in arrays.items():
        if x.dtype.kind not in "biuf":
            raise InputError(
                f"{name}: values of type {x.dtype}, expected integers 0..255 or floats in [0, 1]; convert them"
            )
        _check_finite(name, x)
    seen = [(float(x.min()), float(x.max()), name) for name, x in arrays.items() if x.size]
    if not seen:
        return Ranges("uint8")
    lowest, highest = min(seen), max(seen, key=lambda each: each[1])
    low, high = lowest[0], highest[1]
    if "f" not in kinds:
        if kinds == {"b"}:
            return Ranges(
                "uint8", factor=255.0, notes=("the images are booleans: false is read as black, true as white",)
            )
        if low >= 0 and high <= 255:
            return Ranges("uint8")
        raise _unfit(lowest if low < 0 else highest, low, high, "rescale them")
    if len(kinds) > 1:
        whole = all(x.min() >= 0 and x.max() <= (1 if x.dtype.kind == "f" else 255) for x in arrays.values() if x.size)
        if whole and "b" not in kinds:
            return Ranges("")
        raise InputError(
            f"{', '.join(arrays)}: some hold integers and some floats, expected one kind; save all in the same units"
        )
    if low >= 0 and high <= 1:
        return Ranges("float32")
    if low >= 0 and _BRIGHT <= high <= 255:
        if all(bool((x == np.round(x)).all()) for x in arrays.values()):
            return Ranges("uint8", notes=("the images are floats from 0 to 255, all whole: read as 255 levels",))
        note = f"the images are floats up to {high:g}: read as 0 to 255, and divided by 255"
        return Ranges("float32", factor=1 / 255, notes=(note,))
    if -1 <= low <= -_SPREAD and _SPREAD <= high <= 1:
        note = f"the images are floats from {low:g} to {high:g}: read as -1 to 1, (x + 1) / 2 is in [0, 1]"
        return Ranges("float32", offset=1.0, factor=0.5, notes=(note,))
    advice = (
        f"rescale them: where {high:g} is white, save x / {high:g}, and where white is 255, x / 255"
        if low >= 0
        else "rescale them: where they were normalised, save x * deviation + mean, and where they are from -1 to 1, "
        "(x + 1) / 2"
    )
    raise _unfit(lowest if low < 0 else highest, low, high, advice)


def _check_finite(name: str, x: Array) -> None:
    if x.dtype.kind == "f" and x.ndim > 1 and x.size:
        finite = np.isfinite(x).reshape(len(x), -1).all(axis=1)
        if not finite.all():
            raise InputError(
                f"{name} row {int(finite.argmin())}: NaN or infinite values, expected numbers in [0, 1]; repair or "
                "remove it"
            )


def _unfit(where: tuple[float, float, str], low: float, high: float, advice: str) -> InputError:
    return InputError(
        f"{where[2]}: values from {low:g} to {high:g}, expected integers 0..255 or floats in [0, 1]; {advice}"
    )
