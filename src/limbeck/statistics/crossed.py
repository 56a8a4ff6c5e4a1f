"""Numbers that hang on two kinds of draws at once: seeds by controls, or learners of a set by learners of a pool."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.findings import Fact
from limbeck.statistics.decisions import LEAST
from limbeck.statistics.estimates import ANYWHERE, LEVEL, SHARE, kept_within, of_controls, of_variances, unlike


def beside(name: str, ours: Sequence[float], controls: Sequence[Sequence[float]], level: float = LEVEL) -> Fact:
    """How far a set lies from what one more control would come to, where the same seeds measure all of them.

    `ours` has a number for each seed, and so has every control. They are compared seed by seed, so what a seed does to
    all alike drops out; the interval is the predictive one of `unlike`, with the controls' means over seeds.

    >>> found = beside("early", [3.0, 13.0, 23.0], [[0.0, 10.0, 20.0], [1.0, 11.0, 21.0], [2.0, 12.0, 22.0]])
    >>> [round(bound, 4) for bound in found[1:4]]
    [2.0, -2.9683, 6.9683]
    """
    return unlike(name, *_paired(ours, controls), level)


def by_seeds(ours: Sequence[float], controls: Sequence[Sequence[float]], level: float = LEVEL) -> bool:
    """Whether more seeds could show a set to be unlike its controls, which differ among themselves in any case.

    >>> by_seeds([3.0, 3.0, 3.0], [[0.0] * 3, [1.0] * 3, [2.0] * 3])
    False
    """
    paired, means = _paired(ours, controls)
    return len(ours) < LEAST or reaches(sum(paired) / len(paired), means, level)


def reaches(value: float, controls: Sequence[float], level: float = LEVEL) -> bool:
    """Whether a number that were known exactly would be unlike its controls, which differ among themselves.

    >>> reaches(5.0, [0.0, 1.0, 2.0]), reaches(6.0, [0.0, 1.0, 2.0])
    (False, True)
    """
    exact = unlike("", [value] * max(len(controls), 2), controls, level)
    return not exact.low <= 0 <= exact.high


def _paired(ours: Sequence[float], controls: Sequence[Sequence[float]]) -> tuple[list[float], list[float]]:
    """The set less the mean of the controls, for each seed; and the mean of each control less that of all."""
    theirs = torch.tensor(controls, dtype=torch.float64)
    apart = torch.tensor(ours, dtype=torch.float64) - theirs.mean(0)
    return apart.tolist(), (theirs.mean(1) - theirs.mean()).tolist()


def crossed_mean(
    name: str, values: Float[Tensor, "seed member"], level: float = LEVEL, within: tuple[float, float] = ANYWHERE
) -> Fact:
    """The mean over pairs, with an interval that holds for other seeds and for other members.

    The variance of the mean over seeds and that of the mean over members are added, with degrees of freedom after
    Satterthwaite (Biometrics Bulletin 1946): v = (u1 + u2)^2 / (u1^2 / (n1 - 1) + u2^2 / (n2 - 1)). What a pair has of
    its own is counted in both, so the interval is if anything too wide. n is the smaller count.

    >>> found = crossed_mean("a", torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], dtype=torch.float64))
    >>> [round(bound, 4) for bound in found[1:4]], found.n
    ([2.0, -0.4841, 4.4841], 2)
    """
    return kept_within(_interval(name, float(values.mean()), [values.mean(1), values.mean(0)], level), within)


def crossed_difference(
    name: str, first: Float[Tensor, "seed member"], second: Float[Tensor, "seed other"], level: float = LEVEL
) -> Fact:
    """How much more the same seeds come to with the members of one pool than with those of another.

    The mean of the first less that of the second. Three variances are added as in `crossed_mean`: of the differences
    over seeds, and of the means over the members of each pool. What a seed does with both pools alike drops out.

    >>> first = torch.tensor([[1.0, 2.0, 3.0], [6.0, 7.0, 8.0]], dtype=torch.float64)
    >>> found = crossed_difference("d", first, torch.tensor([[0.0, 0.0], [5.0, 5.0]], dtype=torch.float64))
    >>> [round(bound, 4) for bound in found[1:4]]
    [2.0, -0.4841, 4.4841]
    """
    apart = first.mean(1) - second.mean(1)
    return _interval(name, float(apart.mean()), [apart, first.mean(0), second.mean(0)], level)


def of_controls_within(found: Sequence[Sequence[Fact]], shares: Collection[str]) -> tuple[Fact, ...]:
    """The facts of several controls as one, where those of some names are shares: their intervals stay in [0, 1].

    >>> of_controls_within([[Fact.once("a", 0.9)], [Fact.once("a", 1.0)]], ["a"])[0].high
    1.0
    """
    return tuple(kept_within(each, SHARE) if each.name in shares else each for each in of_controls(found))


def _interval(name: str, value: float, samples: Sequence[Tensor], level: float) -> Fact:
    """A number whose variance is the sum of those of the means of independent samples."""
    parts = [(float(sample.var()) / len(sample) if len(sample) > 1 else 0.0, len(sample)) for sample in samples]
    return of_variances(name, value, parts, level)
