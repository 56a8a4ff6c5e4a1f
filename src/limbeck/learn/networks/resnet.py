"""Residual networks with the stem for small images."""

from __future__ import annotations

from torch import nn

from limbeck.learn.networks import layers
from limbeck.learn.networks.layers import NORMS, Shape
from limbeck.learn.networks.options import Choice, Option

WIDTHS = (64, 128, 256, 512)
LARGE = 64
"""Images with a side above this many pixels get the stem of ImageNet networks."""

Sides = tuple[int, int]


def options(shape: Shape) -> tuple[Option, ...]:
    """Normalisation."""
    return (Choice("norm", "batch", NORMS),)


def resnet18(shape: Shape, classes: int, *, norm: str) -> nn.Module:
    """ResNet-18: four stages of two residual blocks, a global mean, one linear layer; batch norm.

    He et al. (2016); up to 64 pixels the stem is a 3x3 convolution without pooling, as for CIFAR. Studies of
    gradient matching take instance norm: `resnet18-instance`.
    """
    return _resnet(shape, classes, norm, (2, 2, 2, 2))


def resnet34(shape: Shape, classes: int, *, norm: str) -> nn.Module:
    """ResNet-34: four stages of three, four, six and three residual blocks; otherwise as ResNet-18.

    He et al. (2016); `resnet34-instance` for instance norm.
    """
    return _resnet(shape, classes, norm, (3, 4, 6, 3))


def _strided(sides: Sides) -> Sides:
    """The sides after a stride of 2."""
    return (sides[0] + 1) // 2, (sides[1] + 1) // 2


def _resnet(shape: Shape, classes: int, norm: str, repeats: tuple[int, ...]) -> nn.Module:
    """Stages of residual blocks; a stage has stride 2 only where at least 2 x 2 pixels are left.

    Instance norm of a single pixel is constant, so it would cut the network in two.
    """
    from limbeck.learn.networks.modules import GlobalMean, Residual

    sides: Sides = shape[1:]
    body = nn.Sequential()
    if min(sides) > LARGE:
        body.add_module("stem", nn.Conv2d(shape[0], WIDTHS[0], 7, stride=2, padding=3, bias=False))
        sides = _strided(sides)
    else:
        body.add_module("stem", nn.Conv2d(shape[0], WIDTHS[0], 3, padding=1, bias=False))
    body.add_module("norm", layers.norm(norm, WIDTHS[0], sides))
    body.add_module("activation", nn.ReLU())
    if min(shape[1:]) > LARGE:
        body.add_module("pool", nn.MaxPool2d(3, stride=2, padding=1))
        sides = _strided(sides)
    channels = WIDTHS[0]
    for stage, (width, repeat) in enumerate(zip(WIDTHS, repeats, strict=True), start=1):
        for index in range(1, repeat + 1):
            stride = 2 if stage > 1 and index == 1 and min(sides) > 2 else 1
            sides = _strided(sides) if stride == 2 else sides
            body.add_module(f"block{stage}_{index}", Residual(channels, width, stride, norm, sides))
            channels = width
    body.add_module("mean", GlobalMean())
    body.add_module("head", nn.Linear(channels, classes))
    return body
