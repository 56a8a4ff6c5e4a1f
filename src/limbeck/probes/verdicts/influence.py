"""What is said of what single items stand for."""

from __future__ import annotations

from collections.abc import Mapping

from limbeck.core.findings import Claim, Fact, Verdict
from limbeck.core.units import percent
from limbeck.probes.tables.influence import DISTANCE, OTHERS, OWN, RELIABILITY, SEEDS, within_class
from limbeck.statistics.decisions import ABOVE, BELOW, LEAST, MOST, OPEN, claim, inside, side
from limbeck.statistics.effects import TOP10
from limbeck.statistics.repeatability import HALF, draws_for

SIMILAR = 0.5
"""The size of the mean correlation with distance, within the class, from which influence is hardly more than it."""
DECIDING = 2
"""Numbers whose intervals are simultaneous: that of what is an item's own, and that with distance."""
ALONE = (
    "Not known: the set has no class of two items or more. Leaving the only item of a class out takes the class "
    "away, so that what it helps is its class, whatever it shows: nothing can be told of single items."
)
SAME = "Not known: leaving an item out does the same to all test examples of its class, so that nothing can repeat."
DIVERGED = "Not known: training on the set diverges, and its losses are not finite."


def verdict(facts: Mapping[str, Fact], control: Mapping[str, Fact], seeds: int, examples: int) -> Verdict:
    """Whether items stand for something of their own, from the facts of the set and of a control, by name.

    They do where what is their own (`OWN`) is all above 0, and the mean over seeds holds more of it than of what is the
    seeds' (`RELIABILITY` all above a half). Both are decided by one interval, for the one grows with the other.
    """
    part = facts.get(OWN)
    tops = _tops(facts, control, examples)
    if part is None and seeds > 1:
        return Verdict(f"{SAME} {tops}".rstrip(), "unknown")
    if part is None:
        text = f"Inconclusive: whether an item's influence repeats takes {LEAST} seeds, and {_asked(seeds)}. {tops}"
        return Verdict(text.rstrip(), "unknown", (Claim(OWN, 0.0, OPEN, LEAST),))
    claims = _claims(part, facts[RELIABILITY])
    same, others = facts[within_class(SEEDS)], facts[OTHERS]
    numbers = (
        f"how much an item helps each test example of its class correlates by {same.value:.2f} with itself under "
        f"another seed, and by {others.value:.2f} with how much other items of the class help there"
    )
    sure = f"the mean over {seeds} seeds would correlate by {_told(facts[RELIABILITY])} with that over {seeds} others"
    tone = "note" if claims[1].side == ABOVE else "unknown"
    if claims[1].side == ABOVE:
        text = (
            f"Items stand for something of their own: {numbers}. An item's own part of it is {_told(part)} "
            f"(0: others do the same; 1: all its own), and {sure}.{_similarity(facts.get(within_class(DISTANCE)))}"
        )
    elif claims[0].side == ABOVE:
        text = (
            f"Inconclusive: a part of what an item helps is its own, {_told(part)}, but what that is is not known "
            f"yet: {sure}, and up to {HALF:g} it may as well come from the seeds."
        )
    else:
        text = (
            f"Inconclusive: {seeds} seeds do not tell whether items stand for anything of their own: {numbers}. An "
            f"item's own part of it is {_told(part)}: 0 where others do the same, 1 where it is all its own."
        )
    return Verdict(f"{text} {_beside(control.get(OWN))} {tops}".rstrip(), tone, claims)


def _claims(part: Fact, mean: Fact) -> tuple[Claim, Claim]:
    own = claim(part)
    if own.side == BELOW:
        # No item repeats less than others do but by chance.
        own = Claim(OWN, 0.0, OPEN, 0)
    reliable = own.side == ABOVE and side(mean, HALF) == ABOVE
    wanted = 0 if reliable else draws_for(part, LEAST, MOST)
    return own, Claim(RELIABILITY, HALF, ABOVE if reliable else OPEN, wanted)


def _beside(part: Fact | None) -> str:
    if part is None or part.n < 2:
        return "Of random real examples it was not measured."
    so = "So do random real examples" if side(part) == ABOVE else "Of random real examples it is not shown"
    return f"{so} (own part {_told(part)})."


def _similarity(distance: Fact | None) -> str:
    if distance is None:
        return ""
    numbers = f"(correlation with distance {_told(distance)})"
    if side(distance, -SIMILAR) == BELOW or side(distance, SIMILAR) == ABOVE:
        return f" It is little more than similarity {numbers}."
    if inside(distance, -SIMILAR, SIMILAR):
        return f" It is not similarity {numbers}."
    return f" Whether it is more than similarity is open {numbers}."


def _tops(facts: Mapping[str, Fact], control: Mapping[str, Fact], examples: int) -> str:
    if TOP10 not in facts:
        return ""
    real = f"{percent(control[TOP10].value, 0)} for random real examples; " if TOP10 in control else ""
    return (
        f"Of the 10 of {examples:,} test examples that each helps most, {percent(facts[TOP10].value, 0)} are of its "
        f"own class ({real}shown, not tested)."
    )


def _asked(seeds: int) -> str:
    return f"{'one was' if seeds == 1 else f'{seeds} were'} asked for"


def _told(fact: Fact) -> str:
    # One or two draws have no interval that is worth telling.
    return f"{fact.value:.2f} ({fact.low:.2f} to {fact.high:.2f})" if fact.n >= LEAST else f"{fact.value:.2f}"
