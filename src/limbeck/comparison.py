"""Findings beside one another: what changes from set to set, and with how many items a class has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from limbeck.core.findings import Fact, Finding, Table, Value

COLUMNS = ("probe", "fact", "set", "per class", "value", "low", "high", "n")


def side_by_side(findings: Sequence[Finding], sizes: Mapping[str, int]) -> Table:
    """Every fact that more than one set has, one row a set; `sizes` is how many items a class of each set has."""
    rows: list[tuple[Value, ...]] = []
    for (probe, name), found in _shared(findings).items():
        for set_name, fact in found.items():
            rows.append((probe, name, set_name, sizes[set_name], fact.value, fact.low, fact.high, fact.n))
    return Table("facts", COLUMNS, tuple(rows), "95 % intervals over n measurements")


def over_sizes(findings: Sequence[Finding], sizes: Mapping[str, int]) -> Finding | None:
    """What every fact comes to as a class has more items; nothing where all sets have as many.

    Yang et al. (ICML 2024), figure 16, for the curvature; here for whatever was asked.
    """
    if len(set(sizes.values())) < 2:
        return None
    smallest, largest = (choose(sizes, key=lambda name: sizes[name]) for choose in (min, max))
    told: list[str] = []
    for (_, name), found in _shared(findings).items():
        if smallest in found and largest in found and not any(line.startswith(f"{name} ") for line in told):
            told.append(f"{name} {found[smallest].value:.3g} to {found[largest].value:.3g}")
    ends = f"from {sizes[smallest]} to {sizes[largest]} items per class"
    return Finding(
        probe="budget",
        set=", ".join(sizes),
        question="What do more items per class bring?",
        verdict=f"{ends}: {'; '.join(told) or 'no number was found for both'}",
        tone="note",
        tables=(side_by_side(findings, sizes),),
        method="the facts of every probe asked, set by set; each probe says how they were measured",
        caveats=("sets of other sizes may differ in how long and how they were distilled, too",),
    )


def _shared(findings: Sequence[Finding]) -> dict[tuple[str, str], dict[str, Fact]]:
    """{(probe, fact): {set: fact}} of the facts that more than one set has."""
    found: dict[tuple[str, str], dict[str, Fact]] = {}
    for finding in findings:
        for fact in finding.facts:
            found.setdefault((finding.probe, fact.name), {})[finding.set] = fact
    return {name: by_set for name, by_set in found.items() if len(by_set) > 1}
