"""Schedules that go through all items again and again in shuffled batches."""

from __future__ import annotations

import torch

from limbeck.core.contracts import Schedule, UpdateRule
from limbeck.core.key import Key


def shuffled_epochs(count: int, epochs: int, batch: int, learning_rate: float, rule: UpdateRule, key: Key) -> Schedule:
    """`count` items, seen `epochs` times in batches of `batch` (0: all at once), each epoch in an order of its own.

    The last batch of an epoch has what is left.

    >>> from limbeck.learn.rules import Momentum
    >>> schedule = shuffled_epochs(5, 2, 3, 0.1, Momentum().rule(), Key())
    >>> len(schedule.learning_rates), schedule.order.shape, schedule.order[[1, 3], 2].tolist()
    (4, torch.Size([4, 3]), [-1, -1])
    """
    batch = min(batch or count, count)
    per_epoch = -(-count // batch)
    if per_epoch == 1:
        order = torch.arange(count)[None]
    else:
        short = -count % batch
        shuffled = [key.fold(epoch).permutation(count) for epoch in range(epochs)]
        order = torch.cat([torch.nn.functional.pad(rows, (0, short), value=-1).view(-1, batch) for rows in shuffled])
    return Schedule(torch.full((epochs * per_epoch,), float(learning_rate)), order, rule)
