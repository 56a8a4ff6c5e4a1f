"""The ConvNet of series: blocks of convolution over time, normalisation, activation and pooling."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from limbeck.core.errors import InputError
from limbeck.learn.networks.layers import ACTIVATIONS, GROUPS, NORMS
from limbeck.learn.networks.options import Choice, Number, Option

SeriesShape = tuple[int, int]
"""(channel, time)."""


def options(shape: SeriesShape) -> tuple[Option, ...]:
    """Width, depth, normalisation, pooling and activation."""
    return (
        Number("width", 32),
        Number("depth", max(1, min(3, shape[1].bit_length() - 1))),
        Choice("norm", "batch", NORMS),
        Choice("pool", "max", ("max", "avg", "nopool")),
        Choice("activation", "relu", tuple(ACTIVATIONS)),
    )


def convnet1d(
    shape: SeriesShape, classes: int, *, width: int, depth: int, norm: str, pool: str, activation: str
) -> nn.Module:
    """ConvNet of series: blocks of convolution over 3 times, norm, activation and pooling by 2, one linear layer.

    Three blocks of width 32, batch norm and max pooling are the network that distillation of series is published with,
    CNNBN (ShapeCond 2026, after CondTSC, KDD 2024); 6,528 parameters and 513 a class for one channel of 128 times, as
    the last layer reads every time that is left. Raises InputError where the depth pools below one time.
    """
    from limbeck.learn.networks.modules import MeanPooling

    channels, times = shape
    if pool != "nopool" and times >> depth == 0:
        raise InputError(
            f"convnet1d of depth {depth} pools series of length {times} below one; choose a depth of at most "
            f"{max(1, times.bit_length() - 1)} or nopool"
        )
    blocks: OrderedDict[str, nn.Module] = OrderedDict()
    for index in range(depth):
        parts: OrderedDict[str, nn.Module] = OrderedDict(
            convolution=nn.Conv1d(channels, width, 3, padding=1),
            norm=norm1d(norm, width, times),
            activation=ACTIVATIONS[activation](),
        )
        if pool != "nopool":
            parts["pool"] = MeanPooling() if pool == "avg" else nn.MaxPool1d(2)
            times //= 2
        blocks[f"block{index + 1}"] = nn.Sequential(parts)
        channels = width
    blocks["flatten"] = nn.Flatten()
    blocks["head"] = nn.Linear(width * times, classes)
    return nn.Sequential(blocks)


def norm1d(kind: str, width: int, times: int) -> nn.Module:
    """A normalisation with scale and shift of maps (example, `width`, `times`), by the names of `layers.norm`.

    Raises InputError where 4 groups do not divide the width.
    """
    if kind == "batch":
        return nn.BatchNorm1d(width)
    if kind == "layer":
        return nn.LayerNorm([width, times])
    if kind == "none":
        return nn.Identity()
    groups = width if kind == "instance" else GROUPS
    if width % groups:
        raise InputError(f"group norm has {GROUPS} groups, found width {width}; choose a multiple of {GROUPS}")
    return nn.GroupNorm(groups, width)
