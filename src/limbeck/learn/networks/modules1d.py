"""Modules that networks of series are made of beside torch's own; imported by the functions that build networks."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from limbeck.learn.networks.convnet1d import SeriesShape, norm1d
from limbeck.learn.networks.transformer import WIDTH, Layer


class MeanOverTime(nn.Module):
    """The mean of each channel: (example, channel, time) -> (example, channel)."""

    def forward(self, maps: Tensor) -> Tensor:
        """The means."""
        return maps.mean(2)


@final
class Residual1d(nn.Module):
    """relu(shortcut(x) + norm(conv3(relu(norm(conv5(relu(norm(conv8(x))))))))), each over so many times."""

    def __init__(self, channels: int, width: int, norm: str, times: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for kernel in (8, 5, 3):
            # An even kernel looks one time further ahead than back, as its source pads.
            layers += [nn.ConstantPad1d(((kernel - 1) // 2, kernel // 2), 0.0)]
            layers += [nn.Conv1d(before, width, kernel), norm1d(norm, width, times), nn.ReLU()]
            before = width
        self.inner = nn.Sequential(*layers[:-1])
        self.shortcut = nn.Sequential()
        if channels != width:
            self.shortcut.add_module("convolution", nn.Conv1d(channels, width, 1))
        self.shortcut.add_module("norm", norm1d(norm, width, times))
        self.activation = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """The maps after the block."""
        return self.activation(self.shortcut(maps) + self.inner(maps))


@final
class Transformer1d(nn.Module):
    """Patches of times -> tokens -> transformer layers -> mean -> linear layer."""

    def __init__(self, shape: SeriesShape, classes: int, depth: int, patch: int) -> None:
        super().__init__()
        channels, times = shape
        self.padding = (0, -times % patch)
        self.patches = nn.Conv1d(channels, WIDTH, patch, stride=patch)
        self.positions = nn.Parameter(0.02 * torch.randn(1, math.ceil(times / patch), WIDTH))
        self.layers = nn.Sequential(*(Layer() for _ in range(depth)))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, classes)

    def forward(self, series: Tensor) -> Tensor:
        """The outputs of each series."""
        tokens = self.patches(functional.pad(series, self.padding)).transpose(1, 2)
        return self.head(self.norm(self.layers(tokens + self.positions)).mean(1))


@final
class Decomposed(nn.Module):
    """A window -> its moving mean and what is left of it, side by side (Zeng et al., AAAI 2023)."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.kernel = kernel

    def forward(self, windows: Tensor) -> Tensor:
        """(example, channel, time) -> (example, 2 channel time): what is left first, then the moving mean."""
        before, after = (self.kernel - 1) // 2, self.kernel // 2
        # Beyond its ends a window goes on as its first and its last number.
        ends = windows[..., :1].expand(-1, -1, before), windows[..., -1:].expand(-1, -1, after)
        trend = functional.avg_pool1d(torch.cat([ends[0], windows, ends[1]], 2), self.kernel, 1)
        return torch.cat([(windows - trend).flatten(1), trend.flatten(1)], 1)
