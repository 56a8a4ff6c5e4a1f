"""Generators as a user of limbeck would write them."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

Shape = tuple[int, int, int]


class Linear(nn.Module):
    """An image is a fixed matrix times its code, scaled by a buffer."""

    def __init__(self, shape: Shape, code: int) -> None:
        super().__init__()
        self.layer = nn.Linear(code, math.prod(shape))
        self.layer.requires_grad_(False)
        self.register_buffer("scale", torch.tensor(2.0))
        self.drop = nn.Dropout(0.5)
        self.shape = shape

    def forward(self, codes: Tensor) -> Any:
        return self.scale * self.drop(self.layer(codes)).unflatten(1, self.shape)


def flat(shape: Shape, code: int) -> nn.Module:
    """It makes vectors, not images."""
    return nn.Linear(code, math.prod(shape))


def nothing(shape: Shape, code: int) -> Any:
    return shape
