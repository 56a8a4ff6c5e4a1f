"""What is said of how much real data, and how much real training, a set stands in for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from limbeck.core.findings import Fact, Verdict
from limbeck.core.units import per_cent, percent
from limbeck.probes.tables.substitution import ACCURACY, IMAGES, STEPS, reached, spread
from limbeck.probes.verdicts.words import at_chance, seeds, signed, sized
from limbeck.statistics.chance import Chance
from limbeck.statistics.decisions import ABOVE, BELOW, LEAST, OPEN, claim, corrected, inside, side
from limbeck.statistics.estimates import GAIN, SHARE, crossing, estimate, geometric_mean, unlike
from limbeck.statistics.one_more import claim_beyond

SMALL = 0.01
"""A change of accuracy that does not matter."""
OVER = "gain over as many random real examples"
CLIPPED, STORED = "test accuracy lost by clipping", "test accuracy lost by storing it in 8 bits"
ON_ITEMS, ON_DATA = "300 steps of SGD on all of them at once", "in batches of 256"
"""The trainings that equivalents are of: that on real examples, which is that on the set, and that on all real data."""


class Curve(NamedTuple):
    """Accuracies of real training, seed by seed, over numbers of images or of steps."""

    at: Sequence[int]
    values: Sequence[Sequence[float]]
    """(seed, at)."""
    ends: tuple[float, float]
    """Between which numbers it was measured."""


class Worth(NamedTuple):
    """What a set is worth, and what is lost where it is stored in fewer bits; the last three intervals hold at once."""

    accuracy: Fact
    images: Fact
    """How many random real examples of every class teach as much."""
    steps: Fact
    """How many steps of training on all real data teach as much."""
    over: Fact
    """Its accuracy less that of as many random real examples: how far one more draw of them would lie."""
    clipped: Fact
    """What accuracy is lost where it is clipped to the range of real examples."""
    stored: Fact
    """What is lost where it is stored in 8 bits, over its own range."""


def worth(
    ours: Sequence[float],
    clipped: Sequence[float],
    stored: Sequence[float],
    as_many: Sequence[float],
    images: Curve,
    steps: Curve,
    level: float,
) -> Worth:
    """What accuracies come to, seed by seed: on the set as it is, clipped, in 8 bits, and on as many real examples."""
    each = corrected(3, level)
    return Worth(
        estimate(ACCURACY, ours, level, SHARE),
        equivalent(IMAGES, ours, images, level),
        equivalent(STEPS, ours, steps, level),
        unlike(OVER, ours, as_many, each),
        estimate(CLIPPED, [a - b for a, b in zip(ours, clipped, strict=True)], each, GAIN),
        estimate(STORED, [a - b for a, b in zip(ours, stored, strict=True)], each, GAIN),
    )


def equivalent(name: str, accuracies: Sequence[float], curve: Curve, level: float) -> Fact:
    """Where the curve of each seed first reaches its accuracy, as a geometric mean over seeds.

    A seed whose curve begins above it, or never reaches it, counts at the end of what was measured.
    """
    found = [crossing(wanted, curve.at, values) for wanted, values in zip(accuracies, curve.values, strict=False)]
    return geometric_mean(name, found, level, curve.ends)


def verdict(
    found: Worth,
    accuracies: Sequence[float],
    chance: Chance,
    level: float,
    per_class: int,
    images: tuple[float, float],
    steps: tuple[float, float],
) -> Verdict:
    """What the set is equivalent to, within what was measured (`images`, `steps`).

    It is for use where it is decided to be worth more than as many random real examples, and to be left where it is
    decided to be worth less. That clipping or storing it costs accuracy is said where that is decided; where it is
    shown to cost less than `SMALL`, that. Of learners of the set (`accuracies`) that are not above chance nothing is
    claimed.
    """
    kept = (each for each in (found.clipped, found.stored) if side(each) != OPEN or not inside(each, -SMALL, SMALL))
    claims = (claim_beyond(found.over), *map(claim, kept))
    equal = (
        f"quivalent to {_number(found.images, images)} random real examples per class ({ON_ITEMS}, as on the set), or "
        f"to {_number(found.steps, steps)} steps of training on all real examples ({ON_DATA})"
    )
    if len(accuracies) < LEAST:
        text = f"Inconclusive: {seeds(len(accuracies))} cannot decide it. By what there is, e{equal}."
        return Verdict(text, "unknown", claims)
    if not chance.exceeded(accuracies, level):
        unknown = at_chance("the set", found.accuracy.value, chance.share)
        return Verdict(f"{unknown}: it teaches nothing that shows.", "unknown")
    low, high = found.accuracy.low, found.accuracy.high
    spread = f"{per_cent(low)} to {per_cent(high)}, {seeds(found.accuracy.n)}"
    accuracy = f"test accuracy {percent(found.accuracy.value)} ({spread})"
    where = side(found.over)
    tone = {ABOVE: "use", BELOW: "avoid", OPEN: "note"}[where]
    stored = _stored(found.clipped, found.stored)
    text = f"E{equal}; {accuracy}. {_beside(found.over, per_class)}{stored and ' '}{stored}"
    return Verdict(text, tone, claims)


def _number(fact: Fact, ends: tuple[float, float]) -> str:
    """A number of images or steps with its interval, where there are draws enough for one."""
    between = spread(fact, ends) if fact.n >= LEAST else ""
    return reached(fact.value, ends) + (f" ({between})" if between else "")


def _beside(over: Fact, per_class: int) -> str:
    """Whether it is worth more than its own number of images."""
    own = f"{per_class} per class"
    where = side(over)
    if where == OPEN:
        return f"One more draw of {own} might do as well: the set is {signed(over)} from that, which is not decided."
    more, below = ("more", "below") if where == ABOVE else ("less", "above")
    return f"It is worth {more} than {own}: one more draw of as many real examples is {sized(over)} {below} it."


def _stored(clipped: Fact, stored: Fact) -> str:
    """What is said of clipping it and of storing it in 8 bits; nothing of what leaves it as it is."""
    said = []
    if side(clipped) == ABOVE:
        said.append(f"Do not clip it to the range of real examples: that costs {sized(clipped)}.")
    if side(stored) == ABOVE:
        said.append(f"Do not store it in 8 bits: 256 levels over its own range cost {sized(stored)}.")
    ways = (
        (clipped, "Clipped to the range of real examples"),
        (stored, "Stored in 8 bits, 256 levels over its own range"),
    )
    said += [f"{way}, it {_kept(lost)}." for lost, way in ways if side(lost) != ABOVE and lost.low < lost.high]
    return " ".join(said)


def _kept(lost: Fact) -> str:
    """What becomes of accuracy where it is not decided to be lost."""
    if side(lost) == BELOW:
        return f"gains {sized(lost)}"
    span = f"{100 * lost.low:z.1f} to {100 * lost.high:z.1f}"
    little = inside(lost, -SMALL, SMALL)
    return (
        f"loses less than {100 * SMALL:.0f} point ({span})" if little else f"loses nothing that shows ({span} points)"
    )
