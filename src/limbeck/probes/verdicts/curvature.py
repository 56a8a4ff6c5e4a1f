"""What is said of how the curvature of a set's loss goes in real training."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from limbeck.core.findings import Fact, Verdict
from limbeck.core.units import per_cent, percent
from limbeck.statistics.decisions import ABOVE, BELOW, claim, inside, side
from limbeck.statistics.estimates import estimate, geometric_mean, unlike
from limbeck.statistics.extremes import LEAST_LEFT, Fall

SET, REAL = "set", "real"
FURTHER = "halvings of the curvature beyond those of as many random real examples"
"""The number that decides."""
ALIKE = 1.0
"""Halvings up to which two curvatures fall alike: a factor of 2."""


class Start(NamedTuple):
    """What becomes of three curvatures in one training on all real data, from a start of its own."""

    ours: Fall
    """That of the loss on the set."""
    control: Fall
    """On as many random real examples, drawn for this start."""
    real: Fall
    """On real examples for all of them."""
    end: int
    """The last step."""
    levelled: bool
    """Whether accuracy levelled off."""


def facts(starts: Sequence[Start], level: float) -> tuple[Fact, ...]:
    """The numbers of the set and of real examples, over starts, and the one that decides."""
    ours, real = [each.ours for each in starts], [each.real for each in starts]
    return (
        *_of(SET, ours, real, level),
        further(starts, level),
        *_of(REAL, real, real, level)[:3],
        geometric_mean("step where real training ends", [float(each.end) for each in starts]),
    )


def control(starts: Sequence[Start], level: float) -> tuple[Fact, ...]:
    """The numbers of the controls, under the names of those of the set."""
    return _of(SET, [each.control for each in starts], [each.real for each in starts], level)


def further(starts: Sequence[Start], level: float) -> Fact:
    """How many more times the curvature on the set is halved than it would be on one more control.

    Both less those of real examples in the same training, so that what a start does to all of them counts for none.
    """
    ours, controls = (
        [getattr(each, name).halvings - each.real.halvings for each in starts] for name in ("ours", "control")
    )
    return unlike(FURTHER, ours, controls, level)


def _of(loss: str, falls: Sequence[Fall], real: Sequence[Fall], level: float) -> tuple[Fact, ...]:
    beyond = [one.halvings - other.halvings for one, other in zip(falls, real, strict=True)]
    return (
        geometric_mean(f"step of the peak on {loss}", [float(each.at) for each in falls]),
        estimate(f"peak of the trace on {loss}", [each.peak for each in falls], level),
        left(f"end over peak of the trace on {loss}", falls, level),
        estimate("halvings of the curvature beyond those of real examples", beyond, level),
    )


def left(name: str, falls: Sequence[Fall], level: float) -> Fact:
    """The geometric mean of the shares of their peaks that are left, with its interval, within [0.01, 1]."""
    log = estimate(name, [math.log(each.left) for each in falls], level, (math.log(LEAST_LEFT), 0.0))
    value, low, high = (min(math.exp(bound), 1.0) for bound in log[1:4])
    return Fact(name, value, low, high, log.n)


def verdict(starts: Sequence[Start], level: float) -> Verdict:
    """When the set has something to teach, and whether less of it is left later than of random real examples.

    The claim is that its curvature falls further, or less far, than that of one more control would. Nothing is said
    of it where real training did not level off, or where the curvature is at its peak when that ends.
    """
    if not all(math.isfinite(each.peak) for start in starts for each in (start.ours, start.control, start.real)):
        return Verdict("Not known: training diverges, so that its curvature is not finite.", "unknown")
    for name, of in (("ours", "the set"), ("control", "as many random real examples"), ("real", "real examples")):
        if not all(getattr(each, name).clear for each in starts):
            text = f"Inconclusive: in real training the curvature of the loss on {of} is nowhere clearly above zero."
            return Verdict(text, "unknown")
    going, rising = (
        sum(found) for found in zip(*((not each.levelled, each.ours.last) for each in starts), strict=True)
    )
    if going or rising:
        why = (
            f"real training had not levelled off after {max(each.end for each in starts):,} steps"
            if going
            else "the curvature of its loss is still at its peak where real training levels off"
        )
        text = f"Not known: {why} (from {going or rising} of {len(starts)} starts). How far it falls is open."
        return Verdict(text, "unknown")
    return _compared(starts, level)


def sharpness(ours: Fact, theirs: Fact) -> str:
    """A sentence on where the set leads, without any claim."""
    return (
        f"Where training on it ends, {_percents(ours)} of the curvature of the loss on real examples is negative; "
        f"after as many random real examples, {_percents(theirs)}."
    )


def _compared(starts: Sequence[Start], level: float) -> Verdict:
    fact = further(starts, level)
    step, _, kept = _of(SET, [each.ours for each in starts], [each.real for each in starts], level)[:3]
    theirs = left("", [each.control for each in starts], level)
    peaks = (
        f"Its curvature peaks at step {step.value:,.0f} of real training{_range(step, '{:,.0f}'.format)} and falls to "
        f"{_percents(kept)} of that where training levels off"
    )
    other = f"that of as many random real examples, which falls to {_percents(theirs)}"
    found = side(fact)
    if found == ABOVE:
        said = (
            f"by a factor of {_factors(fact)}. It holds what is learned early: little is left to learn from it later."
        )
        return Verdict(f"{peaks}, further than {other}, {said}", "note", (claim(fact),))
    if found == BELOW:
        fewer = fact._replace(value=-fact.value, low=-fact.high, high=-fact.low)
        said = f"by a factor of {_factors(fewer)}. It has more to teach late in training than they have."
        return Verdict(f"{peaks}, less far than {other}, {said}", "note", (claim(fact),))
    if inside(fact, -ALIKE, ALIKE):
        return Verdict(f"{peaks}, as far as {other}: they are less than a factor of 2 apart.", "note")
    text = (
        "Inconclusive: it is not known whether its curvature falls further in real training than that of as many "
        f"random real examples. {peaks}, theirs to {_percents(theirs)}: further by a factor of {_factors(fact)}."
    )
    return Verdict(text, "unknown", (claim(fact),))


def _percents(fact: Fact) -> str:
    return percent(fact.value, 0) + _range(fact, lambda share: per_cent(share, 0), " %")


def _factors(fact: Fact) -> str:
    """Halvings as a factor of what is left."""
    return _factor(fact.value) + _range(fact, _factor)


def _factor(halvings: float) -> str:
    times = 2.0 ** max(min(halvings, 10.0), -10.0)
    return "over 100" if times > 100 else "under 0.01" if times < 0.01 else f"{times:.2g}"


def _range(fact: Fact, told: Callable[[float], str], unit: str = "") -> str:
    """The interval in brackets, where it is told from a point."""
    low, high = told(fact.low), told(fact.high)
    return f" ({low} to {high}{unit})" if low != high else ""
