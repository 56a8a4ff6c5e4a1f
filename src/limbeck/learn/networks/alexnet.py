"""AlexNet, as the distillation literature shrank it to small images."""

from __future__ import annotations

from torch import nn

from limbeck.core.errors import InputError
from limbeck.learn.networks import layers
from limbeck.learn.networks.layers import NORMS, Shape, acting_sides, first_padding, halved
from limbeck.learn.networks.options import Choice, Option

CONVOLUTIONS = ((128, 5, True), (192, 5, True), (256, 3, False), (192, 3, False), (192, 3, True))
"""Channels, kernel, and whether a pooling follows."""


def options(shape: Shape) -> tuple[Option, ...]:
    """Normalisation."""
    return (Choice("norm", "none", NORMS),)


def alexnet(shape: Shape, classes: int, *, norm: str) -> nn.Module:
    """AlexNet: five convolutions of 128 to 256 channels, three max poolings, one linear layer; without norm.

    Krizhevsky et al. (2012) with the strides, widths and single linear layer that distillation studies use for
    small images. 28 x 28 images are padded to 32 x 32. Raises InputError under 8 pixels.
    """
    sides = acting_sides(shape)
    if min(sides) < 8:
        raise InputError(f"alexnet needs images of at least 8 x 8 pixels, found {shape[1]} x {shape[2]}; try convnet")
    body = nn.Sequential()
    channels = shape[0]
    for index, (width, kernel, pooled) in enumerate(CONVOLUTIONS, start=1):
        padding = first_padding(shape, kernel) if index == 1 else kernel // 2
        body.add_module(f"convolution{index}", nn.Conv2d(channels, width, kernel, padding=padding))
        body.add_module(f"norm{index}", layers.norm(norm, width, sides))
        body.add_module(f"activation{index}", nn.ReLU())
        if pooled:
            body.add_module(f"pool{index}", nn.MaxPool2d(2))
            sides = halved(sides)
        channels = width
    body.add_module("flatten", nn.Flatten())
    body.add_module("head", nn.Linear(channels * sides[0] * sides[1], classes))
    return body
