"""What is found across sets of several sizes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from limbeck.comparison import ACROSS, shared, short_names
from limbeck.core.findings import Finding, Row, Table

TOLD = 6
"""Numbers that a verdict across sizes tells of; the table has all."""


@dataclass(frozen=True)
class SizeRow(Row, table="facts", caption="95 % intervals over n measurements"):
    """A fact of a set, and how many items a class of that has."""

    probe: str
    fact: str
    set: str
    per_class: int
    value: float
    low: float
    high: float
    n: int


def side_by_side(findings: Sequence[Finding], sizes: Mapping[str, int]) -> Table:
    """Every fact that more than one set has, one row a set; `sizes` is how many items a class of each set has."""
    return SizeRow.table(
        SizeRow(probe, name, set_name, sizes[set_name], fact.value, fact.low, fact.high, fact.n)
        for (probe, name), by_set in shared(findings).items()
        for set_name, fact in by_set.items()
    )


def over_sizes(findings: Sequence[Finding], sizes: Mapping[str, int]) -> Finding | None:
    """What every fact comes to as a class has more items; nothing where all sets have as many.

    Yang et al. (ICML 2024), figure 16, for the curvature; here for whatever was asked.
    """
    of = series(sizes)
    said = [
        _from_least_to_most(findings, sizes, [each for each in sizes if of[each] == name], name)
        for name in dict.fromkeys(of.values())
    ]
    if not any(said):
        return None
    return Finding(
        probe=ACROSS,
        set=", ".join(sizes),
        question="What do more items per class bring?",
        verdict=" ".join(filter(None, said)),
        tone="note",
        tables=(side_by_side(findings, sizes),),
        method="the facts of every probe asked, set by set; each probe says how they were measured",
        caveats=("sets of other sizes may differ in how long and how they were distilled, too",),
    )


def series(sets: Iterable[str]) -> dict[str, str]:
    """Of what each set is one size: its short name but for "-ipcN"; "" for all where no name ends so.

    >>> series(["dm-ipc1.safetensors", "dm-ipc10.safetensors", "kmeans-ipc1.safetensors"]).values()
    dict_values(['dm', 'dm', 'kmeans'])
    >>> series(["a", "b"])
    {'a': '', 'b': ''}
    """
    names = short_names(sets, ".safetensors")
    of = {each: re.sub(r"-ipc\d+$", "", name) for each, name in names.items()}
    return of if of != names else dict.fromkeys(names, "")


def _from_least_to_most(findings: Sequence[Finding], sizes: Mapping[str, int], sets: Sequence[str], name: str) -> str:
    """What facts come to from the smallest to the largest of some sets; "" where all are of one size."""
    smallest, largest = (choose(sets, key=lambda each: sizes[each]) for choose in (min, max))
    if sizes[smallest] == sizes[largest]:
        return ""
    changes: dict[str, str] = {}
    for (_, fact), found in shared(findings).items():
        if smallest in found and largest in found:
            changes.setdefault(fact, f"{fact} {found[smallest].value:.3g} to {found[largest].value:.3g}")
    told = list(changes.values())[:TOLD] or ["no number was measured for both"]
    more = [f"{len(changes) - TOLD} more in the table"] if len(changes) > TOLD else []
    ends = f"from {sizes[smallest]} to {sizes[largest]} items per class"
    begun = f"Of {name}, {ends}" if name else f"{ends[0].upper()}{ends[1:]}"
    return f"{begun}: {'; '.join([*told, *more])}."
