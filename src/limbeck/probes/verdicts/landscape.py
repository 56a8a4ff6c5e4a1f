"""What is said of the confidence that learners of a set grow into."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from limbeck.core.findings import Fact, Verdict
from limbeck.core.units import percent
from limbeck.statistics.decisions import ABOVE, BELOW, OPEN, claim, corrected, side
from limbeck.statistics.estimates import estimate, unlike

RISES = 0.05
"""From which share of its lowest a rise of the loss is worth a word."""
RISE = "rise of the test loss from its lowest to the end, as a share of its lowest"
BEYOND = "rise of the test loss beyond that with as many random real examples"
TRIED = 3
"""The numbers that are tried: the set's rise, that of the controls, and the difference."""


class Risen(NamedTuple):
    """What becomes of the test loss of one learner."""

    lowest: float
    """Where the learners of other seeds have theirs."""
    end: float

    @property
    def share(self) -> float:
        """Its rise, as a share of the lowest."""
        return (self.end - self.lowest) / self.lowest


class Rises(NamedTuple):
    """The numbers that decide."""

    ours: Fact
    theirs: Fact
    beyond: Fact


def rises(ours: Sequence[Risen], controls: Sequence[Risen], level: float) -> Rises:
    """The rises over seeds of the set, over controls, and how far the set lies from one more control; all at once."""
    mine, theirs, each = [one.share for one in ours], [one.share for one in controls], corrected(TRIED, level)
    return Rises(estimate(RISE, mine, each), estimate(RISE, theirs, each), unlike(BEYOND, mine, theirs, each))


def verdict(ours: Sequence[Risen], controls: Sequence[Risen], step: Fact, moved: Fact, level: float) -> Verdict:
    """Whether learners grow over-confident, and whether that is the set's doing or that of any few images.

    Claims that the test loss rises by more than 5 % of its lowest, and that it rises more or less than with one more
    draw of random real examples. `step` is where it is lowest, and `moved` the share of predictions that change later.
    """
    if not all(math.isfinite(one.share) for one in (*ours, *controls)):
        return Verdict("Not known: training diverges, and the test loss is not finite.", "unknown")
    found = rises(ours, controls, level)
    rise, lies = side(found.ours, RISES), side(found.beyond)
    moves = f"{percent(moved.value, 0)} of predictions change"
    if rise == OPEN:
        by = _shares(found.ours)
        text = (
            f"Inconclusive: whether learners of the set grow over-confident is open. Their test loss rises by {by} "
            f"from its lowest to the end, with as many random real examples by {_shares(found.theirs)}, while {moves}."
        )
        return Verdict(text, "unknown", (claim(found.ours, RISES), claim(found.beyond)))
    if rise == BELOW:
        where = f"stays near its lowest: at the end it is {_shares(found.ours)} above that"
        if all(one.end <= one.lowest for one in ours):
            where = f"is lowest at the end, in each of {len(ours)} trainings"
        than = f"; with as many random real examples it rises by {_shares(found.theirs)}" if lies == BELOW else ""
        text = f"Test loss {where}{than}. Training on the set may go on."
        # That it does not rise is no claim of an effect; that it rises less than with real examples is.
        return Verdict(text, "note", (claim(found.beyond),) if lies != OPEN else ())
    low, end = (sum(getattr(one, name) for one in ours) / len(ours) for name in ("lowest", "end"))
    text = (
        f"Learners of the set grow over-confident: test loss rises by {_shares(found.ours)}, from {low:.2f} at about "
        f"step {step.value:.0f} to {end:.2f}, while {moves}. {_beside(found)} Stop early if you need probabilities."
    )
    return Verdict(text, "note", (claim(found.ours, RISES), claim(found.beyond)))


def _beside(found: Rises) -> str:
    """Whose doing a rise is."""
    theirs, lies = found.theirs, side(found.beyond)
    real, rises_too = "as many random real examples", side(theirs, RISES) == ABOVE
    few = ": it comes of training on few images" if rises_too else ""
    if lies == ABOVE:
        return f"With {real} it rises less, by {_shares(theirs)}: the set does it."
    if lies == BELOW:
        return f"With {real} it rises more, by {_shares(theirs)}{few}."
    if rises_too:
        return f"With {real} it does so too, by {_shares(theirs)}{few}."
    return f"Whether it does with {real}, by {_shares(theirs)}, is not known."


def _shares(fact: Fact) -> str:
    # Whole numbers, so that zero has no sign.
    value, low, high = (round(100 * each) for each in fact[1:4])
    return f"{value} % ({low} to {high} %)" if fact.n > 1 else f"{value} %"
