"""Which charts belong to which probe, and the sections of a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from limbeck.comparison import shared
from limbeck.core.findings import Fact, Finding, Table
from limbeck.report.figures import likeness, meaning, shape, worth
from limbeck.report.figures.figure import Figure, Shown
from limbeck.report.numbers import Sheet, of_facts, slug

FIGURES: dict[str, Callable[[Sequence[Shown]], list[Figure]]] = {
    "substitution": worth.substitution,
    "mixing": worth.mixing,
    "cross-architecture": worth.cross_architecture,
    "continuation": worth.continuation,
    "agreement": likeness.agreement,
    "learning-time": likeness.learning_time,
    "recognition": likeness.recognition,
    "curvature": shape.curvature,
    "landscape": shape.landscape,
    "influence": meaning.influence,
    "semantics": meaning.semantics,
    "budget": worth.budget,
}
"""A probe that is not here is shown by its tables."""

TONES = {"use": "Use", "avoid": "Do not", "note": "Note", "unknown": "Not known"}
"""What stands before a verdict."""


@dataclass(frozen=True)
class Plate:
    """A figure with its tables as sheets."""

    figure: Figure
    sheets: tuple[Sheet, ...]


@dataclass(frozen=True)
class Section:
    """What one probe found, set by set."""

    probe: str
    found: tuple[Shown, ...]
    plates: tuple[Plate, ...]
    others: tuple[Sheet, ...]
    """Tables that no figure shows, and the facts."""
    methods: tuple[tuple[str, str], ...]
    """How it was measured, and for which sets where that differs."""
    caveats: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """Where it is on the page."""
        return f"probe-{slug(self.probe)}"

    @property
    def question(self) -> str:
        """What it answers."""
        return self.found[0].finding.question


def sections(findings: Sequence[Finding], places: Mapping[str, int], names: Mapping[str, str]) -> list[Section]:
    """A section for each probe, in the order of the findings; of a set the page has no place for, in grey."""
    by_probe: dict[str, list[Shown]] = {}
    for finding in findings:
        shown = Shown(places.get(finding.set, -1), names.get(finding.set, finding.set), finding)
        by_probe.setdefault(finding.probe, []).append(shown)
    return [_section(probe, found) for probe, found in by_probe.items()]


def _section(probe: str, found: list[Shown]) -> Section:
    figures = FIGURES.get(probe, lambda _: [])(found)
    sheets: dict[tuple[str, int], Sheet] = {}

    def sheet(whose: str, table: Table) -> Sheet:
        name = slug(probe, table.name, whose)
        if (whose, id(table)) not in sheets:
            taken = {each.key for each in sheets.values()}
            key = name if name not in taken else f"{name}-{len(taken)}"
            sheets[whose, id(table)] = Sheet(key, whose, table)
        return sheets[whose, id(table)]

    plates = tuple(Plate(figure, tuple(sheet(*each) for each in figure.tables)) for figure in figures)
    drawn = set(sheets)
    others = [(shown.name, table) for shown in found for table in shown.finding.tables]
    facts = [(shown.name, of_facts(shown.finding.facts)) for shown in found if shown.finding.facts]
    return Section(
        probe,
        tuple(found),
        plates,
        tuple(sheet(whose, table) for whose, table in [*facts, *others] if (whose, id(table)) not in drawn),
        tuple(_grouped((shown.finding.method, shown.name) for shown in found if shown.finding.method)),
        tuple(dict.fromkeys(caveat for shown in found for caveat in shown.finding.caveats)),
    )


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each text once, with the names that share it; no names where all do."""
    found: dict[str, list[str]] = {}
    for text, name in pairs:
        found.setdefault(text, []).append(name)
    return [(text, "" if len(found) == 1 else ", ".join(names)) for text, names in found.items()]


def beside(found: Sequence[Finding], sets: Sequence[str]) -> list[tuple[str, str, list[Fact | None]]]:
    """Every fact that more than one of the sets has: probe, name, and the fact of each set."""
    return [
        (probe, name, [by_set.get(each) for each in sets])
        for (probe, name), by_set in shared(found).items()
        if len(set(by_set) & set(sets)) > 1
    ]
