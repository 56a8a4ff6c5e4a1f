"""What is said of the score of a set beside those of real examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from limbeck.core.findings import Claim, Fact
from limbeck.core.units import apart, bare
from limbeck.statistics.decisions import ABOVE, BELOW, LEAST, OPEN, claim, deciding, side


class Scored(NamedTuple):
    """What a verdict says of a set itself."""

    about: str
    """Which distillations it is of, and how much of its recipe: "this one set, seed 0"."""
    unit: str
    """Of the metric."""
    seeds: int
    """How many distillations the score is over."""
    whole: bool
    """False where its recipe was cut short."""
    alone: bool = False
    """Whether all its learners are one, since nothing is drawn."""


class Gain(NamedTuple):
    """How much better a set is to train on than a baseline: the difference of their means, with its interval."""

    baseline: str
    fact: Fact


class Beside(NamedTuple):
    """Baselines that match a set in one way."""

    gains: Sequence[Gain]
    size: str
    """How large they are, in words; "" where that need not be said."""


class Standing(NamedTuple):
    """A verdict on a score, and what would decide what it leaves open."""

    text: str
    tone: str
    claims: tuple[Claim, ...]
    deciding: str


def verdict_on(scored: Scored, by_items: Beside, by_bytes: Beside, full: Gain | None, full_about: str) -> Standing:
    """What a score comes to beside as many real examples, beside as many bytes of them, and beside all real data.

    The intervals of all gains are simultaneous. `full` is None where all real data were not trained on for long enough
    to be compared with, or not at all; `full_about` says how long. Worse than one baseline: avoid. Better than all:
    use. Better than some: note. A recipe that was cut short is not known by its set: worse is then unknown. Fewer than
    three draws decide nothing.
    """
    gains = [*by_items.gains, *by_bytes.gains]
    claims = tuple(claim(each.fact) for each in gains)
    sides = [side(each.fact) for each in gains]
    draws, what = _draws(scored, [each.fact for each in gains])
    about = f"{scored.about[0].upper()}{scored.about[1:]}" if scored.about else "This one set"
    subject = f"{about}{',' if ',' in about else ''} {'the set ' if scored.seeds > 1 else ''}is"
    size = f" ({by_items.size})" if by_items.size else ""
    again = "it is" if by_items.gains else f"{subject[0].lower()}{subject[1:]}"
    sentences = [
        _sentence(scored, by_items.gains, subject, f"as many real examples{size}"),
        _sentence(scored, by_bytes.gains, f"At equal bytes ({by_bytes.size}) {again}", "real examples"),
        _beside_all(scored.unit, full, full_about),
    ]
    text = " ".join(filter(None, sentences))
    still = deciding(claims, draws, what)
    claims += (claim(full.fact),) if full else ()
    if max(each.fact.n for each in gains) < LEAST:
        if scored.alone:
            again = f"--seeds {LEAST}, which distils it again, would decide it"
            return Standing("Inconclusive: its learners are all one, which decides nothing.", "unknown", claims, again)
        few = f"1 {what} decides nothing" if draws == 1 else f"{draws} {what}s decide nothing"
        return Standing(f"Inconclusive: {few}; it takes {LEAST}.", "unknown", claims, still)
    if BELOW in sides and not scored.whole:
        opening = "Inconclusive: it says nothing against the method, whose recipe was cut short"
        return Standing(f"{opening}. {text}", "unknown", claims, "all steps of its recipe would decide it")
    if BELOW in sides:
        return Standing(text, "avoid", claims, "")
    if set(sides) == {OPEN}:
        return Standing(f"Inconclusive: {text[0].lower()}{text[1:]}", "unknown", claims, still)
    return Standing(text, "use" if set(sides) == {ABOVE} else "note", claims, still)


def _draws(scored: Scored, facts: Sequence[Fact]) -> tuple[int, str]:
    """How many draws the gains rest on at least, those that are open where there are any, and what they are."""
    least = min(fact.n for fact in [each for each in facts if side(each) == OPEN] or facts)
    return least, "distillation" if 1 < scored.seeds == least else "learner"


def _sentence(scored: Scored, gains: Sequence[Gain], opening: str, images: str) -> str:
    """What is said beside baselines that match a set in one way; "" where there are none."""
    worse, better, alike = ([each for each in gains if side(each.fact) == where] for where in (BELOW, ABOVE, OPEN))
    parts = []
    if worse:
        by = f"{_by(worse, scored.unit)}{': use those instead' if scored.whole else ''}"
        parts.append(f"significantly worse to train on than {{}} by {_listed(worse)}, by {by}")
    if better:
        parts.append(f"significantly better to train on than {{}} by {_listed(better)}, by {_by(better, scored.unit)}")
    if alike:
        parts.append(f"not significantly different from {{}} by {_listed(alike)}")
    named = [part.format(images if place == 0 else "those") for place, part in enumerate(parts)]
    return f"{opening} {'; '.join(named)}." if parts else ""


def _by(gains: Sequence[Gain], unit: str) -> str:
    """By how much: the largest that it is worse by, or the smallest that it is better by, with its interval."""
    worst = min(gains, key=lambda each: each.fact.value).fact
    worse = worst.value < 0
    found = f"{apart(abs(worst.value), unit)} ({_range(worst, unit)})"
    if len(gains) < 2:
        return found
    return f"up to {found}" if worse else f"{found} or more"


def _beside_all(unit: str, full: Gain | None, about: str) -> str:
    """How far a set is from all real data."""
    if full is None:
        return f"How far it is from all real data is not known: {about} these had not levelled off." if about else ""
    fact, found = full.fact, side(full.fact)
    if found == OPEN:
        return "It is not significantly different from all real data." if fact.n >= LEAST else ""
    away = f"{apart(abs(fact.value), unit)} ({_range(fact, unit)})"
    return f"It is {away} {'below' if found == BELOW else 'above'} all real data."


def _range(fact: Fact, unit: str) -> str:
    """The interval of a difference that is decided, by how much it is."""
    low, high = sorted(map(abs, (fact.low, fact.high)))
    return f"{bare(low, unit, 3)} to {bare(high, unit, 3)}"


def _listed(gains: Sequence[Gain]) -> str:
    """The baselines as a list in words.

    >>> _listed([Gain(name, Fact.once("gain", 0.0)) for name in ("random", "herding", "kmeans")])
    'random, herding or kmeans'
    """
    names = [each.baseline for each in gains]
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
