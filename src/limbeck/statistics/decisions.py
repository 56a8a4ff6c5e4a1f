"""What is significant: the one rule by which a number decides a question, and what would decide it where it does not.

A claim needs all of an interval on one side of a cut, and at least three independent draws. Where a verdict tries
several numbers, their intervals are simultaneous (`corrected`), and where it is looked at again with more draws, every
look has its part of the error (`spent`). So of sets without an effect at most 5 % are said to have one.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from limbeck.core.findings import Claim, Fact
from limbeck.statistics.estimates import LEVEL, t_quantile

ABOVE, BELOW, OPEN = "above", "below", "open"
"""Where an interval lies of a cut: all above it, all below it, or neither."""
LEAST = 3
"""Independent draws from which on anything is decided: two give an interval, but of a spread that is hardly known."""
MOST = 200
"""Draws beyond which nobody is sent for more."""
NAMED = 3
"""Open numbers that are named where others are decided; of more than these, how many there are."""


def corrected(tests: int, level: float = LEVEL) -> float:
    """The level of each of so many simultaneous intervals, by Bonferroni: all hold at once at `level`.

    >>> corrected(5)
    0.01
    """
    return level / max(tests, 1)


def spent(look: int) -> float:
    """The level of the k-th look at growing data, 0.05 / (k (k + 1)): the levels of all looks sum to 0.05.

    So whoever stops as soon as something is decided, however often they looked, is misled in 5 % of cases at most.

    >>> [round(spent(look), 5) for look in (1, 2, 3)]
    [0.025, 0.00833, 0.00417]
    """
    return LEVEL / (look * (look + 1))


def side(fact: Fact, cut: float = 0.0) -> str:
    """Where a number lies of a cut: `ABOVE`, `BELOW`, or `OPEN` by its interval or for want of draws.

    >>> gains = Fact("gain", 2.0, 1.0, 3.0, 3), Fact("gain", 2.0, 1.0, 3.0, 2), Fact("gain", 2.0, -1.0, 5.0, 9)
    >>> side(gains[0]), side(gains[1]), side(gains[2])
    ('above', 'open', 'open')
    """
    if fact.n < LEAST or not math.isfinite(fact.value):
        return OPEN
    return ABOVE if fact.low > cut else BELOW if fact.high < cut else OPEN


def inside(fact: Fact, low: float, high: float) -> bool:
    """Whether a number is shown to lie between two cuts: no smaller than the one, no larger than the other.

    >>> inside(Fact("change", 0.0, -0.5, 0.5, 3), -1, 1), inside(Fact("change", 0.0, -0.5, 1.5, 3), -1, 1)
    (True, False)
    """
    return fact.n >= LEAST and low < fact.low and fact.high < high


def claim(fact: Fact, cut: float = 0.0, *, by_draws: bool = True) -> Claim:
    """What a number decides of a cut, and about how many draws would where it does not; 0 where none would.

    `by_draws` says whether more draws can be had at all.
    """
    found = side(fact, cut)
    wanted = needed(fact, cut) if found == OPEN and by_draws else 0
    return Claim(fact.name, cut, found, wanted)


def needed(fact: Fact, cut: float = 0.0, lasting: float = 0.0) -> int:
    """About how many independent draws in all would decide on which side of a cut a number lies.

    If they come out as those there are: where the half-width, which goes as t(n - 1) sqrt(lasting + 1/n), is less than
    the distance from the cut. `lasting` is the part of the variance that no draws take away: 0 of a mean, 1 where it is
    told how far one more draw would lie. `LEAST` where there are fewer; 0 where more than `MOST` would be needed.

    >>> needed(Fact("gain", 2.0, -1.0, 5.0, 3)), needed(Fact("gain", 0.001, -1.0, 1.0, 3))
    (4, 0)
    """
    if fact.n < 2:
        return LEAST
    apart, half = abs(fact.value - cut), max(fact.high - fact.value, fact.value - fact.low)

    def width(count: int) -> float:
        return t_quantile(count - 1) * (lasting + 1 / count) ** 0.5

    scale = half / width(fact.n)
    return next((count for count in range(max(fact.n, LEAST), MOST + 1) if scale * width(count) < apart), 0)


def deciding(claims: Collection[Claim], draws: int, what: str = "seed") -> str:
    """What would decide the open ones of some claims that so many draws were made for; "" where none is open.

    `what` is the name of one draw. Where others are decided, the open ones are named: what is decided stands.

    >>> gain = Claim("gain", 0.0, "open", 9)
    >>> deciding([gain], 3)
    'about 6 more seeds would decide it'
    >>> deciding([Claim("loss", 0.0, "above", 0), gain], 3)
    'about 6 more seeds would decide what is open (gain)'
    """
    still = [each for each in claims if each.side == OPEN]
    if not still:
        return ""
    wanted = [each.draws - draws for each in still if each.draws > draws]
    it, every, some = "it", "all that is open", "some of what is open"
    if len(still) < len(claims):
        it = every = f"what is open ({_named(still)})"
        some = f"some of {it}"
    if not wanted:
        return f"more {_several(what)} would not decide {it}: it is too near to call"
    more = f"about {max(wanted)} more {what if max(wanted) == 1 else _several(what)} would decide"
    return f"{more} {some if len(wanted) < len(still) else it if len(still) == 1 else every}"


def _named(claims: Sequence[Claim]) -> str:
    """What claims are about, the first few of them."""
    names = list(dict.fromkeys(each.fact for each in claims))
    rest = [f"{len(names) - NAMED} more"] if len(names) > NAMED else []
    return ", ".join([*names[:NAMED], *rest])


def _several(what: str) -> str:
    noun, *rest = what.split(" ", 1)
    return " ".join([f"{noun}s", *rest])
