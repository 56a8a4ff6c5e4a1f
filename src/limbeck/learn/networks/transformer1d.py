"""A small transformer of series, on patches of times."""

from __future__ import annotations

from torch import nn

from limbeck.learn.networks.convnet1d import SeriesShape
from limbeck.learn.networks.options import Number, Option

TOKENS = 16
"""How many tokens a series has where no patch is named, about."""


def options(shape: SeriesShape) -> tuple[Option, ...]:
    """Depth, and the length of a patch."""
    return (Number("depth", 2), Number("patch", max(1, -(-shape[1] // TOKENS))))


def transformer1d(shape: SeriesShape, classes: int, *, depth: int, patch: int) -> nn.Module:
    """Transformer of series: patches as tokens, 128 wide, 4 heads, then the mean and one linear layer; layer norm.

    As `vit`, with patches of times (as PatchTST, Nie et al., ICLR 2023, cuts them, but without overlap). The last patch
    is filled up with zeros.
    """
    from limbeck.learn.networks.modules1d import Transformer1d

    return Transformer1d(shape, classes, depth, patch)
