"""LeNet-5."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from limbeck.core.errors import InputError
from limbeck.learn.networks.layers import Shape, first_padding
from limbeck.learn.networks.options import Option

SMALL = 20
"""Images with a side under this many pixels keep their size through both convolutions."""


def options(shape: Shape) -> tuple[Option, ...]:
    """None."""
    return ()


def lenet(shape: Shape, classes: int) -> nn.Module:
    """LeNet-5: two 5x5 convolutions of 6 and 16 channels with max pooling, linear layers of 120 and 84; ReLU.

    LeCun et al. (1998), with ReLU and max pooling as it is used today. 28 x 28 images are padded to 32 x 32;
    images with a side under 20 pixels are padded by 2 before both convolutions. Raises InputError under 4 pixels.
    """
    if min(shape[1:]) < 4:
        raise InputError(f"lenet needs images of at least 4 x 4 pixels, found {shape[1]} x {shape[2]}; try mlp")
    small = min(shape[1:]) < SMALL
    first = 2 if small else first_padding(shape, 5) - 2
    second = 2 if small else 0
    height, width = (((side + 2 * first - 4) // 2 + 2 * second - 4) // 2 for side in shape[1:])
    return nn.Sequential(
        OrderedDict(
            convolution1=nn.Conv2d(shape[0], 6, 5, padding=first),
            activation1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            convolution2=nn.Conv2d(6, 16, 5, padding=second),
            activation2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            hidden1=nn.Linear(16 * height * width, 120),
            activation3=nn.ReLU(),
            hidden2=nn.Linear(120, 84),
            activation4=nn.ReLU(),
            head=nn.Linear(84, classes),
        )
    )
