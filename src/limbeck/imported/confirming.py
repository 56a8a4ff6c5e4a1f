"""The units of a set, told from its numbers and confirmed by whoever knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor

from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError
from limbeck.imported.units import (
    UNITS,
    PixelValues,
    Reading,
        is_whitened,
    own_codec,
    pixels_of,
    readings,
)  # fmt: skip

MOST = 0.5
"""The share of values outside [0, 1] beyond which numbers are no pixels in some units."""
SPREAD = 8.0
"""How many times as far apart as those of real images numbers are at most, or as near."""


def told_units(
    path: Path,
    candidates: Sequence[str],
    images: Tensor,
    task: AbstractTask,
    given: str,
    confirm: Callable[[str], bool] | None,
) -> tuple[str, PixelValues]:
    """The units of images, and what they are as pixels.

    They are those that are `given`, else the likeliest of the candidates, once confirmed.

    Raises InputError where the likeliest are not those of any pixels, or of whitened images where the data are not
    whitened, and where nobody can be asked, or the answer is no.
    """
    if given:
        return given, pixels_of(images, given, task)
    likely, *others = readings(images, task, candidates)
    like_images = 1 / SPREAD < likely.spread < SPREAD
    if like_images and is_whitened(likely.units, task) and own_codec(task).zca is None:
        raise InputError(
            f"{path}: its numbers look {likely.units} (ZCA), and the data are not: add --zca; or, where that is "
            "wrong, say the units with --normalisation"
        )
    pixels = pixels_of(images, likely.units, task)
    if pixels.outside > MOST or not like_images:
        raise InputError(
            f"{path}: in no known units do its numbers look like images: the nearest are {likely.units}, {pixels}; say "
            f"the units with --normalisation ({', '.join(UNITS)}, or MEAN,.../STD,...)"
        )
    _confirmed(path, likely, pixels, _beside(images, others, task), confirm)
    return likely.units, pixels


def _beside(images: Tensor, others: Sequence[Reading], task: AbstractTask) -> str:
    """The units that it was not taken to be in; pixels are said where that takes no fitting."""
    named = [
        each.units if is_whitened(each.units, task) else f"{each.units}: {pixels_of(images, each.units, task)}"
        for each in others
    ]
    return "; nor ".join(named)


def _confirmed(
    path: Path, likely: Reading, pixels: PixelValues, others: str, confirm: Callable[[str], bool] | None
) -> None:
    """Ask whether the likeliest units are right; InputError where nobody can be asked, or the answer is no."""
    text = f"{path}: its numbers look {likely.units}: {pixels}; not {others}"
    if confirm is None:
        raise InputError(f"{text}. Confirm with --normalisation {likely.units} (or another), or --yes")
    if not confirm(text):
        raise InputError(f"{path}: its units were not confirmed; say them with --normalisation")
