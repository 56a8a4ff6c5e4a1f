"""Networks for rows of a table: (number,), with all columns as numbers side by side."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from limbeck.core.errors import InputError
from limbeck.learn.networks.options import Choice, Number, Option

RowShape = tuple[int]
"""(number,)."""
WIDTH = 48
"""Features, where no width is named: those of the random embedders of TAME."""
DEEPEST = 10
"""The most decisions of a tree: its leaves are 2 to their number."""


def dcn_options(shape: RowShape) -> tuple[Option, ...]:
    """Width, how many layers cross, and whether what they give is normalised."""
    return Number("width", WIDTH), Number("depth", 2), Choice("norm", "layer", ("layer", "none"))


def dcn(shape: RowShape, classes: int, *, width: int, depth: int, norm: str) -> nn.Module:
    """DCN-V2: 2 cross layers, a layer norm, a hidden layer of width 48 with ReLU, and a linear layer.

    Wang et al. (WWW 2021), stacked: x <- x0 * (W x + b) + x at each cross layer, where x0 is the row. They have no
    norm: a row far from all others, which cross layers take to the third power, then outweighs those.
    """
    from limbeck.learn.networks.tabular_modules import Crosses

    (numbers,) = shape
    parts: OrderedDict[str, nn.Module] = OrderedDict(
        crosses=Crosses(numbers, depth),
        norm=nn.LayerNorm(numbers) if norm == "layer" else nn.Identity(),
        hidden=nn.Linear(numbers, width),
        activation=nn.ReLU(),
        head=nn.Linear(width, classes),
    )
    return nn.Sequential(parts)


def lnres_options(shape: RowShape) -> tuple[Option, ...]:
    """Width, and how many blocks."""
    return Number("width", WIDTH), Number("depth", 2)


def lnres(shape: RowShape, classes: int, *, width: int, depth: int) -> nn.Module:
    """Residual MLP of rows: a linear layer, 2 blocks x + W2 relu(W1 norm(x)), a norm, ReLU and a linear layer.

    As the ResNet for tables of Gorishniy et al. (NeurIPS 2021), with layer norm in place of batch norm, so that a row
    is seen by itself, and without dropout. All is 48 wide.
    """
    from limbeck.learn.networks.tabular_modules import ResidualRows

    blocks = OrderedDict((f"block{index + 1}", ResidualRows(width)) for index in range(depth))
    return nn.Sequential(
        OrderedDict(
            enter=nn.Linear(shape[0], width),
            **blocks,
            norm=nn.LayerNorm(width),
            activation=nn.ReLU(),
            head=nn.Linear(width, classes),
        )
    )


def node_options(shape: RowShape) -> tuple[Option, ...]:
    """Width, which is the number of trees, and their depth."""
    return Number("width", WIDTH), Number("depth", 6)


def node(shape: RowShape, classes: int, *, width: int, depth: int) -> nn.Module:
    """NODE: one layer of 48 soft oblivious trees of depth 6, each a feature, and a linear layer.

    In the manner of Popov et al. (ICLR 2020): all nodes of one depth ask the same, whether a mixture of the columns is
    above a threshold. Mixtures are by softmax and answers by sigmoid where the source has entmax, and thresholds start
    normal, where the source takes them from data. Raises InputError for a depth above 10.
    """
    from limbeck.learn.networks.tabular_modules import ObliviousTrees

    if depth > DEEPEST:
        raise InputError(
            f"network node of depth {depth} has 2^{depth} leaves a tree; choose a depth of at most {DEEPEST}"
        )
    return nn.Sequential(OrderedDict(trees=ObliviousTrees(shape[0], width, depth), head=nn.Linear(width, classes)))
