"""Numbers from repeated measurements."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch

from limbeck.core.findings import Fact

LEVEL = 0.05
"""One less the confidence of an interval, unless somebody asks for another: intervals are of 95 %."""
SHARE = (0.0, 1.0)
"""What a share and an accuracy lie within."""
GAIN = (-1.0, 1.0)
"""What a difference of two accuracies lies within."""
ANYWHERE = (-math.inf, math.inf)


def t_quantile(freedom: float, level: float = LEVEL) -> float:
    """The 1 - level/2 quantile of Student's t at so many degrees of freedom: half the width of intervals.

    >>> round(t_quantile(4), 4)
    2.7764
    """
    from scipy import special  # whose import takes a third of the time of scipy.stats

    return float(special.stdtrit(freedom, 1 - level / 2))


def interval(
    values: Sequence[float], level: float = LEVEL, within: tuple[float, float] = ANYWHERE
) -> tuple[float, float, float]:
    """The mean of independent measurements and its confidence interval, mean -+ t(1 - level/2, n - 1) s / sqrt(n).

    One measurement has no interval: its bounds are the measurement. Of numbers that cannot be but `within` bounds, no
    interval leaves them.

    >>> [round(value, 4) for value in interval([1.0, 2.0, 3.0])]
    [2.0, -0.4841, 4.4841]
    >>> [round(value, 4) for value in interval([0.1, 0.4], within=SHARE)]
    [0.25, 0.0, 1.0]
    """
    sample = torch.tensor(values, dtype=torch.float64)
    mean = float(sample.mean())
    if len(values) < 2:
        return mean, mean, mean
    return _around(mean, t_quantile(len(values) - 1, level) * float(sample.std()) / len(values) ** 0.5, within)


def _around(value: float, half: float, within: tuple[float, float] = ANYWHERE) -> tuple[float, float, float]:
    """A number and the ends of an interval around it, which leave no bounds that the number keeps to."""
    return kept_within(Fact("", value, value - half, value + half, 0), within)[1:4]


def kept_within(fact: Fact, within: tuple[float, float]) -> Fact:
    """The same number, with an interval that leaves no bounds which the number keeps to.

    >>> kept_within(Fact("share", 0.9, 0.7, 1.1, 3), (0.0, 1.0)).high
    1.0
    """
    low, high = min(within[0], fact.value), max(within[1], fact.value)
    return fact._replace(low=max(fact.low, low), high=min(fact.high, high))


def estimate(name: str, values: Sequence[float], level: float = LEVEL, within: tuple[float, float] = ANYWHERE) -> Fact:
    """The fact that independent measurements of one number make.

    >>> estimate("accuracy", [0.5]).low
    0.5
    """
    return Fact(name, *interval(values, level, within), len(values))


def mean_of(name: str, values: Iterable[float], level: float = LEVEL) -> Fact:
    """The fact that those of many measurements make which are finite.

    >>> mean_of("influence", [1.0, float("nan"), 1.0]).n
    2
    """
    return estimate(name, [float(value) for value in values if math.isfinite(value)], level)


def share(name: str, found: float, count: int, level: float = LEVEL) -> Fact:
    """The share `found` of `count` independent trials, with the interval of Wilson (JASA 1927): within [0, 1] always.

    (p + z^2/2n -+ z sqrt(p(1 - p)/n + z^2/4n^2)) / (1 + z^2/n), where z is the 1 - level/2 quantile of a normal number.

    >>> [round(bound, 3) for bound in share("recognised", 1.0, 10)[1:4]]
    [1.0, 0.722, 1.0]
    """
    from scipy import special

    z = float(special.ndtri(1 - level / 2))
    middle = (found + z * z / (2 * count)) / (1 + z * z / count)
    half = z * (found * (1 - found) / count + (z / (2 * count)) ** 2) ** 0.5 / (1 + z * z / count)
    return Fact(name, found, max(min(middle - half, found), 0.0), min(max(middle + half, found), 1.0), count)


def difference(name: str, first: Sequence[float], second: Sequence[float], level: float = LEVEL) -> Fact:
    """The mean of one sample less that of another, which need not vary alike, and its interval by Welch's t.

    With u = s^2 / n of each: difference -+ t sqrt(u1 + u2) at v = (u1 + u2)^2 / (u1^2 / (n1 - 1) + u2^2 / (n2 - 1))
    degrees of freedom; n is that of the smaller sample. Where one has a single measurement there is no interval. Welch
    (Biometrika 1947).

    >>> found = difference("gain", [1.0, 2.0, 3.0], [0.0, 0.0])
    >>> [round(bound, 4) for bound in found[1:4]]
    [2.0, -0.4841, 4.4841]
    """
    return _combined(name, first, second, 1 / max(len(second), 1), level)


def unlike(name: str, ours: Sequence[float], controls: Sequence[float], level: float = LEVEL) -> Fact:
    """How far the mean of `ours` lies from what one more of the controls would come to: a predictive interval.

    mean(ours) - mean(controls) -+ t sqrt(s_o^2 / n_o + s_c^2 (1 + 1 / n_c)), the degrees of freedom by Welch. Each
    control is a draw of what the set is held against, such as random real examples, measured once; the set is one
    thing, measured n_o times. Were it one more of them, the interval would hold zero: two samples of things would be
    compared by `difference`. n is that of the smaller sample. Geisser (Predictive Inference 1993).

    >>> found = unlike("early", [3.0, 3.0, 3.0], [0.0, 1.0, 2.0])
    >>> [round(bound, 4) for bound in found[1:4]]
    [2.0, -2.9683, 6.9683]
    """
    return _combined(name, ours, controls, 1 + 1 / max(len(controls), 1), level)


def _combined(name: str, first: Sequence[float], second: Sequence[float], factor: float, level: float) -> Fact:
    """Mean less mean, where the variance of the second sample counts `factor` times and that of the first once in n."""
    samples = [torch.tensor(values, dtype=torch.float64) for values in (first, second)]
    weights = (1 / max(len(first), 1), factor)
    parts = [
        (float(sample.var()) * weight if len(sample) > 1 else 0.0, len(sample))
        for sample, weight in zip(samples, weights, strict=True)
    ]
    return of_variances(name, float(samples[0].mean() - samples[1].mean()), parts, level)


def of_variances(name: str, value: float, parts: Sequence[tuple[float, int]], level: float = LEVEL) -> Fact:
    """A number whose variance is the sum of several, each known from so many draws, and its interval.

    Value -+ t sqrt(sum u) at v = (sum u)^2 / sum (u^2 / (n - 1)) degrees of freedom (Satterthwaite, Biometrics Bulletin
    1946). n is that of the fewest draws; with one there is no interval.

    >>> [round(bound, 4) for bound in of_variances("a", 2.0, [(1 / 3, 3)])[1:4]]
    [2.0, -0.4841, 4.4841]
    """
    count, total = min(n for _, n in parts), sum(variance for variance, _ in parts)
    if count < 2 or not total:
        return Fact(name, value, value, value, count)
    freedom = total**2 / sum(variance**2 / (n - 1) for variance, n in parts)
    return Fact(name, *_around(value, t_quantile(freedom, level) * total**0.5), count)


def of_controls(found: Sequence[Sequence[Fact]]) -> tuple[Fact, ...]:
    """The facts of several controls as one: of each name the mean over controls with its interval.

    A single control keeps its own intervals; a name that not all have is left out.

    >>> of_controls([[Fact.once("a", 1.0)], [Fact.once("a", 3.0), Fact.once("b", 0.0)]])[0].value
    2.0
    """
    if len(found) < 2:
        return tuple(found[0]) if found else ()
    named = [{fact.name: fact.value for fact in facts} for facts in found]
    return tuple(
        mean_of(name, [each[name] for each in named]) for name in named[0] if all(name in each for each in named)
    )


def jackknife(
    name: str,
    whole: float,
    without: Sequence[float],
    level: float = LEVEL,
    within: tuple[float, float] = ANYWHERE,
) -> Fact:
    """A number that n independent draws make together, from what it is without each of them in turn.

    The pseudo-values n T - (n - 1) T_(-i) are taken for independent measurements: value -+ t s / sqrt(n). Tukey (Annals
    of Mathematical Statistics 1958). Of a mean it is the interval of the mean.

    >>> [round(bound, 4) for bound in jackknife("mean", 2.0, [2.5, 2.0, 1.5])[1:4]]
    [2.0, -0.4841, 4.4841]
    """
    count = len(without)
    if count < 2:
        return Fact(name, whole, whole, whole, count)
    pseudo = torch.tensor([count * whole - (count - 1) * each for each in without], dtype=torch.float64)
    half = t_quantile(count - 1, level) * float(pseudo.std()) / count**0.5
    return Fact(name, *_around(whole, half, within), count)


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


def geometric_mean(
    name: str, values: Sequence[float], level: float = LEVEL, within: tuple[float, float] = (1.0, math.inf)
) -> Fact:
    """The geometric mean of independent measurements, with its interval in logarithms, within what was measured.

    For numbers of which a factor is what matters: no bound is ever negative. What lies beyond a bound of `within` is
    known to lie beyond it and no more: it counts as the bound, and the interval is open there, which is to say that it
    ends at the bound.

    >>> [round(bound, 4) for bound in geometric_mean("images", [2.0, 8.0], within=(1.0, 260.0))[1:4]]
    [4.0, 1.0, 260.0]
    >>> [round(bound, 4) for bound in geometric_mean("images", [50.0, 50.0, math.inf], within=(1.0, 100.0))[1:4]]
    [62.9961, 23.3115, 100.0]
    """
    low, high = within
    if min(values) >= high or max(values) <= low:
        end = high if min(values) >= high else low
        return Fact(name, end, end, end, len(values))
    log = estimate(name, [math.log(min(max(each, low), high)) for each in values], level)
    value = math.exp(log.value)
    first = low if min(values) <= low else max(math.exp(log.low), low)
    last = high if max(values) >= high else min(math.exp(log.high), high)
    return Fact(name, value, min(first, value), max(last, value), log.n)


def crossing(level: float, at: Sequence[float | int], values: Sequence[float]) -> float:
    """Where a curve first reaches a level, by straight lines between its points; infinite where it never does.

    The points are in order of `at`. A curve that begins at or above the level reaches it at its first point, or would
    have before. Both are beyond what was measured: `geometric_mean` counts them at its bounds.

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
