"""Images of a published set in the shape of the data, and what whole numbers are as pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.errors import InputError
from limbeck.imported.units import EIGHT_BIT, RAW

_DARK = 32
"""Whole numbers below are nearly black as pixels in 0..255: they are levels of something else."""


def images_of(path: Path, images: Tensor, shape: Sequence[int]) -> Float[Tensor, "item channel height width"]:
    """The numbers as float32, channels first; grey images may come without the axis of channels, or flattened."""
    channels = shape[0]
    if channels == 1 and (images.dim() == 3 or (images.dim() == 2 and images.shape[1] == math.prod(shape))):
        images = images.reshape(len(images), 1, *(images.shape[1:] if images.dim() == 3 else shape[1:]))
    if images.dim() == 4 and tuple(images.shape[1:]) != tuple(shape) and images.shape[3] == channels:
        images = images.movedim(3, 1)
    if images.dim() != 4 or not len(images) or tuple(images.shape[1:]) != tuple(shape):
        raise InputError(
            f"{path}: images of shape {tuple(images.shape)}, expected (item, {', '.join(map(str, shape))}) as "
            "the data; name the data that it was distilled from, or --size"
        )
    wide = images.to(torch.float32)
    if not bool(wide.isfinite().all()):
        item = int((~wide.isfinite()).flatten(1).any(1).nonzero()[0])
        raise InputError(f"{path}: image {item} holds NaN or infinite values, expected numbers; get the file anew")
    return wide


def units_of_whole(path: Path, images: Tensor, given: str) -> str:
    """The units of whole numbers: those that are `given`, else pixels in 0..255, or 0 and 1 where they are bits.

    Raises InputError for numbers that would not be seen as pixels in 0..255, and for those outside.
    """
    if given and given != RAW:
        return given
    low, high = int(images.min()), int(images.max())
    if images.dtype == torch.bool or (given == RAW and low >= 0 and high <= 1):
        return RAW
    if low < 0 or high > 255:
        raise InputError(
            f"{path}: whole numbers from {low} to {high}, expected pixels in 0..255; say what they are with "
            f"--normalisation, as 0/{1 / max(high, 1):.6g} where {high} is white"
        )
    if 0 < high < _DARK and not given:
        raise InputError(
            f"{path}: whole numbers from {low} to {high}, nearly black as pixels in 0..255; say --normalisation "
            f"0/{1 / high:.6g} where {high} is white, or --normalisation {EIGHT_BIT} where 255 is"
        )
    return EIGHT_BIT
