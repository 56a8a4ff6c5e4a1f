"""What is said of a set with real examples added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from limbeck.core.findings import Fact, Verdict
from limbeck.probes.verdicts.words import at_chance, listed, seeds, signed, sized
from limbeck.statistics.chance import Chance
from limbeck.statistics.decisions import ABOVE, BELOW, LEAST, OPEN, claim, corrected, side
from limbeck.statistics.estimates import GAIN, estimate
from limbeck.statistics.one_more import claim_beyond, one_more


class Compared(NamedTuple):
    """Differences of accuracy by how many real examples were added to each class; all intervals hold at once."""

    over_real: dict[int, Fact]
    """The set beside them, less as many real examples in its place: how far one more such draw would lie."""
    gains: dict[int, Fact]
    """The set beside them, less the set alone."""


def compared(
    alone: Sequence[float],
    mixed: Mapping[int, Sequence[float]],
    in_place: Mapping[int, Sequence[float]],
    level: float,
) -> Compared:
    """The differences that accuracies make, seed by seed: of the set alone, mixed, and with real examples in its place.

    `mixed` and `in_place` are by how many real examples were added to each class.
    """
    added, each = [r for r in mixed if r], corrected(2 * sum(map(bool, mixed)), level)
    over = {r: _apart(mixed[r], in_place[r]) for r in added}
    gains = {r: _apart(mixed[r], alone) for r in added}
    return Compared(
        {r: one_more(over_real(r), over[r], each) for r in added},
        {r: estimate(gain(r), gains[r], each, GAIN) for r in added},
    )


def over_real(r: int) -> str:
    """The name of what the set brings beside so many real examples."""
    return f"gain of the set beside {r} real"


def gain(r: int) -> str:
    """The name of what so many real examples add to the set."""
    return f"gain of {r} real"


def _apart(first: Sequence[float], second: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(first, second, strict=True)]


def verdict(alone: Sequence[float], found: Compared, chance: Chance, level: float) -> Verdict:
    """Keep the set where it beats as many real examples beside every number of them that was tried.

    Use real examples in its place where it is beaten beside some. `alone` are the accuracies of the set by itself:
    where they are not above chance, nothing is claimed.
    """
    if not found.over_real:
        return Verdict("Not known: no real examples were added.", "unknown")
    claims = (*map(claim_beyond, found.over_real.values()), *map(claim, found.gains.values()))
    if len(alone) < LEAST:
        most = max(found.over_real)
        return Verdict(
            f"Inconclusive: {seeds(len(alone))} cannot decide it. With {most} real examples per class beside it, the "
            f"set is {signed(found.over_real[most])} from as many real examples in its place.",
            "unknown",
            claims,
        )
    if not chance.exceeded(alone, level):
        mean = sum(alone) / len(alone)
        unknown = at_chance("the set alone", mean, chance.share)
        return Verdict(f"{unknown}, so there is nothing in it to mix.", "unknown")
    lead, tone = _lead(found.over_real)
    return Verdict(f"{lead} {_adding(found.gains)}", tone, claims)


def _lead(over: Mapping[int, Fact]) -> tuple[str, str]:
    """Whether to keep the set where real examples are added, and the tone."""
    added = sorted(over)
    better, worse, unclear = ([r for r in added if side(over[r]) == where] for where in (ABOVE, BELOW, OPEN))
    does = f"it does better than as many real examples in its place, by {_sizes(over, better)}" if better else ""
    if better == added:
        return f"Real examples can be added to the set: with {listed(added)} per class {does}.", "use"
    rest = f" With {listed(better)} {does}." if better else ""
    if worse:
        on = worse == [r for r in added if r >= worse[0]] and len(added) > 1
        where = f"from {worse[0]} real examples per class on" if on else f"with {listed(worse)} real examples per class"
        rest += f" With {_undecided(over, unclear)}." if unclear else ""
        does = f"as many in its place do better, by {_sizes(over, worse)}"
        return f"Use real examples instead of the set {where}: {does}.{rest}", "avoid"
    return f"Inconclusive: with {_undecided(over, unclear)}.{rest}", "unknown"


def _undecided(over: Mapping[int, Fact], which: Sequence[int]) -> str:
    changes = listed(signed(over[r]) for r in which)
    return (
        f"{listed(which)} real examples per class, the set is {changes} from one more draw of as many in its "
        "place, which is not decided"
    )


def _sizes(facts: Mapping[int, Fact], which: Sequence[int]) -> str:
    return listed(sized(facts[r]) for r in which)


def _adding(gains: Mapping[int, Fact]) -> str:
    """What real examples add to the set, or take from it."""
    said = []
    for where, word in ((BELOW, "lowers"), (ABOVE, "raises")):
        which = [r for r in sorted(gains) if side(gains[r]) == where]
        if which:
            said.append(f"adding {listed(which)} per class {word} it by {_sizes(gains, which)}")
    which = [r for r in sorted(gains) if side(gains[r]) == OPEN]
    if which:
        changes = listed(signed(gains[r]) for r in which)
        said.append(f"adding {listed(which)} changes it by {changes}, which is not decided")
    return f"Against its accuracy alone, {'; '.join(said)}."
