"""A small vision transformer."""

from __future__ import annotations

from torch import nn

from limbeck.learn.networks.layers import Shape
from limbeck.learn.networks.options import Option

GRID = 8
"""A patch is chosen so that the shorter side holds at most this many."""


def options(shape: Shape) -> tuple[Option, ...]:
    """None."""
    return ()


def patch_side(shape: Shape) -> int:
    """The side of a patch in pixels: 4 for 28 and 32 pixels, 8 for 64, at least 2.

    >>> [patch_side((3, side, side)) for side in (8, 28, 32, 64, 84)]
    [2, 4, 4, 8, 11]
    """
    return max(2, -(-min(shape[1:]) // GRID))


def vit(shape: Shape, classes: int) -> nn.Module:
    """ViT: a small vision transformer, 4 layers of 4 heads, 128 wide, patches of an eighth of the side.

    Dosovitskiy et al. (2021) in small: pre-norm, hidden layers of 256 with GELU, learned positions, features
    the normalised mean of the tokens; about 540,000 parameters for 32 x 32 RGB. Sides that patches do not
    fill are padded with zeros on the right and below.
    """
    from limbeck.learn.networks.transformer import Vit

    return Vit(shape, classes)
