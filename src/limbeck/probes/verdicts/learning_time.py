"""What is said of when real training learns a set: sooner or later than random real examples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from limbeck.core.findings import Claim, Fact, Verdict
from limbeck.core.units import percent
from limbeck.statistics.crossed import beside, by_seeds
from limbeck.statistics.curves import settled, smoothed
from limbeck.statistics.decisions import ABOVE, OPEN, claim
from limbeck.statistics.estimates import SHARE, estimate, geometric_mean, share

TOLERANCE = 0.05
"""Recognition stops improving where it is so near to the best that follows: 5 points."""
FEWEST = 5
"""Items from which on a recognition says anything: of four, one is more than the tolerance by far."""
STOPS = "step at which recognition stops improving"
SHARES = ("recognition then", "recognition at the end", "test accuracy then", "test accuracy at the end")
SOONER = "that step over that of random real examples"


class Trajectory(NamedTuple):
    """A training on all real data, as one seed has it, and what its learners recognise."""

    steps: Float[Tensor, " read"]
    recognition: Float[Tensor, " read"]
    """The share of the items that it takes for what they were made for."""
    accuracy: Float[Tensor, " read"]
    levelled: bool
    """Whether it ended because its accuracy has levelled off."""

    @property
    def smooth(self) -> Float[Tensor, " read"]:
        """The recognition, smoothed."""
        return smoothed(self.steps, self.recognition)

    @property
    def stop(self) -> int:
        """The reading at which recognition stops improving."""
        return settled(self.smooth, TOLERANCE)

    @property
    def log_stop(self) -> float:
        """The logarithm of its step; the step before the first is taken for the first after it."""
        return math.log(float(self.steps[max(self.stop, 1)]))


class Measured(NamedTuple):
    """What the trajectories come to."""

    items: int
    by_chance: float
    stop: Fact
    """The step at which recognition stops improving: the geometric mean over seeds."""
    then: Fact
    """Recognition at that step."""
    end: Fact
    """Recognition at the end of the trajectories: over seeds."""
    accuracy_then: Fact
    accuracy_end: Fact
    rise: Fact
    """How much accuracy rises from then to the end."""
    recognised: Fact
    """The mean recognition at the end, with its interval over items."""
    sooner: Fact
    """The logarithm of the step over what it is for random real examples: a predictive interval."""
    real_stop: Fact
    """The step for random real examples: over controls."""
    by_seeds: bool
    """Whether more seeds could show it to be unlike random real examples."""
    levelled: bool
    """Whether all trajectories have levelled off."""
    longest: int
    """Steps of the longest trajectory."""
    first: float
    """The first step after the start that trajectories are read at."""

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What is known of a set, or of a control."""
        return (self.stop, self.then, self.end, self.accuracy_then, self.accuracy_end, self.rise)

    @property
    def factor(self) -> Fact:
        """How many times the steps it takes that random real examples take."""
        low, value, high = (math.exp(bound) for bound in (self.sooner.low, self.sooner.value, self.sooner.high))
        return Fact(SOONER, value, low, high, self.sooner.n)


def measured(
    trajectories: Sequence[Trajectory], controls: Sequence[Sequence[Trajectory]], items: int, classes: int, level: float
) -> Measured:
    """What the trajectories of a set come to (one for each seed), beside what they recognise of controls.

    The same learners read the set and the controls, so their steps are compared seed by seed; each control is one draw
    of as many random real examples, and the set is held against what one more of them would come to.
    """
    ours = [each.log_stop for each in trajectories]
    theirs = [[each.log_stop for each in control] for control in controls]
    then = [float(each.accuracy[each.stop]) for each in trajectories]
    end = [float(each.accuracy[-1]) for each in trajectories]
    reached = [float(each.smooth[-1]) for each in trajectories]
    return Measured(
        items,
        1 / classes,
        geometric_mean(STOPS, [math.exp(each) for each in ours]),
        estimate(SHARES[0], [float(each.smooth[each.stop]) for each in trajectories], within=SHARE),
        estimate(SHARES[1], reached, within=SHARE),
        estimate(SHARES[2], then, within=SHARE),
        estimate(SHARES[3], end, within=SHARE),
        estimate("rise of test accuracy from then to the end", [b - a for a, b in zip(then, end, strict=True)]),
        share("recognised at the end", sum(reached) / len(reached), items, level),
        beside(SOONER, ours, theirs, level),
        geometric_mean(STOPS, [math.exp(sum(each) / len(each)) for each in theirs]),
        by_seeds(ours, theirs, level),
        all(each.levelled for each in trajectories),
        max(int(each.steps[-1]) for each in trajectories),
        float(trajectories[0].steps[1]),
    )


def verdict(found: Measured) -> Verdict:
    """Whether the set is learned sooner or later than as many random real examples, where that can be known.

    Nothing is said of a few items, of a set that is not recognised more than by chance, of one whose recognition is at
    its best from the first reading on, nor where trajectories have not levelled off. Else the one claim: that the step
    at which recognition stops improving is unlike what one more control would come to.
    """
    untold = _untold(found)
    if untold:
        return Verdict(f"Not known: {untold}", "unknown")
    made = claim(found.sooner, by_draws=found.by_seeds)
    claims = (Claim(made.fact, 1.0, made.side, made.draws),)
    stop, real = f"step {found.stop.value:.0f}", f"step {found.real_stop.value:.0f}"
    head = f"real training recognises {percent(found.then.value, 0)} of it by {stop} and hardly more after"
    factor = found.factor
    times = f"{factor.value:.2g} times the steps"
    spread = f" ({factor.low:.2g} to {factor.high:.2g})" if factor.n > 1 else ""
    others = f"as many random real examples take until {real}: {times}{spread}"
    if made.side == OPEN:
        text = f"Inconclusive: {head}; {others}, no more apart than such sets are from each other."
        return Verdict(text, "unknown", claims)
    word = "late" if made.side == ABOVE else "early"
    text = (
        f"The set holds what is learned {word}: {head}; {others}. Test accuracy is "
        f"{percent(found.accuracy_then.value, 0)} at that step and {percent(found.accuracy_end.value, 0)} at the end."
    )
    if found.end.value > 1 - 0.5 / found.items:
        text += " All of it is recognised then, so more could not be seen."
    return Verdict(text, "note", claims)


def _untold(found: Measured) -> str:
    """Why nothing can be said; "" where something can."""
    if found.items < FEWEST:
        return f"the set has {found.items} items, and recognition says nothing of fewer than {FEWEST}."
    if found.recognised.low <= found.by_chance:
        return (
            f"a learner of real data does not recognise the set ({percent(found.end.value, 0)} of it at the end, "
            f"{percent(found.by_chance, 0)} by chance)."
        )
    if not found.levelled:
        return (
            f"test accuracy of real training still rises after {found.longest:,} steps, so nothing can be called "
            "early or late in it."
        )
    if found.stop.value <= found.first:
        return (
            f"recognition is at its best from the first reading on ({percent(found.then.value, 0)} at step "
            f"{found.first:.0f}); read it more often."
        )
    return ""
