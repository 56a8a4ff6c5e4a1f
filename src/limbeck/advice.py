"""The sentence that says what to train on, by scores: as long or as short as there is room for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from limbeck.core.score import items_of
from limbeck.core.text import per_class
from limbeck.core.units import apart, bare, measured, measured_range, size
from limbeck.leading import Gain, Lead, sides
from limbeck.statistics.decisions import ABOVE

INTERVALS, NUMBERS, CLAIMS = "intervals", "numbers", "claims"
"""How much a sentence says: numbers with intervals, numbers, or what is claimed alone."""
FEW = 3
"""Baselines that a sentence of claims alone names; of more than these, how many there are."""


def advice(lead: Lead, led: Sequence[Lead], detail: str) -> str:
    """What to train on, of as many examples and of as many bytes."""
    told, claimed = _of_items(lead, led, detail)
    return f"{claimed if detail == CLAIMS else told}{_in_bytes(lead, detail)}."


def _of_items(lead: Lead, led: Sequence[Lead], detail: str) -> tuple[str, str]:
    """What to train on of as many examples: with numbers, and without."""
    better, worse, alike = sides(lead.by_items)
    score, first = _score(lead.row, detail), _first(lead, led)
    if worse:
        most = least(worse)
        said = f"Train on real examples by {most.name}, not on {first.removesuffix(',')}"
        many = f"as many of them are {by(most, lead.unit, detail)} better"
        return f"{said}: {many}{_cut(lead, ', which says nothing against the method')}", f"{said}{_cut(lead)}"
    if better:
        more = f"{by(least(better), lead.unit, detail)}{' or more' if len(better) > 1 else ''}"
        above = f"its learners reach {score}, {more} above"
        if not alike:
            said = f"Use {lead.name} to train on {items_of(lead.row, 'example')}"
            return f"{said}: {above} as many real examples", f"{said}: it is better than as many real examples"
        those, others = _names(better, detail), _names(alike, detail)
        return (
            f"Use {lead.name} rather than as many real examples by {those}: {above} them; beside those by {others} "
            f"nothing is decided{_though(alike)}",
            f"Use {lead.name} rather than real examples by {those}; beside {others} nothing is decided",
        )
    if alike:
        it = "to be better to train on than as many real examples"
        told = f"No set is shown {it}: {first} reaches {score}, and {_names(alike, detail)} may do as well"
        alone = all(each.own == ABOVE for each in alike)
        claimed = f"{first} is {'' if alone else 'not '}shown {it}{' by its own verdict alone' * alone}"
        return f"{told}{_though(alike)}", claimed
    said = f"{first} comes first, and is held against no real examples of its number"
    return f"{said}: its learners reach {score}", said


def _in_bytes(lead: Lead, detail: str) -> str:
    """What its bytes are best used for, as a part of a sentence."""
    if not lead.by_bytes:
        return ""
    better, worse, alike = sides(lead.by_bytes)
    classes = lead.row.get("classes", 0)
    short = detail == CLAIMS and classes != 1
    kept = f"{lead.kept} real per class" if short else per_class(lead.kept, classes, "real example")
    held = f"in its {size(lead.row['bytes'])},"
    far = "" if detail == CLAIMS else by(least(worse or better or alike), lead.unit, detail)
    if worse:
        return f"; {held} keep {kept} instead{far and f', {far} better'}"
    if alike:
        return f"; {held} {kept} may do as well{'' if detail == CLAIMS else _though(alike)}"
    return f"; {held} {'it is ' if far else ''}better than {kept}, too{far and f', by {far}'}"


def _though(alike: Sequence[Gain]) -> str:
    """What the verdict on the set alone decides of what is open here, and why that is not sure; "" where nothing."""
    told = next((each for each in alike if each.by_itself), None)
    return f" (it is, beside {told.name}, {told.by_itself})" if told else ""


def _names(gains: Sequence[Gain], detail: str) -> str:
    """Baselines after one another, all of them but where claims stand alone."""
    names = [each.name for each in gains]
    if detail == CLAIMS and len(names) > FEW:
        return f"{len(names)} selections"
    return either(names)


def _first(lead: Lead, led: Sequence[Lead]) -> str:
    return f"{lead.name}, the best of {many_sets(lead, led)}," if lead.rivals else lead.name


def many_sets(lead: Lead, led: Sequence[Lead]) -> str:
    """How many sets it leads, and of which size where there are others."""
    return f"{len(lead.rivals) + 1} sets{of_size(lead, led)}"


def of_size(lead: Lead, led: Sequence[Lead]) -> str:
    """Of which size a set is, where there are others."""
    return f" of {items_of(lead.row)}" if differ(led, "per_class") else ""


def differ(led: Sequence[Lead], name: str) -> bool:
    """Whether leading sets differ in what their rows say under a name."""
    return len({lead.row[name] for lead in led}) > 1


def least(gains: Sequence[Gain]) -> Gain:
    """That by which it is worse by most, or better by least."""
    return min(gains, key=lambda each: each.fact.value)


def by(gain: Gain, unit: str, detail: str = INTERVALS) -> str:
    """By how much, where it is decided, whichever is better."""
    far, (low, high) = apart(abs(gain.fact.value), unit), sorted((abs(gain.fact.low), abs(gain.fact.high)))
    return f"{far} ({bare(low, unit, 3)} to {bare(high, unit, 3)})" if detail == INTERVALS else far


def either(words: Iterable[str]) -> str:
    """Words one after another, the last after "or"."""
    *some, last = words
    return f"{', '.join(some)} or {last}" if some else last


def _score(row: Mapping[str, Any], detail: str) -> str:
    """A score, with its interval where intervals are told."""
    told = detail == INTERVALS and len(row["values"]) > 1
    spread = f" ({measured_range(row['low'], row['high'], row['unit'])})" if told else ""
    return f"{measured(row['mean'], row['unit'])}{spread}"


def _cut(lead: Lead, why: str = "") -> str:
    """That a recipe was cut short, where that may be why."""
    return "" if lead.row["whole"] else f" (its recipe was cut short{why})"
