"""Images that stay on a device as they are stored, so that a draw of them moves a row number each and no pixels."""

from __future__ import annotations

import weakref

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from limbeck.core.placing import capacity, onto
from limbeck.tasks.readers.source import Array

SHARE = 1 / 8
"""The share of a device's memory that the images of one task may take; larger ones are read where they lie."""
_AT_ONCE = 1000
_HELD: dict[tuple[int, str], Tensor] = {}


def resident(images: Array, device: torch.device) -> UInt8[Tensor, "row channel height width"] | None:
    """All of `images` on a device, put there when they are first asked for, for as long as the array lives.

    None where they are best read from the array: on the processor, where they are no integers of 8 bits, and where
    they would take much of the device's memory.
    """
    if device.type == "cpu" or images.dtype != np.uint8 or images.nbytes > SHARE * capacity(device):
        return None
    name = (id(images), str(device))
    if name not in _HELD:
        _HELD[name] = placed(images, device)
        weakref.finalize(images, _HELD.pop, name, None)
    return _HELD[name]


def placed(images: Array, device: torch.device) -> UInt8[Tensor, "row channel height width"]:
    """A copy of all images on a device, piece by piece, so that no second one lies in memory on the way."""
    held = torch.empty(images.shape, dtype=torch.uint8, device=device)
    for start in range(0, len(images), _AT_ONCE):
        # A copy of what may be a memory map, which is not to be written to.
        held[start : start + _AT_ONCE] = onto(torch.from_numpy(np.array(images[start : start + _AT_ONCE])), device)
    return held
