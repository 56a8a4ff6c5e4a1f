"""The ConvNet of the distillation literature: blocks of convolution, normalisation, activation and pooling."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from limbeck.core.errors import InputError
from limbeck.learn.networks import layers
from limbeck.learn.networks.layers import ACTIVATIONS, NORMS, Shape, acting_sides, first_padding, halved
from limbeck.learn.networks.options import Choice, Number, Option

POOLS = ("avg", "max")


def default_depth(shape: Shape) -> int:
    """3 blocks for 28 and 32 pixels, 4 for 64 and 84, 5 for 128; 2 for 8 and 16, never pooled below one pixel.

    >>> [default_depth((3, side, side)) for side in (4, 8, 16, 28, 32, 64, 84, 128)]
    [2, 2, 2, 3, 3, 4, 4, 5]
    """
    halvings = min(acting_sides(shape)).bit_length() - 1
    return max(1, min(halvings, max(2, halvings - 2)))


def options(shape: Shape) -> tuple[Option, ...]:
    """Width, depth, normalisation, pooling and activation."""
    return (
        Number("width", 128),
        Number("depth", default_depth(shape)),
        Choice("norm", "instance", NORMS),
        Choice("pool", "avg", (*POOLS, "nopool")),
        Choice("activation", "relu", tuple(ACTIVATIONS)),
    )


def convnet(shape: Shape, classes: int, *, width: int, depth: int, norm: str, pool: str, activation: str) -> nn.Module:
    """ConvNet: blocks of 3x3 convolution, norm, activation and 2x2 pooling, then one linear layer.

    The network of Gidaris and Komodakis (2018) that the distillation literature trains on; 320,010
    parameters at width 128 and depth 3 for 10 classes of 32 x 32 RGB images. 28 x 28 images are padded to 32 x 32.
    Raises InputError where the depth pools below one pixel.
    """
    from limbeck.learn.networks.modules import MeanPooling

    sides = acting_sides(shape)
    if pool != "nopool" and min(sides) >> depth == 0:
        raise InputError(
            f"convnet of depth {depth} pools images of {shape[1]} x {shape[2]} pixels below one pixel; "
            f"choose a depth of at most {min(sides).bit_length() - 1} or nopool"
        )
    blocks: OrderedDict[str, nn.Module] = OrderedDict()
    channels = shape[0]
    for index in range(depth):
        padding = first_padding(shape, 3) if index == 0 else 1
        parts: OrderedDict[str, nn.Module] = OrderedDict(
            convolution=nn.Conv2d(channels, width, 3, padding=padding),
            norm=layers.norm(norm, width, sides),
            activation=ACTIVATIONS[activation](),
        )
        if pool != "nopool":
            parts["pool"] = MeanPooling() if pool == "avg" else nn.MaxPool2d(2)
            sides = halved(sides)
        blocks[f"block{index + 1}"] = nn.Sequential(parts)
        channels = width
    blocks["flatten"] = nn.Flatten()
    blocks["head"] = nn.Linear(width * sides[0] * sides[1], classes)
    return nn.Sequential(blocks)
