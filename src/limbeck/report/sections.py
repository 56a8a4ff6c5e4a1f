"""Which charts belong to which probe, and the sections of a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from limbeck.comparison import ACROSS, of_facts, shared
from limbeck.core import findings as found
from limbeck.core.findings import Fact, Finding, Row, Table, out_of_date
from limbeck.probes import PROBES
from limbeck.report.figures import episodes, equivalence, likeness, looks, meaning, reliance, shape, surface
from limbeck.report.figures.figure import Figure, SetFinding
from limbeck.report.numbers import PageTable, slug
from limbeck.sizes import SizeRow

FIGURES: dict[str, Callable[[Sequence[SetFinding]], list[Figure]]] = {
    "substitution": equivalence.substitution,
    "episodes": episodes.episodes,
    "reliance": reliance.reliance,
    "mixing": equivalence.mixing,
    "cross-architecture": equivalence.cross_architecture,
    "continuation": equivalence.continuation,
    "agreement": likeness.agreement,
    "learning-time": likeness.learning_time,
    "recognition": likeness.recognition,
    "mimicry": looks.mimicry,
    "curvature": shape.curvature,
    "landscape": shape.landscape,
    "influence": meaning.influence,
    "semantics": meaning.semantics,
    "surface": surface.surface,
    "budget": equivalence.budget,
}
"""A probe that is not here is shown by its tables."""

TONES = {tone: word.capitalize() for tone, word in found.TONES.items()}
"""What stands before a verdict."""


@dataclass(frozen=True)
class PageFigure:
    """A figure with its tables as the page shows them."""

    figure: Figure
    tables: tuple[PageTable, ...]


@dataclass(frozen=True)
class Section:
    """What one probe found, set by set."""

    probe: str
    findings: tuple[SetFinding, ...]
    figures: tuple[PageFigure, ...]
    others: tuple[PageTable, ...]
    """Tables that no figure shows, and the facts."""
    outdated: tuple[tuple[str, str], ...]
    """The sets whose finding another version of the probe made, so that figures may be missing, and what is wrong."""
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
        return self.findings[0].finding.question


def sections(findings: Sequence[Finding], order: Mapping[str, int], names: Mapping[str, str]) -> list[Section]:
    """A section for each probe, in the order of the findings; of a set that is not in the page's order, in grey."""
    by_probe: dict[str, list[SetFinding]] = {}
    for finding in findings:
        name = "all sets" if finding.probe == ACROSS else finding.set
        of_set = SetFinding(order.get(finding.set, -1), names.get(name, name), finding)
        by_probe.setdefault(finding.probe, []).append(of_set)
    owned = rows_by_probe()
    return [_section(probe, of_probe, owned.get(probe)) for probe, of_probe in by_probe.items()]


def rows_by_probe() -> dict[str, tuple[type[Row], ...]]:
    """The rows of the tables of every probe that is installed, and of what is found across sizes."""
    return {**{name: part.tables for name, part in PROBES.parts.items()}, "budget": (SizeRow,)}


def _section(probe: str, findings: list[SetFinding], owned: tuple[type[Row], ...] | None) -> Section:
    figures = FIGURES.get(probe, lambda _: [])(findings)
    shown: dict[tuple[str, int], PageTable] = {}

    def on_page(whose: str, table: Table) -> PageTable:
        name = slug(probe, table.name, whose)
        if (whose, id(table)) not in shown:
            taken = {each.key for each in shown.values()}
            key = name if name not in taken else f"{name}-{len(taken)}"
            shown[whose, id(table)] = PageTable(key, whose, table)
        return shown[whose, id(table)]

    drawn = tuple(PageFigure(figure, tuple(on_page(*each) for each in figure.tables)) for figure in figures)
    in_figures = set(shown)
    others = [(each.name, table) for each in findings for table in each.finding.tables]
    facts = [(each.name, of_facts(each.finding)) for each in findings if each.finding.facts]
    reasons = [(each.name, "" if owned is None else out_of_date(each.finding, owned)) for each in findings]
    return Section(
        probe,
        tuple(findings),
        drawn,
        tuple(on_page(whose, table) for whose, table in [*facts, *others] if (whose, id(table)) not in in_figures),
        tuple((name, why) for name, why in reasons if why),
        tuple(_grouped((each.finding.method, each.name) for each in findings if each.finding.method)),
        tuple(dict.fromkeys(caveat for each in findings for caveat in each.finding.caveats)),
    )


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each text once, with the names that share it; no names where all do."""
    by_text: dict[str, list[str]] = {}
    for text, name in pairs:
        by_text.setdefault(text, []).append(name)
    return [(text, "" if len(by_text) == 1 else ", ".join(names)) for text, names in by_text.items()]


def beside(findings: Sequence[Finding], sets: Sequence[str]) -> list[tuple[str, str, list[Fact | None]]]:
    """Every fact that more than one of the sets has: probe, name, and the fact of each set."""
    return [
        (probe, name, [by_set.get(each) for each in sets])
        for (probe, name), by_set in shared(findings).items()
        if len(set(by_set) & set(sets)) > 1
    ]
