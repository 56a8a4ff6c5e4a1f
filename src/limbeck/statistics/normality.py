"""Whether a sample may be normal, where its mean and standard deviation are its own: the test of Lilliefors."""

from __future__ import annotations

import functools
import math

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.key import Key

DRAWS = 20_000
"""Samples that the distribution of the distance is simulated by: a level of 5 % is then met to 0.15 %."""
AT_ONCE = 1 << 20
"""Numbers drawn at once."""
LEAST = 4
"""The fewest numbers that the distance says anything of."""


def distances(samples: Float[Tensor, "sample n"]) -> Float[Tensor, " sample"]:
    """The Kolmogorov-Smirnov distance of each sample from the normal distribution of its own mean and deviation.

    D = max_i max(i/n - F(x_(i)), F(x_(i)) - (i - 1)/n), with x_(i) in order and F the normal distribution function of
    the sample's mean and standard deviation (n - 1). NaN where all its numbers are one. Lilliefors (JASA 1967).
    """
    n = samples.shape[1]
    deviations, means = torch.std_mean(samples, 1, keepdim=True)
    level = torch.special.ndtr((samples.sort(1).values - means) / deviations)
    steps = torch.arange(n + 1, dtype=level.dtype) / n
    found = torch.maximum(steps[1:] - level, level - steps[:-1]).amax(1)
    return found.where(deviations[:, 0] > 1e-12, torch.nan)


def distance(sample: Float[Tensor, " n"]) -> float:
    """The distance of one sample; NaN where it has fewer than four numbers, or all of them are one.

    >>> round(distance(torch.tensor([1.0, 2.0, 3.0, 4.0]).double()), 4)
    0.1507
    """
    return float(distances(sample[None])[0]) if len(sample) >= LEAST else math.nan


@functools.lru_cache(maxsize=256)
def null(n: int) -> Float[Tensor, " draw"]:
    """Distances of `DRAWS` normal samples of n numbers, in order: what is compared with, by simulation.

    A distance does not depend on the true mean and deviation, so those of standard normal numbers serve for all. (The
    usual table of Kolmogorov and Smirnov is of a distribution that was known beforehand: with n = 20 its 5 % level is
    0.294 and that of Lilliefors 0.191, so that by it next to nothing would be rejected.)
    """
    key, size = Key(("lilliefors", n)), max(AT_ONCE // n, 1)
    parts = [distances(key.fold(begun).normal(min(size, DRAWS - begun), n).double()) for begun in range(0, DRAWS, size)]
    return torch.cat(parts).sort().values


def p_value(sample: Float[Tensor, " n"]) -> float:
    """The probability that a normal sample of that size lies at least so far from the normal fitted to it.

    (1 + how many of the simulated distances are no smaller) / (1 + `DRAWS`); NaN where there is no distance.
    """
    found = distance(sample)
    if math.isnan(found):
        return math.nan
    return (1 + int((null(len(sample)) >= found).sum())) / (1 + DRAWS)


def critical(n: int, level: float = 0.05) -> float:
    """The distance that a share `level` of normal samples of n numbers exceeds."""
    return float(null(n).quantile(1 - level))
