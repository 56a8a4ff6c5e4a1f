"""Stored images that hold several training images each (multi-formation, Kim et al., ICML 2022)."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limbeck.core.errors import InputError

_GREY = 0.5
"""What pixels are padded with, in [0, 1]."""


def formed(
    pixels: Float[Tensor, "stored channel height width"], factor: int
) -> Float[Tensor, "item channel height width"]:
    """The `factor`^2 images in each: its pieces, each enlarged bilinearly to the whole size.

    Pieces come position by position, row after row, each of all stored images in order. Images whose sides the factor
    does not divide are padded with grey below and on the right first.
    """
    height, width = pixels.shape[2:]
    tall, wide = -(-height // factor), -(-width // factor)
    padded = nn.functional.pad(pixels, (0, wide * factor - width, 0, tall * factor - height), value=_GREY)
    pieces = [
        padded[:, :, row * tall : (row + 1) * tall, column * wide : (column + 1) * wide]
        for row in range(factor)
        for column in range(factor)
    ]
    return torch.cat([nn.functional.interpolate(piece, size=(height, width), mode="bilinear") for piece in pieces])


def factor_of(path: Path, given: int | None) -> int:
    """The factor of a file, which only the names of the folders above it say.

    Raises InputError where they say one and none is given: whether the images were stored so is not in the file.
    """
    if given is not None:
        if given < 1:
            raise InputError(f"--factor {given}, expected 1 (an image is one image) or more; name that")
        return given
    found = re.search(r"factor_?(\d+)", path.resolve().parent.name)
    if found and int(found.group(1)) > 1:
        factor = int(found.group(1))
        raise InputError(
            f"{path}: its folder speaks of factor {factor}, by which each image holds {factor**2}; say --factor "
            f"{factor}, or --factor 1 where each is one image"
        )
    return 1
