"""How numbers get to where they are computed with, without waiting for a device, and how many have room there."""

from __future__ import annotations

import torch
from torch import Tensor

from limbeck.core.memory import memory

_WITHOUT_WAITING = ("cuda", "meta")
"""Devices to which a copy from ordinary memory may be handed on: it is taken out of there before the call returns."""


def cpu() -> torch.device:
    """The processor, and the memory beside it."""
    return torch.device("cpu")


def onto(leaf: Tensor, device: torch.device) -> Tensor:
    """The same numbers on `device`.

    A plain `Tensor.to`, having copied to a GPU, waits until that has done all that it was given before. This hands the
    copy on as one more thing to do. The way back waits, as whoever reads a number must; so does any other device.

    >>> onto(torch.ones(2), torch.device("cpu")).tolist()
    [1.0, 1.0]
    """
    handed = leaf.device.type == "cpu" and device.type in _WITHOUT_WAITING
    return leaf.to(device, non_blocking=handed)


def capacity(device: torch.device) -> int:
    """The bytes that a device has for numbers, whoever has taken of them: the same at every call.

    Of the processor, and of a device of which nothing is known, what this process may hold.
    """
    if device.type == "cuda" and torch.cuda.is_available():
        return int(torch.cuda.get_device_properties(device).total_memory)
    return memory()
