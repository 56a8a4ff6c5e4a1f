"""Many examples in passes that stay in a processor's cache."""

from __future__ import annotations

import math

import torch
from jaxtyping import Int
from torch import Tensor

FORWARD = 100_000
"""Real numbers of input in a forward pass, 32 images of CIFAR. Measured on one core, ConvNet width 32 (128):
the features of 256 images take 103 (496) ms in one pass, 35 (323) in passes of 32; compiled, 37 (208) and 14 (145)."""
BACKWARD = 200_000
"""Real numbers of input in a forward and backward pass, 65 images of CIFAR: 256 at once take 1.3 times as long."""


def piece(shape: tuple[int, ...], numbers: int, device: torch.device) -> int:
    """How many inputs of a shape go through at once, of about as many numbers; on a device with cores to fill, any.

    >>> piece((3, 32, 32), FORWARD, torch.device("cpu")), piece((3, 32, 32), FORWARD, torch.device("cuda"))
    (32, 9223372036854775807)
    """
    return max(1, numbers // math.prod(shape)) if device.type == "cpu" else 2**63 - 1


def passes(rows: Int[Tensor, " example"], at_once: int) -> tuple[Int[Tensor, " some"], ...]:
    """The rows in passes of at most `at_once`, of one size where that can be: code is compiled for a shape.

    >>> [part.tolist() for part in passes(torch.arange(6), 4)]
    [[0, 1, 2], [3, 4, 5]]
    """
    return rows.tensor_split(-(-len(rows) // at_once))
