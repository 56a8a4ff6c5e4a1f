"""The multilayer perceptron."""

from __future__ import annotations

import math
from collections import OrderedDict

from torch import nn

from limbeck.core.tree import Tree
from limbeck.learn.graphs import FEATURES, Whole
from limbeck.learn.networks.graphs import SCALED, UNITS
from limbeck.learn.networks.layers import ACTIVATIONS
from limbeck.learn.networks.options import Choice, Number, Option

STARTS = ("default", "policy", "orthogonal", "xavier")


def options(shape: Tree) -> tuple[Option, ...]:
    """Width, activation, and how weights start; of graphs, whether features are scaled, too."""
    return (
        Number("width", 128),
        Choice("activation", "relu", tuple(ACTIVATIONS)),
        Choice("start", "default", STARTS),
        *([UNITS] if isinstance(shape, dict) else []),
    )


def mlp(
    shape: Tree, classes: int, *, width: int, activation: str, start: str, units: str = SCALED,
    whole: Whole | None = None,
) -> nn.Module:  # fmt: skip
    """MLP: three linear layers with ReLU between them, 128 wide.

    `start` says how weights start: as torch has it; orthogonal with gains sqrt(2), sqrt(2) and 0.01 and no biases, as
    policies do (Huang et al. 2022); orthogonal with gain 1, or normal after Glorot & Bengio (2010), without biases.
    Of graphs, of which `whole` is the real one, it sees the features of each node alone.
    """
    if isinstance(shape, dict):
        from limbeck.learn.networks.graph_modules import Alone

        return Alone(mlp(shape[FEATURES], classes, width=width, activation=activation, start=start), whole, units)
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
