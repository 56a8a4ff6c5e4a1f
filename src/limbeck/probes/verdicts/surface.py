"""What is said of where training on a set comes to rest."""

from __future__ import annotations

import math
from typing import NamedTuple

from limbeck.core.findings import Fact, Verdict
from limbeck.core.units import percent
from limbeck.statistics.decisions import ABOVE, BELOW, OPEN, claim, corrected, side
from limbeck.statistics.estimates import ANYWHERE, estimate, unlike

GROWTH = "times tenfold that the set's own loss grows in training on it"
STEEPER = "times tenfold that the real loss is steeper at learners of the set than of real data"
BENT = "lowest eigenvalue of the real loss at learners of the set, as a share of the highest"
APART = "barrier between learners of the set and of real data from other starts, beyond that between two of real data"
TRIED = 4
"""The numbers that are tried."""


class Seen(NamedTuple):
    """What was measured of each learner of the set, by seed, and what stands beside."""

    growth: list[float]
    """log10 of the set's own loss after training over that before; of a control none."""
    steeper: list[float]
    """log10 of the norm of the real loss's gradient over that at the learner of real data of the seed."""
    bent: list[float]
    """The lowest eigenvalue of the real loss over the highest."""
    barriers: list[float]
    """Between the learner of the set and that of real data from another start."""
    beside: list[float]
    """Barriers between two learners of real data."""


class Decided(NamedTuple):
    """The numbers that decide."""

    growth: Fact | None
    """None of a control, which is trained on itself."""
    steeper: Fact
    bent: Fact
    apart: Fact


def decided(seen: Seen, level: float) -> Decided:
    """The numbers over learners, all intervals at once."""
    each = corrected(TRIED, level)
    return Decided(
        estimate(GROWTH, seen.growth, each) if seen.growth else None,
        estimate(STEEPER, seen.steeper, each),
        estimate(BENT, seen.bent, each, ANYWHERE),
        unlike(APART, seen.barriers, seen.beside, each),
    )


def verdict(seen: Seen, control: Seen, best: tuple[int, int], level: float) -> Verdict:
    """Whether training on a set ends in a minimum of its own loss or of the real one, and in the valley of real data.

    Claims that the set's own loss falls or grows, that the real loss is steeper where it ends than where training on
    real data does, that the real loss curves downwards there, and that the barrier to learners of real data from other
    starts is higher or lower than between two of these. `control` is the same of as many random real examples in place
    of the set; `best` says in how many of how many random planes the learner has the lowest loss. Of a set whose
    learners are all one nothing is claimed.
    """
    if not all(math.isfinite(value) for values in (*seen, *control) for value in values):
        return Verdict("Not known: training diverges, and losses are not finite.", "unknown")
    found, beside = decided(seen, level), decided(control, level)
    facts = [fact for fact in found if fact is not None]
    said = f"{_own(facts[0])} {_real(found, beside)} {_apart(found.apart, seen)}{_planes(*best)}"
    if len(seen.growth) < 2:
        one = "Described, not decided: the set makes one learner, since it says where training begins."
        return Verdict(
            f"{one} {said} Distil again under other seeds to tell whether that is so of the recipe.", "unknown"
        )
    claims = tuple(claim(fact) for fact in facts)
    if all(side(fact) == OPEN for fact in facts):
        return Verdict(f"Inconclusive. {said}", "unknown", claims)
    return Verdict(said, "note", claims)


def _planes(lowest: int, count: int) -> str:
    """What random planes show, which proves nothing."""
    if not count:
        return ""
    return f" In {lowest} of {count} random planes around it the real loss is lowest there, which proves no minimum."


def _own(growth: Fact) -> str:
    factor = _factors(growth)
    if side(growth) == ABOVE:
        return f"Training on the set ends in no minimum of the set's own loss, which comes to {factor} what it was."
    if side(growth) == BELOW:
        return f"Training on the set lowers the set's own loss, to {factor} what it was."
    return f"The set's own loss comes to {factor} what it was before training on it."


def _real(found: Decided, beside: Decided) -> str:
    steep, bends = side(found.steeper), side(found.bent)
    slope, curved = f"{_factors(found.steeper)} as steep as after training on real data", _curved(found.bent)
    also = " So it is after as many random real examples." if steep == side(beside.steeper) != OPEN else ""
    if steep == ABOVE:
        down = ", and curves downwards" if bends == BELOW else ""
        return (
            f"It ends in no minimum of the real loss: that is {slope}{down} ({curved}).{also} Training on real data "
            "goes on from there."
        )
    if steep == BELOW:
        return f"The real loss there is {slope} ({curved}).{also}"
    return f"Whether the real loss is steeper there than after training on real data is open: it is {slope} ({curved})."


def _curved(bent: Fact) -> str:
    value, low, high = (percent(each, 1) for each in bent[1:4])
    between = f" ({low} to {high})" if bent.n > 1 else ""
    return f"lowest curvature {value}{between} of the highest"


def _apart(apart: Fact, seen: Seen) -> str:
    ours, theirs = (sum(each) / max(len(each), 1) for each in (seen.barriers, seen.beside))
    numbers = (
        f"on the straight way to networks of real data from other starts the real loss rises by {_digits(ours)}, "
        f"between two of those by {_digits(theirs)}"
    )
    if side(apart) == ABOVE:
        return f"It lies farther from networks of real data than these from one another: {numbers}."
    if side(apart) == BELOW:
        return f"It lies nearer to networks of real data than these to one another: {numbers}."
    return f"{numbers[0].upper()}{numbers[1:]}."


def _factors(fact: Fact) -> str:
    """A factor, of its logarithm."""
    value, low, high = (_digits(10.0 ** min(max(each, -99), 99)) for each in fact[1:4])
    return f"{value} ({low} to {high}) times" if fact.n > 1 else f"{value} times"


def _digits(value: float) -> str:
    """A number to two digits.

    >>> _digits(513.2), _digits(0.00245), _digits(1.0)
    ('510', '0.0024', '1')
    """
    return f"{float(f'{value:.2g}'):,.10g}"
