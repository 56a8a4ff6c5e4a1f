"""Networks for sentences: (place, number), the vector of each word and, as its last number, whether there is one."""

from __future__ import annotations

from torch import nn

from limbeck.core.errors import InputError
from limbeck.learn.networks.layers import Inputs
from limbeck.learn.networks.options import Number, Option

FILTERS = (3, 4, 5)
"""Words that a convolution sees at once."""


def transformer_options(shape: Inputs) -> tuple[Option, ...]:
    """Width and layers."""
    return Number("width", 64), Number("depth", 1)


def transformer(shape: Inputs, classes: int, *, width: int, depth: int) -> nn.Module:
    """Transformer: an encoder of 1 layer, 4 heads and width 64, whose features are the mean over the words there are.

    Vaswani et al. (2017) in small, pre-norm: a linear layer from the vectors, learned positions, hidden layers twice as
    wide with GELU.
    """
    from limbeck.learn.networks.sentences import Encoder
    from limbeck.learn.networks.transformer import HEADS

    if width % HEADS:
        raise InputError(f"network transformer has {HEADS} heads, found width {width}; choose a multiple of {HEADS}")
    return Encoder(shape, classes, width, depth)


def textcnn_options(shape: Inputs) -> tuple[Option, ...]:
    """Width."""
    return (Number("width", 64),)


def textcnn(shape: Inputs, classes: int, *, width: int) -> nn.Module:
    """TextCNN: convolutions over 3, 4 and 5 words, 64 wide each, and the largest of each channel (Kim, EMNLP 2014)."""
    from limbeck.learn.networks.sentences import Convolutions

    return Convolutions(shape, classes, width)


def bag_options(shape: Inputs) -> tuple[Option, ...]:
    """None."""
    return ()


def bag(shape: Inputs, classes: int) -> nn.Module:
    """Bag: the mean vector of the words there are, and a linear layer."""
    from limbeck.learn.networks.sentences import Bag

    return Bag(shape, classes)
