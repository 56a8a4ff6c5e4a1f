"""Numbers from repeated measurements."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch

from limbeck.core.findings import Fact


def t_quantile(freedom: float) -> float:
    """The 97.5 % quantile of Student's t at so many degrees of freedom: half the width of 95 % intervals.

    >>> round(t_quantile(4), 4)
    2.7764
    """
    from scipy import special  # whose import takes a third of the time of scipy.stats

    return float(special.stdtrit(freedom, 0.975))


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean of independent measurements and its 95 % confidence interval, mean -+ t(0.975, n - 1) s / sqrt(n).

    One measurement has no interval: its bounds are the measurement.

    >>> [round(value, 4) for value in interval([1.0, 2.0, 3.0])]
    [2.0, -0.4841, 4.4841]
    """
    sample = torch.tensor(values, dtype=torch.float64)
    mean = float(sample.mean())
    if len(values) < 2:
        return mean, mean, mean
    half = t_quantile(len(values) - 1) * float(sample.std()) / len(values) ** 0.5
    return mean, mean - half, mean + half


def estimate(name: str, values: Sequence[float]) -> Fact:
    """The fact that independent measurements of one number make.

    >>> estimate("accuracy", [0.5]).low
    0.5
    """
    return Fact(name, *interval(values), len(values))


def mean_of(name: str, values: Iterable[float]) -> Fact:
    """The fact that those of many measurements make which are finite.

    >>> mean_of("influence", [1.0, float("nan"), 1.0]).n
    2
    """
    return estimate(name, [float(value) for value in values if math.isfinite(value)])


def difference(name: str, first: Sequence[float], second: Sequence[float]) -> Fact:
    """The mean of one sample less that of another, which need not vary alike, and its 95 % interval by Welch's t.

    With u = s^2 / n of each: difference -+ t(0.975, v) sqrt(u1 + u2), v = (u1 + u2)^2 / (u1^2 / (n1 - 1) + u2^2 / (n2 -
    1)); n is that of the smaller sample. Where one has a single measurement there is no interval. Welch (Biometrika
    1947).

    >>> found = difference("gain", [1.0, 2.0, 3.0], [0.0, 0.0])
    >>> [round(bound, 4) for bound in found[1:4]]
    [2.0, -0.4841, 4.4841]
    """
    samples = [torch.tensor(values, dtype=torch.float64) for values in (first, second)]
    value, count = float(samples[0].mean() - samples[1].mean()), min(len(first), len(second))
    if count < 2:
        return Fact(name, value, value, value, count)
    spreads = [float(sample.var()) / len(sample) for sample in samples]
    if not sum(spreads):
        return Fact(name, value, value, value, count)
    freedom = sum(spreads) ** 2 / sum(u**2 / (len(sample) - 1) for u, sample in zip(spreads, samples, strict=True))
    half = t_quantile(freedom) * sum(spreads) ** 0.5
    return Fact(name, value, value - half, value + half, count)


def ratio(name: str, top: Fact, bottom: Fact) -> Fact:
    """The ratio of two independent estimates, and its 95 % interval to first order (the delta method).

    r -+ sqrt(h1^2 + r^2 h2^2) / b, with the half-widths h above each value; n is that of the smaller sample.

    >>> found = ratio("r", Fact("a", 30.0, 26.0, 34.0, 9), Fact("b", 100.0, 90.0, 110.0, 5))
    >>> [round(value, 4) for value in found[1:4]], found.n
    ([0.3, 0.25, 0.35], 5)
    """
    value = top.value / bottom.value
    half = ((top.high - top.value) ** 2 + (value * (bottom.high - bottom.value)) ** 2) ** 0.5 / bottom.value
    return Fact(name, value, value - half, value + half, min(top.n, bottom.n))


def geometric_mean(name: str, values: Sequence[float]) -> Fact:
    """The geometric mean of independent measurements, taken as 1 at least, with its interval in logarithms.

    For numbers of which a factor is what matters: no bound is ever negative.

    >>> round(geometric_mean("images", [2.0, 8.0]).value, 4)
    4.0
    """
    log = estimate(name, [math.log(max(each, 1.0)) for each in values])
    return Fact(name, math.exp(log.value), math.exp(log.low), math.exp(log.high), log.n)


def crossing(level: float, at: Sequence[float | int], values: Sequence[float]) -> float:
    """Where a curve first reaches a level, by straight lines between its points; infinite where it never does.

    The points are in order of `at`. A curve that begins at or above the level reaches it at its first point.

    >>> crossing(0.5, [1, 2, 4], [0.0, 0.25, 0.75])
    3.0
    """
    if values[0] >= level:
        return float(at[0])
    for index in range(1, len(at)):
        low, high = values[index - 1], values[index]
        if high >= level:
            return float(at[index - 1] + (level - low) / (high - low) * (at[index] - at[index - 1]))
    return float("inf")
