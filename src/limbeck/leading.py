"""The set that comes first of those that were scored alike, and how much better it is than what it is held against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from limbeck.comparison import drawn_alike, gain_over, held_against, looks_of, merged
from limbeck.core.findings import Fact
from limbeck.statistics.decisions import ABOVE, BELOW, OPEN, corrected, needed, side
from limbeck.statistics.estimates import difference, unlike

DRAWN_ANEW = "random"
"""The selection of which every learner has real examples of its own."""
ALL_DATA = "all real data"


class Gain(NamedTuple):
    """How much better the leading set is to train on than something else."""

    name: str
    fact: Fact
    lasting: float = 0.0
    """The part of the variance that more learners do not take away: 1 where one more draw might be as good."""
    own: str = OPEN
    """On which side the verdict on the leading set alone has it, whose intervals hold over fewer comparisons."""

    @property
    def by_itself(self) -> str:
        """What the verdict on the set alone decides of it, in words, where that is open here, and why; else ""."""
        if side(self.fact) != OPEN or self.own == OPEN:
            return ""
        found = f"{'better' if self.own == ABOVE else 'worse'} by its own verdict"
        if self.lasting:
            return f"{found}, which is on the mean of draws and not on one more"
        return f"{found}, which has fewer comparisons to hold over at once"

    @property
    def missing(self) -> int:
        """About how many more draws would decide it; 0 where none would."""
        return max(needed(self.fact, lasting=self.lasting) - self.fact.n, 0)


class Lead(NamedTuple):
    """The set that comes first of those that were scored alike, and what it is held against."""

    name: str
    row: Mapping[str, Any]
    rivals: tuple[Gain, ...]
    by_items: tuple[Gain, ...]
    by_bytes: tuple[Gain, ...]
    kept: int
    """How many real examples of a class fit in its bytes."""
    whole: Gain | None

    @property
    def unit(self) -> str:
        """Of the score."""
        return str(self.row["unit"])


def leads(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[Lead]:
    """The leading set of each network, protocol, metric and size."""
    alike: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in (each for each in rows if each["set"] in names):
        alike.setdefault(_group(row), []).append(row)
    others = [each for each in rows if each["set"] not in names]
    return [_lead(group, others, names) for group in alike.values()]


def _group(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What sets have in common that one of them leads."""
    return tuple(row[name] for name in ("network", "protocol", "split", "metric", "per_class"))


def _lead(group: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> Lead:
    """The set that comes first of a group, and its gains, by intervals that hold for whichever came first."""
    sign = 1 if group[0]["higher_is_better"] else -1
    row = max(group, key=lambda each: sign * each["mean"])
    held = [held_against(each, others) for each in group]
    tests = sum(len(each.items) + len(each.bytes) + len(each.whole) for each in held)
    level = corrected((tests + len(group) * (len(group) - 1) // 2) * looks_of([*group, *others]))
    items, in_bytes, whole, own_level = held[group.index(row)]

    def gain(other: Mapping[str, Any], name: str = "", drawn: bool = False) -> Gain:
        found = _gain(row, {**other, "set": name or other["set"]}, level, drawn)
        return found._replace(own=side(_gain(row, other, own_level).fact))

    def gains(matched: Sequence[Mapping[str, Any]]) -> tuple[Gain, ...]:
        drawn = all(each["set"].partition(":")[0] == DRAWN_ANEW for each in matched)
        return tuple(gain(each, drawn=drawn) for each in matched)

    return Lead(
        names[row["set"]],
        row,
        tuple(_gain(row, {**each, "set": names[each["set"]]}, level) for each in group if each is not row),
        gains(items),
        gains(in_bytes),
        in_bytes[0]["per_class"] if in_bytes else 0,
        next((gain(each, ALL_DATA) for each in whole), None),
    )


def _gain(row: Mapping[str, Any], other: Mapping[str, Any], level: float, drawn: bool = False) -> Gain:
    """How much better a set is than another row: than its mean, or, where it is `drawn`, than one more draw of it.

    One set is not told from a lucky draw where draws are all that it is held against. Beside selections that look at
    the data the mean of draws counts, since a lucky draw would have to be better than those, too.
    """
    anew = drawn and row["seeds"] <= 1
    fact = (unlike if anew else difference)(other["set"], *drawn_alike(row, other), level)
    if not row["higher_is_better"]:
        fact = Fact(fact.name, -fact.value, -fact.high, -fact.low, fact.n)
    return Gain(other["set"].replace(":bytes", ""), fact, float(anew))


def sides(gains: Iterable[Gain]) -> tuple[list[Gain], list[Gain], list[Gain]]:
    """Those that the leading set is better than, worse than, and not told from."""
    listed = list(gains)
    better, worse, alike = ([each for each in listed if side(each.fact) == where] for where in (ABOVE, BELOW, OPEN))
    return better, worse, alike


def still_open(rows: Sequence[Mapping[str, Any]], sets: Sequence[str]) -> list[bool]:
    """Of each row, whether it is in a comparison that more learners may decide.

    Compared are each of `sets` with its baselines and all real data, as in `against_baselines`, and the leading set
    with the others. Where all learners of either are one, there are no more.
    """
    together = merged(rows)
    others = [each for each in together if each["set"] not in sets]
    pairs = [pair for row in together if row["set"] in sets for pair in _open_beside(row, others)]
    for lead in leads(together, {name: name for name in sets}):
        names = {each.name for each in sides(lead.rivals)[2]}
        alike = (each for each in together if each["set"] in names)
        pairs += [(lead.row, each) for each in alike if _group(each) == _group(lead.row)]
    still = [each for pair in pairs if min(len(each["values"]) for each in pair) > 1 for each in pair]
    return [any(row["set"] in each["set"] and {**each, "set": row["set"]} == row for each in still) for row in rows]


def _open_beside(
    row: Mapping[str, Any], others: Sequence[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """A set's row with each of a baseline that it is not told from."""
    items, in_bytes, whole, level = held_against(row, others)
    held = [*items, *in_bytes, *whole]
    return [(row, each) for each in held if side(gain_over(row, each, level).fact) == OPEN]
