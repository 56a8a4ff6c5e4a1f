"""What is said of what learners of a set predict like."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from limbeck.core.findings import Claim, Fact, Verdict
from limbeck.core.units import per_cent, percent, points
from limbeck.statistics.crossed import crossed_difference, reaches
from limbeck.statistics.decisions import ABOVE, BELOW, LEAST, OPEN, claim, corrected
from limbeck.statistics.pools import Pool

SUBSETS, EARLY, DECAYED = "real subsets", "early-stopped", "weight decay"
SAID = {
    SUBSETS: "trained on few real examples",
    EARLY: "stopped early on real data",
    DECAYED: "trained on all real data with weight decay",
}
ORDER = (EARLY, SUBSETS, DECAYED)
Pair = tuple[str, str]


class Told(NamedTuple):
    """A number that something is said of, and what it decides about zero."""

    fact: Fact
    made: Claim


class Compared(NamedTuple):
    """The pools that have enough learners of the accuracy, beside each other and each beside its own."""

    means: Mapping[str, Fact]
    """The mean agreement of the set's learners with each."""
    pairs: Mapping[Pair, Told]
    """How much more they agree with the one than with the other."""
    own: Mapping[str, Told]
    """How much more they agree with the learners of a pool than these do among themselves."""

    @property
    def facts(self) -> tuple[Fact, ...]:
        """All that is decided by."""
        return tuple(told.fact for told in (*self.pairs.values(), *self.own.values()))


def compared(pools: Sequence[Pool], level: float) -> Compared:
    """What the agreements with the pools come to: intervals that hold at once for all that is compared.

    Two pools are compared with the variation over the set's learners and over those of both pools; the set is held
    against each pool by what one more learner of that pool would come to.
    """
    telling = {pool.name: pool for name in ORDER for pool in pools if pool.name == name and pool.tells}
    couples = list(itertools.combinations(telling, 2))
    each = corrected(len(couples) + len(telling), level)
    pairs = {}
    for one, other in couples:
        first, second = telling[one].agreements, telling[other].agreements
        fact = crossed_difference(f"{one} less {other}", first, second, each)
        # More draws are more learners of the set and of the pools, in proportion.
        pairs[one, other] = Told(fact, claim(fact))
    own = {}
    for name, pool in telling.items():
        fact, ours = pool.beyond(each), pool.agreements
        more = len(ours) < LEAST or reaches(float(ours.mean()), pool.among, each)
        own[name] = Told(fact, claim(fact, by_draws=more))
    return Compared({name: pool.agreement for name, pool in telling.items()}, pairs, own)


class Ours(NamedTuple):
    """The set's learners."""

    accuracy: float
    above_chance: bool
    """Whether they are shown to be right more often than by chance."""
    by_chance: float
    """The agreement of two that are as often right and err independently."""
    window: float
    """How far from their accuracy a learner of a pool may be."""


def verdict(ours: Ours, found: Compared, pools: Sequence[Pool], control: Compared | None) -> Verdict:
    """Which pool the set's learners agree with most, where that is decided, and whether they are like one of it.

    `control` is the same of learners of as many random real examples, None where nothing was asked of them. Nothing is
    said of learners that are not above chance.
    """
    if not ours.above_chance:
        why = f"its learners are not shown to be right more often than by chance ({percent(ours.accuracy)})"
        return Verdict(f"Not known: {why}, so there is nothing to be like.", "unknown")
    claims = tuple(told.made for told in (*found.pairs.values(), *found.own.values()))
    lacking = _lacking(pools, ours.accuracy, ours.window)
    if not found.means:
        text = f"Inconclusive: what a learner of this set predicts like is not known. {lacking}"
        return Verdict(text.strip(), "unknown", claims)
    said = [*_nearest(found, control), *(_own(name, told) for name, told in found.own.items() if _side(told) != OPEN)]
    if said:
        text = " ".join([*said, *([lacking] if lacking else [])])
        return Verdict(f"A learner of this set {text.removeprefix('It ')}", "note", claims)
    named = " and ".join(f"with {_learners(name)} on {_with(mean)}" for name, mean in found.means.items())
    text = f"Inconclusive: its learners agree {named}; {percent(ours.by_chance)} by chance."
    if len(found.means) > 1:
        gaps = "; ".join(f"{one} less {other} {_points(told.fact)}" for (one, other), told in found.pairs.items())
        text += f" Which they are nearer to is not decided: {gaps}."
    else:
        text += " There is no other pool to compare with."
    return Verdict(" ".join([text, *([lacking] if lacking else [])]), "unknown", claims)


def _nearest(found: Compared, control: Compared | None) -> list[str]:
    """The pool that is agreed with most, where it is decided that this is more than with another."""
    if len(found.means) < 2:
        return []
    best = max(found.means, key=lambda name: found.means[name].value)
    gaps = {other: _gap(found, best, other) for other in found.means if other != best}
    below = {other: fact for other, (fact, decided) in gaps.items() if decided}
    if not below:
        return []
    others = " and ".join(
        f"with {_learners(name)} on {percent(found.means[name].value)}, by {_points(fact)}"
        for name, fact in below.items()
    )
    head = f"It predicts like {_learners(best)}: it agrees with them on {_with(found.means[best])}"
    said = [f"{head}, more than {others}."]
    said += [
        f"Its agreement with {_learners(name)} ({percent(found.means[name].value)}) is not significantly different."
        for name in gaps
        if name not in below
    ]
    if control is not None:
        same = [name for name in below if {best, name} <= set(control.means) and _gap(control, best, name)[1]]
        told = "so does" if len(same) == len(below) else "that is not shown of"
        said.append(f"Beside it, {told} a learner of as many random real examples.")
    return said


def _gap(found: Compared, best: str, other: str) -> tuple[Fact, bool]:
    """How much more one pool is agreed with than another, and whether it is decided that it is more."""
    if (best, other) in found.pairs:
        fact, made = found.pairs[best, other]
        return fact, made.side == ABOVE
    fact, made = found.pairs[other, best]
    return fact._replace(value=-fact.value, low=-fact.high, high=-fact.low), made.side == BELOW


def _own(name: str, told: Told) -> str:
    fact = told.fact
    if told.made.side == BELOW:
        turned = fact._replace(value=-fact.value, low=-fact.high, high=-fact.low)
        return f"It is not one of {_learners(name)}: these agree more among themselves, by {_points(turned)}."
    return f"It agrees with {_learners(name)} more than these do among themselves, by {_points(fact)}."


def _lacking(pools: Sequence[Pool], accuracy: float, window: float) -> str:
    """Which pools have too few learners of the accuracy, and why; "" where all have enough."""
    said = []
    for pool in pools:
        if pool.tells:
            continue
        low, high = pool.reach
        some = f"{len(pool.matched)} of {pool.trained} {SAID[pool.name]}"
        if high < accuracy - window:
            some += f", who reach {percent(high)} at most"
        elif low > accuracy + window:
            some += f", who reach {percent(low)} at least"
        said.append(some)
    near = f"{percent(accuracy)} within {points(window)}"
    return f"Too few learners have its test accuracy ({near}): {'; '.join(said)}." if said else ""


def _side(told: Told) -> str:
    return told.made.side


def _learners(name: str) -> str:
    return f"learners {SAID[name]}"


def _with(fact: Fact) -> str:
    return f"{percent(fact.value)} ({per_cent(fact.low)} to {per_cent(fact.high)}) of examples"


def _points(fact: Fact) -> str:
    return f"{points(fact.value)} ({per_cent(fact.low)} to {per_cent(fact.high)})"
