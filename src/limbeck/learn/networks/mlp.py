"""The multilayer perceptron."""

from __future__ import annotations

import math
from collections import OrderedDict

from torch import nn

from limbeck.learn.networks.layers import ACTIVATIONS, Inputs
from limbeck.learn.networks.options import Choice, Number, Option

STARTS = ("default", "policy", "orthogonal", "xavier")


def options(shape: Inputs) -> tuple[Option, ...]:
    """Width, activation, and how weights start."""
    return (
        Number("width", 128),
        Choice("activation", "relu", tuple(ACTIVATIONS)),
        Choice("start", "default", STARTS),
    )


def mlp(shape: Inputs, classes: int, *, width: int, activation: str, start: str) -> nn.Module:
    """MLP: three linear layers with ReLU between them, 128 wide.

    `start` says how weights start: as torch has it; orthogonal with gains sqrt(2), sqrt(2) and 0.01 and no biases, as
    policies do (Huang et al. 2022); orthogonal with gain 1, or normal after Glorot & Bengio (2010), without biases.
    """
    act = ACTIVATIONS[activation]
    layers = nn.Linear(math.prod(shape), width), nn.Linear(width, width), nn.Linear(width, classes)
    if start != "default":
        for gain, layer in zip((2**0.5, 2**0.5, 0.01), layers, strict=True):
            _start(layer, start, gain)
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            hidden1=layers[0],
            activation1=act(),
            hidden2=layers[1],
            activation2=act(),
            head=layers[2],
        )
    )


def _start(layer: nn.Linear, start: str, gain: float) -> None:
    """The weights of a layer, drawn anew."""
    if start == "xavier":
        nn.init.xavier_normal_(layer.weight)
    else:
        nn.init.orthogonal_(layer.weight, gain if start == "policy" else 1.0)
    nn.init.zeros_(layer.bias)
