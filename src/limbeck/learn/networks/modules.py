"""Modules that networks are made of beside torch's own.

A class that is one of torch's needs torch, so these are imported by the functions that build networks.
"""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
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


class MeanPooling(nn.Module):
    """Means over neighbours, 2 or 2 x 2, as `nn.AvgPool1d(2)` and `nn.AvgPool2d(2)` have them: maps half as long.

    Inputs are (example, channel, time) or (example, channel, height, width); a last odd one is left out. torch's own
    eager code goes number by number on a processor, and takes most of what a small network takes beside its
    convolutions. So a matrix of halves or quarters does it there, in a fifth of the time (`benchmarks/pooling.py`):
    the same but for rounding.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """The means."""
        product = maps.device.type == "cpu" and not torch.compiler.is_compiling()
        if maps.dim() == 3:
            return _halved(maps) if product else functional.avg_pool1d(maps, 2)
        height, width = maps.shape[2:]
        if not product or height % 2 or width % 2 or width > WIDEST:
            return functional.avg_pool2d(maps, 2)
        # Two rows that lie end to end in memory become one.
        return maps.reshape(*maps.shape[:2], height // 2, 2 * width) @ averages(2, width // 2, maps.dtype)


WIDEST = 128
"""The width of maps up to which a product is faster: its cost for a number grows with it."""
LONGEST = 16
"""The most pairs of a series that one row of a product has."""
_averages: dict[int, Tensor] = {}
"""The matrices of pooling by their addresses, which are theirs for as long as they are kept."""


def _halved(series: Tensor) -> Tensor:
    pairs = series.shape[2] // 2
    row = max(length for length in range(1, LONGEST + 1) if pairs % length == 0)
    rows = series[..., : 2 * pairs].reshape(*series.shape[:2], pairs // row, 2 * row)
    return (rows @ averages(1, row, series.dtype)).flatten(2)


@functools.cache
def averages(rows: int, pairs: int, dtype: torch.dtype) -> Tensor:
    """The matrix that makes the means over pairs of columns of so many rows, which lie end to end.

    >>> (torch.arange(8.0) @ averages(2, 2, torch.float32)).tolist()  # of 0 1 2 3 above 4 5 6 7
    [2.5, 4.5]
    """

    def quarters() -> Tensor:
        return torch.eye(pairs, dtype=dtype, device="cpu").repeat_interleave(2, dim=0).repeat(rows, 1) / (2 * rows)

    # What is made within a transform of torch, such as a derivative, is of that transform, and this is kept for all
    # calls. Transforms are of a thread: another has none.
    with ThreadPoolExecutor(1) as beside:
        made = beside.submit(quarters).result()
    _averages[made.data_ptr()] = made
    return made


def pools(operands: tuple[object, ...]) -> bool:
    """Whether a product is the pooling of `MeanPooling`, or its derivative."""
    dense = (each for each in operands if isinstance(each, Tensor) and each.layout is torch.strided)
    return any(each.data_ptr() in _averages for each in dense)


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
