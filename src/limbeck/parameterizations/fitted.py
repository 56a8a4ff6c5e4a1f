"""Numbers that stand for items, fitted to given ones."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.progress import went
from limbeck.learn.optim import Adam

Images = Float[Tensor, "item channel height width"]
Placed = Float[Tensor, "item channel ..."]
"""Images, or series (item, channel, time)."""
Numbers = Float[Tensor, "item number"]

AT_ONCE = 1 << 16
"""Pixels of the images that are fitted together: few enough that what lies between stays in a cache."""


def fitted(picture: Callable[[Numbers], Placed], start: Numbers, images: Placed, steps: int, rate: float) -> Numbers:
    """The numbers after so many steps of Adam, at that rate, down the mean squared error of each item.

    Where no item is seen by another, none is here: they are taken as many at a time as are fast.
    """
    size = max(1, AT_ONCE // images[0, 0].numel())
    found = []
    for numbers, part in zip(start.split(size), images.split(size), strict=True):
        found.append(_fitted(picture, numbers, part, Adam(rate), steps))
        went(len(found) * size, len(images))
    return torch.cat(found)


def _fitted(
    picture: Callable[[Numbers], Placed], numbers: Numbers, images: Placed, optimizer: Adam, steps: int
) -> Numbers:
    state = optimizer.init(numbers)
    for _ in range(steps):
        free = numbers.detach().requires_grad_()
        error = (picture(free) - images).square().mean(tuple(range(1, images.dim()))).sum()
        numbers, state = optimizer.step(free.detach(), torch.autograd.grad(error, [free])[0], state)
    return numbers.detach()
