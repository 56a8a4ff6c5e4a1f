"""Probes asked of sets: the computations they need as one graph, and the findings they come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from limbeck.computations.contract import ProbeContext
from limbeck.core.family import part_name, to_spec
from limbeck.core.findings import Finding
from limbeck.probes.contract import AbstractProbe
from limbeck.runs.graph import Graph, Request
from limbeck.runs.session import Session

Asked = Sequence[tuple[ProbeContext, Path]]
"""The context of each set, and the file it is in."""


def ask(session: Session, sets: Asked, probes: Sequence[AbstractProbe], reference: dict[str, Any]) -> list[Finding]:
    """The finding of every probe on every set, probe by probe; each is kept in the store.

    What probes need is done in rounds: what some need is known once something else is done.
    """
    done: set[str] = set()
    while True:
        graph = Graph(list(_requests(sets, probes)), reference)
        asked = set(graph.nodes())
        if asked <= done:
            return list(_findings(session, sets, probes))
        graph.complete(session)
        done |= asked


def _requests(sets: Asked, probes: Sequence[AbstractProbe]) -> Iterator[Request]:
    """What the probes need of every set and of its controls, as far as that is known."""
    for context, path in sets:
        for probe in probes:
            for about in (context, *context.controls(probe.controls)):
                yield from (Request(each, about, path) for each in probe.computations(about))


def _findings(session: Session, sets: Asked, probes: Sequence[AbstractProbe]) -> Iterator[Finding]:
    pairs = [(probe, context) for probe in probes for context, _ in sets]
    for index, (probe, context) in enumerate(pairs):
        session.progress.update(index, len(pairs), f"findings: {part_name(type(probe))}")
        finding = probe.find(context)
        session.store.note(address_of(context, probe), finding.document())
        yield finding


def address_of(context: ProbeContext, probe: AbstractProbe) -> dict[str, Any]:
    """Where a finding is kept: all that determines it."""
    return {
        "probe": to_spec(probe),
        "set": context.distilled.digest,
        **context.problem.basis,
        "evaluation": [context.split, context.evaluation_size],
        "level": context.level,
    }
