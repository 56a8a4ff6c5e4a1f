"""Going through all items again and again in shuffled batches."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from limbeck.core.contracts import Schedule, UpdateRule
from limbeck.core.key import Key
from limbeck.learn.stepping import half_cosine


def shuffled_epochs(count: int, epochs: int, batch: int, learning_rate: float, rule: UpdateRule, key: Key) -> Schedule:
    """`count` items, seen `epochs` times in batches of `batch` (0: all at once), each epoch in an order of its own.

    The last batch of an epoch has what is left.

    >>> from limbeck.learn.rules import Momentum
    >>> schedule = shuffled_epochs(5, 2, 3, 0.1, Momentum().rule(), Key())
    >>> len(schedule.learning_rates), schedule.order.shape, schedule.order[[1, 3], 2].tolist()
    (4, torch.Size([4, 3]), [-1, -1])
    """
    batch = min(batch or count, count)
    steps = epochs * -(-count // batch)
    return Schedule(torch.full((steps,), float(learning_rate)), shuffled_order(count, batch, steps, key), rule)


def shuffled_order(count: int, batch: int, steps: int, key: Key) -> Int[Tensor, "row seen"]:
    """The items that each step sees: the next `batch` of a shuffle of all, of which the last batch has what is left.

    One row where a step sees all.
    """
    if batch >= count:
        return torch.arange(count)[None]
    epochs, short = -(-steps // -(-count // batch)), -count % batch
    shuffled = [key.fold(epoch).permutation(count) for epoch in range(epochs)]
    return torch.cat([nn.functional.pad(rows, (0, short), value=-1).view(-1, batch) for rows in shuffled])[:steps]


def cosine(epochs: int, slowed: float = 1.0) -> Float[Tensor, " epoch"]:
    """What share of a learning rate each epoch has: (1 + cos(pi epoch / (slowed epochs))) / 2, epochs counted from 0.

    At 1 the rate falls to 0 (Loshchilov & Hutter, ICLR 2017), at 2 to one half, which is called smoothed (Sun et al.,
    CVPR 2024).

    >>> [round(share, 3) for share in cosine(4).tolist()], round(float(cosine(1000, 2.0)[-1]), 2)
    ([1.0, 0.854, 0.5, 0.146], 0.5)
    """
    return torch.tensor([half_cosine(epoch / (slowed * epochs)) for epoch in range(epochs)], dtype=torch.float32)
