"""Networks for sentences as modules; `text.py` imports them late, as classes of torch's need torch.

An input (example, place, number) has the vectors of words and, as last number, how much of a word there is at each
place, which is confined to [0, 1]. What is no word is multiplied by 0, so that no other number of its place counts.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from limbeck.learn.networks.layers import Inputs
from limbeck.learn.networks.text import FILTERS
from limbeck.learn.networks.transformer import LEAST, Layer


def parted(inputs: Tensor) -> tuple[Tensor, Tensor]:
    """The vectors (example, place, number), 0 where no word is, and how much of one there is (example, place)."""
    there = inputs[..., -1].clamp(0, 1)
    return inputs[..., :-1] * there[..., None], there


def mean_of(tokens: Tensor, there: Tensor) -> Tensor:
    """The mean over places, each as much as there is of it; 0 where there is nothing."""
    return (tokens * there[..., None]).sum(1) / there.sum(1, keepdim=True).clamp(min=LEAST)


@final
class Encoder(nn.Module):
    """Vectors -> tokens with positions -> transformer layers -> norm -> mean over words -> linear layer."""

    def __init__(self, shape: Inputs, classes: int, width: int, depth: int) -> None:
        super().__init__()
        length, numbers = shape
        self.tokens = nn.Linear(numbers - 1, width)
        self.positions = nn.Parameter(0.02 * torch.randn(1, length, width))
        self.layers = nn.ModuleList(Layer(width, 2 * width) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """The outputs of each sentence."""
        vectors, there = parted(inputs)
        tokens = self.tokens(vectors) + self.positions
        for layer in self.layers:
            tokens = layer(tokens, there)
        return self.head(mean_of(self.norm(tokens), there))


@final
class Convolutions(nn.Module):
    """Vectors -> convolutions of several widths -> ReLU -> the largest of each channel over words -> linear layer."""

    def __init__(self, shape: Inputs, classes: int, width: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv1d(shape[1] - 1, width, size, padding=size // 2) for size in FILTERS)
        self.activation = nn.ReLU()
        self.head = nn.Linear(width * len(FILTERS), classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """The outputs of each sentence."""
        vectors, there = parted(inputs)
        channels, length = vectors.transpose(1, 2), there.shape[1]
        maps = torch.cat([convolution(channels)[..., :length] for convolution in self.convolutions], 1)
        return self.head((self.activation(maps) * there[:, None]).amax(2))


@final
class Bag(nn.Module):
    """The mean vector of the words there are -> linear layer."""

    def __init__(self, shape: Inputs, classes: int) -> None:
        super().__init__()
        self.head = nn.Linear(shape[1] - 1, classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """The outputs of each sentence."""
        return self.head(mean_of(*parted(inputs)))
