"""Transformer layers, and a small vision transformer; classes of torch's, which `vit.py` and others import late."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from limbeck.learn.networks.layers import Shape
from limbeck.learn.networks.vit import patch_side

WIDTH, DEPTH, HEADS, HIDDEN = 128, 4, 4, 256
LEAST = 1e-12
"""What stands for a sum of no weights."""


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

    def __init__(self, width: int = WIDTH, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.attention = Attention()
        self.mix = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.hidden = nn.Linear(width, hidden)
        self.activation = nn.GELU()
        self.back = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor, there: Tensor | None = None) -> Tensor:
        """The tokens after the layer; `there` (example, token) is how much of each there is to attend to, in [0, 1]."""
        tokens = tokens + self._attend(self.norm1(tokens), there)
        return tokens + self.back(self.activation(self.hidden(self.norm2(tokens))))

    def _attend(self, tokens: Tensor, there: Tensor | None) -> Tensor:
        queries, keys, values = (
            part.unflatten(2, (HEADS, -1)).transpose(1, 2) for part in self.queries_keys_values(tokens).chunk(3, dim=2)
        )
        weights = self.attention(queries, keys, there)
        return self.mix((weights @ values).transpose(1, 2).flatten(2))


@final
class Attention(nn.Module):
    """How much each token attends to each: a softmax of inner products, times how much there is of what is seen.

    It is a module so that what it gives can be looked at.
    """

    def forward(self, queries: Tensor, keys: Tensor, there: Tensor | None) -> Tensor:
        """Weights (example, head, token, token seen); each row sums to 1, or to 0 where there is nothing to see."""
        weights = (queries @ keys.transpose(2, 3) / math.sqrt(queries.shape[3])).softmax(dim=3)
        if there is None:
            return weights
        seen = weights * there[:, None, None]
        return seen / seen.sum(3, keepdim=True).clamp(min=LEAST)
