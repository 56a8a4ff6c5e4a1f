"""The residual network of series."""

from __future__ import annotations

from torch import nn

from limbeck.learn.networks.convnet1d import SeriesShape
from limbeck.learn.networks.layers import NORMS
from limbeck.learn.networks.options import Choice, Number, Option


def options(shape: SeriesShape) -> tuple[Option, ...]:
    """Width and normalisation."""
    return (Number("width", 64), Choice("norm", "batch", NORMS))


def resnet1d(shape: SeriesShape, classes: int, *, width: int, norm: str) -> nn.Module:
    """ResNet of series: three residual blocks of convolutions over 8, 5 and 3 times, a mean, one linear layer.

    Wang, Yan & Oates (IJCNN 2017): the first block is `width` wide, the others twice as wide; nothing is pooled on the
    way, so series of any length will do.
    """
    from limbeck.learn.networks.modules1d import MeanOverTime, Residual1d

    channels, times = shape
    body = nn.Sequential()
    for index, wide in enumerate((width, 2 * width, 2 * width), start=1):
        body.add_module(f"block{index}", Residual1d(channels, wide, norm, times))
        channels = wide
    body.add_module("mean", MeanOverTime())
    body.add_module("head", nn.Linear(channels, classes))
    return body
