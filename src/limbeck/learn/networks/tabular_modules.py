"""Modules that networks of rows are made of beside torch's own; imported by the functions that build networks."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn


@final
class Crosses(nn.Module):
    """Cross layers, x <- x0 * (W x + b) + x: products of numbers of the row x0, of one degree more at each layer."""

    def __init__(self, numbers: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(numbers, numbers) for _ in range(depth))

    def forward(self, rows: Tensor) -> Tensor:
        """The rows after all layers."""
        crossed = rows
        for layer in self.layers:
            crossed = rows * layer(crossed) + crossed
        return crossed


@final
class ResidualRows(nn.Module):
    """x + W2 relu(W1 norm(x)), with biases; the norm is over the numbers of a row."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Linear(width, width)
        self.activation = nn.ReLU()
        self.outer = nn.Linear(width, width)

    def forward(self, rows: Tensor) -> Tensor:
        """The rows after the block."""
        added: Tensor = self.outer(self.activation(self.inner(self.norm(rows))))
        return rows + added


@final
class ObliviousTrees(nn.Module):
    """Trees whose nodes of one depth all ask the same: (example, number) -> (example, tree).

    At each depth a tree answers p = sigmoid((sum_i softmax(choice)_i x_i - threshold) exp(-temperature)), and a leaf
    weighs the product of p or 1 - p on the way to it. A tree gives the mean of its leaves' values by these weights.
    """

    def __init__(self, numbers: int, trees: int, depth: int) -> None:
        super().__init__()
        # Logits of this size let a tree see a few columns of ten or a hundred: uniform ones would all be their mean.
        self.choices = nn.Parameter(4 * torch.randn(trees, depth, numbers))
        self.thresholds = nn.Parameter(torch.randn(trees, depth))
        self.temperatures = nn.Parameter(torch.zeros(trees, depth))
        self.leaves = nn.Parameter(torch.randn(trees, 2**depth))

    def forward(self, rows: Tensor) -> Tensor:
        """What each tree gives."""
        asked = torch.einsum("en,tdn->etd", rows, self.choices.softmax(2))
        answers = torch.sigmoid((asked - self.thresholds) * torch.exp(-self.temperatures))
        weights = torch.ones_like(answers[..., :1])
        for depth in range(answers.shape[2]):
            yes = answers[..., depth, None]
            weights = torch.cat([weights * (1 - yes), weights * yes], 2)
        return (weights * self.leaves).sum(2)
