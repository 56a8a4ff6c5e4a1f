"""What is said of the episodes of policies that a set trains."""

from __future__ import annotations

from typing import NamedTuple

from limbeck.core.findings import Fact, Verdict
from limbeck.statistics.decisions import ABOVE, BELOW, claim, corrected, side
from limbeck.statistics.estimates import estimate, unlike

RETURN = "mean return of policies that are trained"
UNTRAINED = "mean return of untrained policies"
GAIN = "return that training on the set adds to an untrained policy"
BEYOND = "return beyond that of policies of random real examples"
TRIED = 2
"""The numbers that are tried."""


class Seen(NamedTuple):
    """Returns."""

    ours: list[float]
    """Of each policy of the set, means over episodes; of a single one, of each episode."""
    untrained: list[float]
    """Of the policies that those were before, in the same order."""
    controls: list[float]
    """The mean of each draw of as many random real examples."""


class Decided(NamedTuple):
    """The numbers that decide."""

    gain: Fact
    beyond: Fact


def decided(seen: Seen, level: float) -> Decided:
    """Both, their intervals at once."""
    each = corrected(TRIED, level)
    gains = [ours - before for ours, before in zip(seen.ours, seen.untrained, strict=True)]
    return Decided(estimate(GAIN, gains, each), unlike(BEYOND, seen.ours, seen.controls, each))


def verdict(seen: Seen, longest: int, level: float) -> Verdict:
    """Whether policies learn from a set to act, and more than from as many random real examples.

    Claims that training on the set adds to the return of an untrained policy or takes from it (null: neither), and that
    it comes to another return than training on random real examples in the same way (null: one more draw of those).
    """
    found = decided(seen, level)
    ours, untrained, controls = (sum(each) / max(len(each), 1) for each in seen)
    low, high = estimate(RETURN, seen.ours, level)[2:4]
    said = (
        f"Policies that are trained on it come to a return of {ours:.4g} ({low:.4g} to {high:.4g}), episodes being cut "
        f"off after {longest} steps; untrained they come to {untrained:.4g}, and trained on as many random real "
        f"examples to {controls:.4g}."
    )
    claims = claim(found.gain), claim(found.beyond)
    gain, beyond = side(found.gain), side(found.beyond)
    if gain == ABOVE and beyond == ABOVE:
        return Verdict(f"Train a policy on it. {said}", "use", claims)
    if gain == BELOW:
        return Verdict(f"Do not train a policy on it: that takes from what it can do. {said}", "avoid", claims)
    if gain == ABOVE and beyond == BELOW:
        return Verdict(
            f"Take as many random real examples instead: they train better policies. {said}", "avoid", claims
        )
    if gain == ABOVE:
        return Verdict(
            f"Policies learn from it, and whether more than from as many random real examples is open. {said}",
            "note",
            claims,
        )
    return Verdict(f"Not known whether policies learn from it. {said}", "unknown", claims)
