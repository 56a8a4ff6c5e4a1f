"""What is said of a learner of real data that is trained further on a set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from limbeck.core.findings import Claim, Fact, Verdict
from limbeck.core.units import per_cent, percent
from limbeck.probes.tables.continuation import IMAGES, SET
from limbeck.probes.verdicts.words import at_chance, seeds, signed, sized
from limbeck.statistics.chance import Chance
from limbeck.statistics.decisions import ABOVE, BELOW, LEAST, OPEN, claim, corrected, inside, side
from limbeck.statistics.estimates import GAIN, estimate
from limbeck.statistics.one_more import claim_beyond, one_more

SMALL = 0.01
"""A change of accuracy that does not matter."""
BEYOND = f"change by {SET} less that by {IMAGES}"


class Changes(NamedTuple):
    """What further training changes of accuracy, each learner against itself; all intervals hold at once."""

    ours: Fact
    """By training on the set."""
    images: Fact
    """By training on as many random real examples, drawn anew for each learner."""
    beyond: Fact
    """The one less the other: how far one more draw of real examples would lie."""


def changed(before: Sequence[float], ours: Sequence[float], images: Sequence[float], level: float) -> Changes:
    """The changes of learners of these accuracies, before and after training on the set and on real examples."""
    by_set, by_images = (
        [after - begun for begun, after in zip(before, values, strict=True)] for values in (ours, images)
    )
    each = corrected(len(Changes._fields), level)
    apart = [a - b for a, b in zip(by_set, by_images, strict=True)]
    return Changes(
        estimate(f"change by {SET}", by_set, each, GAIN),
        estimate(f"change by {IMAGES}", by_images, each, GAIN),
        one_more(BEYOND, apart, each),
    )


def verdict(before: Sequence[float], found: Changes, chance: Chance, level: float, per_class: int) -> Verdict:
    """Do not train further on a set that costs accuracy; what as many real examples cost too is laid to their number.

    `before` are the accuracies of the learners of all real data: where they are not above chance, nothing is claimed
    of what becomes of them. A change that is shown to be less than `SMALL` either way is said to be so.
    """
    change, mean = found.ours, sum(before) / len(before)
    claims = _claims(found)
    levels = f"from {per_cent(mean)} to {percent(mean + change.value)}"
    if len(before) < LEAST:
        text = (
            f"Inconclusive: {seeds(len(before))} cannot decide it. Training on the set changes test accuracy by "
            f"{signed(change)} ({levels}), training on {_images(per_class)} by {signed(found.images)}."
        )
        return Verdict(text, "unknown", claims)
    if not chance.exceeded(before, level):
        return Verdict(f"{at_chance('all real data', mean, chance.share)}, so they have nothing to lose.", "unknown")
    begin, beside = "Training a finished learner on the set", _beside(found, per_class)
    if side(change) == BELOW:
        cost = f"{begin} costs {sized(change)} of test accuracy, {levels}."
        return Verdict(f"{cost} {_cost(found, per_class)}", "avoid", claims)
    if side(change) == ABOVE:
        return Verdict(f"{begin} raises its test accuracy by {sized(change)}, {levels}. {beside}", "use", claims)
    by = f"{begin} changes its test accuracy by"
    if inside(change, -SMALL, SMALL):
        decided = tuple(each for each in claims if each.side != OPEN)
        text = f"{by} less than {100 * SMALL:.0f} point: {signed(change)}, {levels}. {beside}"
        return Verdict(text, "note", decided)
    text = f"Inconclusive: t{by[1:]} {signed(change)}, {levels}, which is not decided. {beside}"
    return Verdict(text, "unknown", claims)


def _claims(found: Changes) -> tuple[Claim, ...]:
    """What is asked: of what real examples change by themselves, only where decided, or they may do as the set."""
    images, beyond = claim(found.images), claim_beyond(found.beyond)
    asked = images.side != OPEN or beyond.side == OPEN
    return (claim(found.ours), *([images] if asked else []), beyond)


def _images(per_class: int) -> str:
    return f"{per_class} random real example{'' if per_class == 1 else 's'} per class"


def _cost(found: Changes, per_class: int) -> str:
    """Whether it is the set, or training on so few images, that costs accuracy; and what to do."""
    images, change = _images(per_class), found.images
    where = side(found.beyond)
    if where == BELOW:
        higher = f"After {images} it is {sized(found.beyond)} higher."
        return f"{higher} Do not use the set as replay memory or for fine-tuning."
    if where == ABOVE:
        return (
            f"After {images} it is {sized(found.beyond)} lower still: do not train a finished learner on so few images "
            "alone, but if you must, on the set."
        )
    apart = f"whether the set costs more or less is not decided ({signed(found.beyond)})"
    if side(change) == BELOW:
        return (
            f"So do {images} ({sized(change)}): it is training on few images, not what they are. Do not train a "
            f"finished learner on so few alone, distilled or real; {apart}."
        )
    return f"Do not use it as replay memory or for fine-tuning. {images} change it by {signed(change)}; {apart}."


def _beside(found: Changes, per_class: int) -> str:
    """What as many real examples do, and whether the set does otherwise."""
    if side(found.beyond) == OPEN and side(found.ours) == side(found.images) == ABOVE:
        more = f"whether the set does more or less is not decided ({signed(found.beyond)})"
        return f"So do {_images(per_class)} ({sized(found.images)}): it is no merit of the set's; {more}."
    word = {ABOVE: "raise", BELOW: "lower"}.get(side(found.images), "")
    do = f"{word} it by {sized(found.images)}" if word else f"change it by {signed(found.images)}"
    how = side(found.beyond)
    if how == OPEN:
        return f"{_images(per_class)} {do}; whether the set does otherwise is not decided ({signed(found.beyond)})."
    higher = "higher" if how == ABOVE else "lower"
    return f"{_images(per_class)} {do}: after the set it is {sized(found.beyond)} {higher}."
