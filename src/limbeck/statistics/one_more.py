"""Whether a set that learners are paired on lies further from real examples than one more draw of them would."""

from __future__ import annotations

from collections.abc import Sequence

from limbeck.core.findings import Claim, Fact
from limbeck.statistics.decisions import OPEN, needed, side
from limbeck.statistics.estimates import GAIN, LEVEL, estimate, kept_within


def one_more(name: str, differences: Sequence[float], level: float = LEVEL, within: tuple[float, float] = GAIN) -> Fact:
    """The mean of paired differences from controls, and how far one more control might lie: mean -+ t s sqrt(1 + 1/n).

    The set is one thing, however many seeds are trained on it, and each seed has a control of its own. What that one
    thing happens to hold is in every difference alike, so that their spread says nothing of it: it is known from how
    controls differ among themselves, which is part of s. Were the set one more control, a part b of the mean of
    n differences would vary like one of them: Var(b) + (s^2 - Var(b)) / n is at most s^2 (1 + 1/n).
    Geisser (Predictive Inference 1993); the paired form of `estimates.unlike`.

    >>> [round(bound, 4) for bound in one_more("gain", [1.0, 2.0, 3.0], within=(-9.0, 9.0))[1:4]]
    [2.0, -2.9683, 6.9683]
    """
    mean = estimate(name, differences, level)
    wider = (len(differences) + 1) ** 0.5
    low, high = (mean.value + wider * (bound - mean.value) for bound in (mean.low, mean.high))
    return kept_within(Fact(name, mean.value, low, high, mean.n), within)


def claim_beyond(fact: Fact, cut: float = 0.0) -> Claim:
    """What such a number decides of a cut, and about how many draws would where it does not.

    Its interval goes as t(n - 1) sqrt(1 + 1/n), which is never less than a normal quantile: more draws decide less
    often than those of a mean would. 0 where none would.

    >>> claim_beyond(Fact("gain", 2.0, -0.5, 4.5, 4)).draws, claim_beyond(Fact("gain", 1.0, -4.0, 6.0, 5)).draws
    (6, 0)
    """
    found = side(fact, cut)
    return Claim(fact.name, cut, found, needed(fact, cut, lasting=1.0) if found == OPEN else 0)
