"""What is stored of a set, as pictures for whoever looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

MOST = 10
"""Pictures of one kind that a part gives, at most."""
TALL, THICK = 17, 3
"""Pixels of a chart of bars from top to bottom, and of each bar from side to side."""
BARS = 48
"""Bars of one chart, at most."""


class Pictured(NamedTuple):
    """Pictures of one kind, all of one size."""

    name: str
    line: str
    """What they are, in a sentence."""
    pictures: Float[Tensor, "picture channel height width"]
    words: tuple[str, ...]
    """What each picture is of."""
    as_items: bool = False
    """Whether they are numbers as a network sees those of an item; else numbers of their own kind: 0 is grey where some
    are negative, else black, and the largest is white."""


def first_items(classes: Int[Tensor, " item"], most: int = MOST) -> list[int]:
    """The first item of every class, in the order of the classes, of at most so many.

    >>> first_items(torch.tensor([2, 0, 0, 2]))
    [1, 0]
    """
    return [int((classes == index).nonzero()[0]) for index in classes.unique()[:most]]


def named(items: Sequence[int], classes: Int[Tensor, " item"], names: Sequence[str]) -> tuple[str, ...]:
    """What items are called.

    >>> named([1], torch.tensor([0, 1]), ["cat", "dog"])
    ('item 1, dog',)
    """
    return tuple(f"item {item}, {names[int(classes[item])]}" for item in items)


def bars(weights: Float[Tensor, "picture weight"]) -> Float[Tensor, "picture 1 height width"]:
    """Charts of the first weights of each, from left to right: up from the middle where positive, else down.

    All have one scale, by the largest weight that is drawn. A bar is 1 or -1, and what lies around it 0.

    >>> bars(torch.tensor([[1.0, -0.5]]))[0, 0, :, ::3].sum(0).tolist()
    [9.0, -5.0]
    """
    drawn = weights[:, :BARS].detach().float()
    largest = drawn.abs().max()
    reach = TALL // 2 * drawn / torch.where(largest > 0, largest, 1.0)
    rows = torch.arange(TALL // 2, -TALL // 2, -1, device=drawn.device)[:, None]
    up = (rows >= 0) & (rows <= reach[:, None]) & (reach[:, None] > 0)
    down = (rows <= 0) & (rows >= reach[:, None]) & (reach[:, None] < 0)
    return (up.float() - down.float()).repeat_interleave(THICK, 2)[:, None]
