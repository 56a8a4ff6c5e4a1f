"""Linear networks of windows, which forecast."""

from __future__ import annotations

import math
from collections import OrderedDict

from torch import nn

from limbeck.learn.networks.convnet1d import SeriesShape
from limbeck.learn.networks.options import Number, Option


def options(shape: SeriesShape) -> tuple[Option, ...]:
    """The length of the moving mean."""
    return (Number("kernel", 25),)


def dlinear(shape: SeriesShape, outputs: int, *, kernel: int) -> nn.Module:
    """DLinear: the sum of a linear layer of a window's moving mean over 25 times and one of what is left of it.

    Zeng et al. (AAAI 2023). Both layers are one here that reads both parts, with one bias in place of the sum of two;
    its weights start as theirs.
    """
    from limbeck.learn.networks.modules1d import Decomposed

    head = nn.Linear(2 * math.prod(shape), outputs)
    bound = 1 / math.sqrt(math.prod(shape))
    nn.init.uniform_(head.weight, -bound, bound)
    nn.init.uniform_(head.bias, -bound, bound)
    return nn.Sequential(OrderedDict(decomposed=Decomposed(kernel), head=head))


def no_options(shape: SeriesShape) -> tuple[Option, ...]:
    """None."""
    return ()


def linear(shape: SeriesShape, outputs: int) -> nn.Module:
    """One linear layer of all numbers of the input."""
    return nn.Sequential(OrderedDict(flatten=nn.Flatten(), head=nn.Linear(math.prod(shape), outputs)))
