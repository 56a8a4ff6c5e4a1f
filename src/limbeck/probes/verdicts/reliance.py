"""What is said of how far the accuracy of a set rests on its labels and on augmentation."""

from __future__ import annotations

from typing import NamedTuple

from limbeck.core.findings import Fact, Verdict
from limbeck.core.units import percent
from limbeck.probes.verdicts.words import at_chance, signed, sized
from limbeck.statistics.chance import Chance
from limbeck.statistics.decisions import ABOVE, BELOW, claim, corrected, side
from limbeck.statistics.estimates import GAIN, SHARE, estimate, unlike
from limbeck.statistics.robust_scores import augmentation_robust, label_robust

IMAGES = "gain of its items under hard labels over as many random real examples"
LABELS = "what its own labels add to hard ones"
AUGMENTED = "gain over random real examples with augmentation, less that without"
RECOVERY = "accuracy of all real data less that of the set, under hard labels"
IMPROVEMENT = "improvement over random real examples in the same training"
LRS, ARS = "label-robust score", "augmentation-robust score"
TRIED = 3
"""The numbers that are tried."""


class Seen(NamedTuple):
    """Accuracies, seed by seed."""

    own: list[float]
    hard: list[float]
    augmented: list[float]
    """Of the set: under its own labels, under hard ones, and under its own with augmentation."""
    random: list[float]
    random_augmented: list[float]
    """Of as many random real examples, without augmentation and with it."""
    full: list[float]
    """Of all real data."""
    soft: bool
    """Whether the set's own labels are other than hard ones."""


class Decided(NamedTuple):
    """The numbers that decide, those that scores are made of, and the scores."""

    images: Fact
    labels: Fact
    augmented: Fact
    recovery: Fact
    improvement: Fact
    lrs: Fact
    ars: Fact


def decided(seen: Seen, level: float) -> Decided:
    """All of them, the intervals of the first three at once."""
    each = corrected(TRIED, level)
    rows = list(zip(seen.own, seen.hard, seen.augmented, seen.random, seen.random_augmented, seen.full, strict=True))
    gained = [(augmented - other) - (own - random) for own, _, augmented, random, other, _ in rows]
    return Decided(
        unlike(IMAGES, seen.hard, seen.random, each),
        estimate(LABELS, [own - hard for own, hard, *_ in rows], each, GAIN),
        estimate(AUGMENTED, gained, each),
        estimate(RECOVERY, [full - hard for _, hard, _, _, _, full in rows], level, GAIN),
        estimate(IMPROVEMENT, [own - random for own, _, _, random, *_ in rows], level, GAIN),
        estimate(LRS, [label_robust(full, hard, own, random) for own, hard, _, random, _, full in rows], level, SHARE),
        estimate(
            ARS,
            [augmentation_robust(augmented, other, own, random) for own, _, augmented, random, other, _ in rows],
            level,
            SHARE,
        ),
    )


def verdict(seen: Seen, chance: Chance, level: float) -> Verdict:
    """Whether a set's items teach by themselves, and what its labels and augmentation do for it.

    Claims that its items under hard labels come to another accuracy than as many random real examples (null: one more
    draw of those), that its own labels change what hard ones come to, and that augmentation changes its gain over
    random real examples (null: neither). Nothing is claimed of a set whose learners are not above chance.
    """
    found = decided(seen, level)
    own, hard, random = (sum(each) / len(each) for each in (seen.own, seen.hard, seen.random))
    if not chance.exceeded(seen.own, level):
        return Verdict(f"{at_chance('the set', own, chance.share)}. Train on it as it says itself.", "unknown")
    claims = claim(found.images), claim(found.augmented), *((claim(found.labels),) if seen.soft else ())
    images, labels = side(found.images), side(found.labels) if seen.soft else ""
    beside = decided(seen._replace(own=seen.random, hard=seen.random, augmented=seen.random_augmented), level)
    scores = (
        f" By DD-Ranking's formulas its label-robust score is {_score(found.lrs)}, {beside.lrs.value:.3f} of random "
        f"examples, and its augmentation-robust score {_score(found.ars)}, {beside.ars.value:.3f} of those."
    )
    under = f"under hard labels {percent(hard)} beside {percent(random)} of one more draw of random real examples"
    adds = f" {_labels(found.labels, labels)}" if seen.soft else ""
    rest = f"{adds} {_augmented(found.augmented)}{scores}"
    if images == ABOVE:
        return Verdict(f"Its items teach by themselves: {under}, {sized(found.images)} more.{rest}", "use", claims)
    if images == BELOW:
        return Verdict(
            f"Take random real examples under its labels instead: its own items teach less, {under}, "
            f"{sized(found.images)} less.{rest}",
            "avoid",
            claims,
        )
    tone = "note" if labels == ABOVE else "unknown"
    return Verdict(
        f"Whether its items teach more than random real ones is open: {under}, {signed(found.images)}.{rest}",
        tone,
        claims,
    )


def _labels(change: Fact, found: str) -> str:
    if found == ABOVE:
        return f"Its own labels add {sized(change)} to hard ones: keep them with it."
    if found == BELOW:
        return f"Use hard labels: its own take {sized(change)}."
    return f"Its own labels change that by {signed(change)}, which is not decided."


def _augmented(change: Fact) -> str:
    found = side(change)
    if found == BELOW:
        return f"Augmentation shrinks its gain over random examples by {sized(change)}."
    if found == ABOVE:
        return f"Augmentation widens its gain over random examples by {sized(change)}."
    return f"Augmentation changes its gain over random examples by {signed(change)}, which is not decided."


def _score(fact: Fact) -> str:
    return f"{fact.value:.3f} ({fact.low:.3f} to {fact.high:.3f})" if fact.n > 1 else f"{fact.value:.3f}"
