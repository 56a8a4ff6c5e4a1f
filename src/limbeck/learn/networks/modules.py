"""Modules that networks are made of beside torch's own.

A class that is one of torch's needs torch, so these are imported by the functions that build networks.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from limbeck.learn.networks import layers

Sides = tuple[int, int]


class GlobalMean(nn.Module):
    """The mean of each channel over the map: (example, channel, height, width) -> (example, channel)."""

    def forward(self, maps: Tensor) -> Tensor:
        """The means."""
        return maps.mean((2, 3))


class Larger(nn.Module):
    """Maps as large as said, each number repeated."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.sides = height, width

    def forward(self, maps: Tensor) -> Tensor:
        """The maps, larger."""
        return functional.interpolate(maps, self.sides)


class ShortConvolution(nn.Conv2d):
    """A convolution whose factors, and result, are rounded to bfloat16; its bias is added unrounded."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        # The name and arguments are torch's; of its ways to pad, zeros are the one that networks by name use.
        short = functional.conv2d(
            input.to(torch.bfloat16), weight.to(torch.bfloat16), None, self.stride, self.padding, self.dilation,
            self.groups,
        )  # fmt: skip
        made = short.to(input.dtype)
        return made if bias is None else made + bias[:, None, None]


@final
class Residual(nn.Module):
    """relu(shortcut(x) + norm(conv(relu(norm(conv(x)))))), with 3x3 convolutions, the first with a stride."""

    def __init__(self, channels: int, width: int, stride: int, kind: str, sides: Sides) -> None:
        super().__init__()
        self.convolution1 = nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False)
        self.norm1 = layers.norm(kind, width, sides)
        self.convolution2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = layers.norm(kind, width, sides)
        self.activation = nn.ReLU()
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != width:
            self.shortcut.add_module("convolution", nn.Conv2d(channels, width, 1, stride=stride, bias=False))
            self.shortcut.add_module("norm", layers.norm(kind, width, sides))

    def forward(self, maps: Tensor) -> Tensor:
        """The maps after the block."""
        inner = self.activation(self.norm1(self.convolution1(maps)))
        return self.activation(self.shortcut(maps) + self.norm2(self.convolution2(inner)))
