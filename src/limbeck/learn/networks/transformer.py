"""A small vision transformer as a module; a class that is one of torch's needs torch, so `vit.py` imports it late."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from limbeck.learn.networks.layers import Shape
from limbeck.learn.networks.vit import patch_side

WIDTH, DEPTH, HEADS, HIDDEN = 128, 4, 4, 256


@final
class Vit(nn.Module):
    """Patches -> tokens -> transformer layers -> mean -> linear layer."""

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        side = patch_side(shape)
        self.padding = (0, -width % side, 0, -height % side)
        self.patches = nn.Conv2d(channels, WIDTH, side, stride=side)
        count = math.ceil(height / side) * math.ceil(width / side)
        self.positions = nn.Parameter(0.02 * torch.randn(1, count, WIDTH))
        self.layers = nn.Sequential(*(Layer() for _ in range(DEPTH)))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, classes)

    def forward(self, images: Tensor) -> Tensor:
        """The outputs of each image."""
        tokens = self.patches(functional.pad(images, self.padding)).flatten(2).transpose(1, 2)
        return self.head(self.norm(self.layers(tokens + self.positions)).mean(1))


@final
class Layer(nn.Module):
    """x + attention(norm(x)), then x + hidden(norm(x)).

    Attention is written out: the fused kernels have no double backward.
    """

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.queries_keys_values = nn.Linear(WIDTH, 3 * WIDTH)
        self.mix = nn.Linear(WIDTH, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.hidden = nn.Linear(WIDTH, HIDDEN)
        self.activation = nn.GELU()
        self.back = nn.Linear(HIDDEN, WIDTH)

    def forward(self, tokens: Tensor) -> Tensor:
        """The tokens after the layer."""
        tokens = tokens + self._attend(self.norm1(tokens))
        return tokens + self.back(self.activation(self.hidden(self.norm2(tokens))))

    def _attend(self, tokens: Tensor) -> Tensor:
        queries, keys, values = (
            part.unflatten(2, (HEADS, WIDTH // HEADS)).transpose(1, 2)
            for part in self.queries_keys_values(tokens).chunk(3, dim=2)
        )
        weights = (queries @ keys.transpose(2, 3) / math.sqrt(WIDTH // HEADS)).softmax(dim=3)
        return self.mix((weights @ values).transpose(1, 2).flatten(2))
