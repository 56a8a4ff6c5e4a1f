"""Probes asked of sets: the computations they need as one graph, and the findings they come to."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from limbeck.computations.contract import ProbeContext
from limbeck.core.family import part_name, to_spec
from limbeck.core.findings import Finding
from limbeck.probes.contract import AbstractProbe
from limbeck.runs.graph import Graph, Request
from limbeck.runs.session import Session
from limbeck.statistics.decisions import OPEN, spent

GROWTH = 4
"""How many times as many draws a look has as the one before, at most."""


class Question(NamedTuple):
    """A probe and the set that it is asked of, which lies in a file."""

    probe: AbstractProbe
    context: ProbeContext
    path: Path

    @property
    def address(self) -> dict[str, Any]:
        """Where its finding is kept: all that determines it."""
        return {
            "probe": to_spec(self.probe),
            "set": self.context.distilled.digest,
            **self.context.problem.basis,
            "evaluation": [self.context.split, self.context.evaluation_size],
            "level": self.context.level,
        }

    def requests(self) -> Iterator[Request]:
        """What it needs of the set and of its controls, as far as that is known."""
        for about in (self.context, *self.context.controls(self.probe.controls)):
            yield from (Request(each, about, self.path) for each in self.probe.computations(about))

    def again(self, finding: Finding) -> Question | None:
        """The same with as many draws as would decide what the finding leaves open; None where none would."""
        wanted = [each.draws for each in finding.claims if each.side == OPEN and each.draws > self.probe.repeats]
        return self.with_draws(min(max(wanted), GROWTH * self.probe.repeats)) if wanted else None

    def with_draws(self, draws: int) -> Question:
        """The same with so many draws."""
        return self._replace(probe=self.probe.with_draws(draws))


def ask(session: Session, questions: Sequence[Question], reference: dict[str, Any]) -> list[Finding]:
    """The finding of every question, each kept in the store.

    What probes need is done in rounds: what some need is known once something else is done.
    """
    done: set[str] = set()
    while True:
        graph = Graph([each for question in questions for each in question.requests()], reference)
        asked = set(graph.nodes)
        if asked <= done:
            return list(_findings(session, questions, reference))
        graph.complete(session)
        done |= asked


def ask_until_decided(
    session: Session, questions: Sequence[Question], reference: dict[str, Any], seconds: float
) -> list[Finding]:
    """The same, looked at again with more draws until everything is decided or about so many seconds are over.

    What is decided stays so. The k-th look decides at the level 0.05 / (k (k + 1)): however often it is looked at, a
    set without an effect is said to have one in 5 % of cases at most. A look is not begun that would take too long;
    where fewer draws than would decide everything fit, it has those.
    """
    deadline, look = time.monotonic() + seconds, 1
    asked = dict(enumerate(questions))
    findings: dict[int, Finding] = {}
    while asked:
        level = spent(look)
        asked = {place: each._replace(context=replace(each.context, level=level)) for place, each in asked.items()}
        for place, finding in zip(asked, ask(session, list(asked.values()), reference), strict=True):
            findings[place] = finding
        more = {place: each.again(findings[place]) for place, each in asked.items()}
        wanted = {place: each for place, each in more.items() if each is not None}
        asked = _fitting(session, asked, wanted, reference, deadline - time.monotonic())
        look += 1
        if asked:
            names = ", ".join(sorted({part_name(type(each.probe)) for each in asked.values()}))
            session.progress.phase(f"look {look}: {names}")
    return [findings[place] for place in range(len(questions))]


def _fitting(
    session: Session,
    before: dict[int, Question],
    wanted: dict[int, Question],
    reference: dict[str, Any],
    seconds: float,
) -> dict[int, Question]:
    """Those of the questions whose further draws fit in some seconds, with fewer draws where not all of them do."""
    while wanted:
        takes = {place: seconds_of(session, [each], reference) for place, each in wanted.items()}
        if sum(takes.values()) <= seconds:
            return wanted
        fewer = {}
        for place, each in wanted.items():
            had = before[place].probe.repeats
            draws = had + (each.probe.repeats - had) // 2
            if draws > had:
                fewer[place] = each.with_draws(draws)
        # Where not even one more draw of everything fits, the longest is left open.
        longest = max(takes, key=lambda place: takes[place])
        wanted = fewer or {place: each for place, each in wanted.items() if place != longest}
    return {}


def seconds_of(session: Session, questions: Sequence[Question], reference: dict[str, Any]) -> float:
    """About how long it would take to answer questions, beyond what is kept already."""
    return Graph([each for question in questions for each in question.requests()], reference).seconds(session)


def _findings(session: Session, questions: Sequence[Question], reference: dict[str, Any]) -> Iterator[Finding]:
    for index, question in enumerate(questions):
        session.progress.update(index, len(questions), f"answering {part_name(type(question.probe))}", unit="questions")
        finding = question.probe.find(question.context)
        session.store.note(question.address, finding.document())
        more = question.again(finding)
        yield finding if more is None else replace(finding, seconds=seconds_of(session, [more], reference))
