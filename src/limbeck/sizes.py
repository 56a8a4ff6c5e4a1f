"""What is found across sets of several sizes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from limbeck.comparison import ACROSS, shared, short_names
from limbeck.core.findings import Finding, Row
from limbeck.distilled_set import DistilledSet
from limbeck.header import method_of

TOLD = 6
"""Numbers that a verdict across sizes tells of; the table has all."""


@dataclass(frozen=True)
class SizeRow(Row, table="facts", caption="95 % intervals over n measurements"):
    """A fact of a set, and how many items a class of that has."""

    probe: str
    fact: str
    series: str
    """Of what the set is one size."""
    set: str
    per_class: int
    value: float
    low: float
    high: float
    n: int


def over_sizes(findings: Sequence[Finding], sets: Mapping[str, DistilledSet]) -> Finding | None:
    """What every fact comes to as a class has more items; nothing where all sets of a method have as many.

    Sets that were made by other parts are not held against each other: they differ in more than their size. Yang et al.
    (ICML 2024), figure 16, for the curvature; here for whatever was asked.
    """
    sizes = {name: distilled.per_class for name, distilled in sets.items()}
    of = series({name: method_of(distilled.spec) for name, distilled in sets.items()})
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
        tables=(
            SizeRow.table(
                SizeRow(probe, name, of[each], each, sizes[each], fact.value, fact.low, fact.high, fact.n)
                for (probe, name), by_set in shared(findings).items()
                for each, fact in by_set.items()
            ),
        ),
        method="the facts of every probe asked, set by set; each probe says how they were measured",
        caveats=("sets of other sizes may differ in how long and how they were distilled, too",),
    )


def series(methods: Mapping[str, str]) -> dict[str, str]:
    """Of what each set is one size, by how each was made: its short name but for "-ipcN".

    Where no name ends so, the names of all that were made alike; "" where all were.

    >>> series(dict.fromkeys(["dm-ipc1.safetensors", "dm-ipc10.safetensors", "kmeans-ipc1.safetensors"], "")).values()
    dict_values(['dm', 'dm', 'kmeans'])
    >>> series({"a": "by dm", "b": "by dm", "c": "by mtt"})
    {'a': 'a, b', 'b': 'a, b', 'c': 'c'}
    >>> series({"a": "by dm", "b": "by dm"})
    {'a': '', 'b': ''}
    """
    names = short_names(methods, ".safetensors")
    of = {each: re.sub(r"-ipc\d+$", "", name) for each, name in names.items()}
    if of != names:
        return of
    if len(set(methods.values())) < 2:
        return dict.fromkeys(names, "")
    alike = {method: [names[each] for each in names if methods[each] == method] for method in methods.values()}
    return {each: ", ".join(alike[methods[each]]) for each in names}


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
