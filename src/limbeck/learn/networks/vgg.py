"""VGG networks for small images."""

from __future__ import annotations

from torch import nn

from limbeck.learn.networks import layers
from limbeck.learn.networks.layers import NORMS, Shape, acting_sides, first_padding, halved
from limbeck.learn.networks.options import Choice, Option

WIDTHS = (64, 128, 256, 512, 512)


def options(shape: Shape) -> tuple[Option, ...]:
    """Normalisation."""
    return (Choice("norm", "batch", NORMS),)


def vgg11(shape: Shape, classes: int, *, norm: str) -> nn.Module:
    """VGG11: eight 3x3 convolutions of 64 to 512 channels, a global mean, one linear layer; batch norm.

    Simonyan and Zisserman (2015) with the single linear layer used for small images. Cross-architecture
    studies of gradient matching take instance norm: `vgg11-instance`.
    """
    return _vgg(shape, classes, norm, (1, 1, 2, 2, 2))


def vgg19(shape: Shape, classes: int, *, norm: str) -> nn.Module:
    """VGG19: sixteen 3x3 convolutions of 64 to 512 channels, a global mean, one linear layer; batch norm.

    Simonyan and Zisserman (2015) with the single linear layer used for small images; `vgg19-instance` for
    instance norm.
    """
    return _vgg(shape, classes, norm, (2, 2, 4, 4, 4))


def _vgg(shape: Shape, classes: int, norm: str, repeats: tuple[int, ...]) -> nn.Module:
    """Stages of convolutions, each with a max pooling where enough pixels are left; 28 x 28 is padded to 32 x 32."""
    from limbeck.learn.networks.modules import GlobalMean

    body = nn.Sequential()
    channels, sides = shape[0], acting_sides(shape)
    for stage, (width, repeat) in enumerate(zip(WIDTHS, repeats, strict=True), start=1):
        for index in range(1, repeat + 1):
            padding = first_padding(shape, 3) if (stage, index) == (1, 1) else 1
            body.add_module(f"convolution{stage}_{index}", nn.Conv2d(channels, width, 3, padding=padding))
            body.add_module(f"norm{stage}_{index}", layers.norm(norm, width, sides))
            body.add_module(f"activation{stage}_{index}", nn.ReLU())
            channels = width
        # Instance norm of a single pixel is constant: only the last pooling, which no norm follows, may leave one.
        if min(sides) >= (2 if stage == len(WIDTHS) else 4):
            body.add_module(f"pool{stage}", nn.MaxPool2d(2))
            sides = halved(sides)
    body.add_module("mean", GlobalMean())
    body.add_module("head", nn.Linear(channels, classes))
    return body
