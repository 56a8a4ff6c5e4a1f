"""What a curve of readings says: its smooth trend, its slope, and where it has settled."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def moving_mean(
    at: Float[Tensor, " read"], values: Float[Tensor, " read"], reach: float | int
) -> Float[Tensor, " read"]:
    """The mean of the values read no further than `reach` from each point, fewer near both ends.

    >>> moving_mean(torch.tensor([0.0, 10.0, 20.0]), torch.tensor([0.0, 3.0, 9.0]), 10).tolist()
    [1.5, 4.0, 6.0]
    """
    near = ((at[:, None] - at).abs() <= reach).to(values.dtype)
    return near @ values / near.sum(1)


def slope(at: Float[Tensor, " read"], values: Float[Tensor, " read"]) -> float:
    """The slope of the straight line nearest to the points, by least squares; NaN where they lie at one place.

    >>> slope(torch.tensor([0.0, 1.0, 2.0]), torch.tensor([1.0, 2.0, 6.0]))
    2.5
    """
    off = at - at.mean()
    return float((off * values).sum() / off.square().sum())


def smoothed(
    steps: Float[Tensor, " read"], values: Float[Tensor, " read"], factor: float = 1.15
) -> Float[Tensor, " read"]:
    """A curve over the steps of a training, each value the mean of those read within a factor of its step.

    So readings that lie further and further apart are smoothed alike, in the logarithm of (1 + step).

    >>> smoothed(torch.tensor([0.0, 9.0, 99.0, 109.0]), torch.tensor([0.0, 0.5, 0.625, 0.875])).tolist()
    [0.0, 0.5, 0.75, 0.75]
    """
    return moving_mean(torch.log1p(steps), values, math.log(factor))


def settled(shares: Float[Tensor, " read"], tolerance: float) -> int:
    """The first reading of a curve after which the best is higher by no more than a tolerance.

    The last reading at the latest, for nothing is known after it. The tolerance is the same however many examples a
    share is of: so one and the same curve settles at one and the same reading.

    >>> settled(torch.tensor([0.1, 0.5, 0.8, 0.79, 0.84]), 0.05)
    2
    """
    later = shares.flip(0).cummax(0).values.flip(0)
    return int((later - shares <= tolerance + 1e-9).int().argmax())


def lasting(holds: Bool[Tensor, " read"]) -> int | None:
    """The first reading from which on something holds at every one; None where it does not at the last.

    >>> lasting(torch.tensor([True, False, True, True])), lasting(torch.tensor([True, False]))
    (2, None)
    """
    broken = torch.nonzero(~holds)[:, 0]
    first = int(broken[-1]) + 1 if len(broken) else 0
    return first if first < len(holds) else None


def falls_below(at: Sequence[float | int], one: Sequence[float], other: Sequence[float]) -> float | None:
    """Where, after its peak, one curve falls below another, by straight lines; None where it does not.

    >>> falls_below([0, 10, 20, 30], [0.0, 10.0, 6.0, 2.0], [5.0, 5.0, 5.0, 5.0])
    22.5
    """
    peak = max(range(len(one)), key=lambda index: one[index] if math.isfinite(one[index]) else -math.inf)
    apart = [a - b for a, b in zip(one, other, strict=True)]
    for index in range(peak + 1, len(at)):
        before, after = apart[index - 1], apart[index]
        if before > 0 >= after:
            return at[index - 1] + before / (before - after) * (at[index] - at[index - 1])
    return None
