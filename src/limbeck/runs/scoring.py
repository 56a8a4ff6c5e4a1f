"""Scores of sets beside their baselines: the trainings that they rest on, and the rows of what is known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from limbeck.computations.contract import ProbeContext
from limbeck.core.contracts import AbstractProtocol, AbstractTask
from limbeck.core.errors import InputError
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import SPLIT, Again, Asked, Entry, Score, entries
from limbeck.runs.graph import Graph, Request
from limbeck.runs.session import Session
from limbeck.statistics.decisions import LEAST
from limbeck.tasks import renamed

NamedSet = tuple[str, Path, DistilledSet]
"""What a set is called, its file, and the set."""


def one_reference(sets: Sequence[NamedSet], data: str) -> dict[str, object]:
    """The reference of the data that all the sets are of, looked for under the name `data` where one is given.

    Raises InputError for sets of different data.
    """
    first = sets[0][2]
    for name, _, distilled in sets[1:]:
        if distilled.data["fingerprint"] != first.data["fingerprint"]:
            raise InputError(f"{name}: of other data than {sets[0][0]}; ask about sets of different data apart")
    return renamed(first.data, data)


def entries_of(
    session: Session,
    task: AbstractTask,
    sets: Sequence[NamedSet],
    networks: Sequence[str],
    protocol: AbstractProtocol,
    baselines: Sequence[str],
    again: Mapping[str, tuple[Again, ...]] | None = None,
) -> list[Entry]:
    """Every set and baseline under every network, in that order of networks, then sets, then baselines.

    `again` has the distillations of each set, by its name, where scores are over several.
    """
    for name, _, distilled in sets:
        distilled.check_fits(name, task)
    found: list[Entry] = []
    for network in networks:
        problem = session.problem(task, network)
        if protocol.learner(task, problem.network).name in {each.learner.name for each in found}:
            # A protocol that brings learners of its own has the same ones whatever network is asked for.
            continue
        contexts = [(ProbeContext(problem, name, distilled, SPLIT), path, distilled) for name, path, distilled in sets]
        found += entries(contexts, protocol, baselines, again)
    return found


def score(
    session: Session, entered: Sequence[Entry], reference: dict[str, object], protocol: AbstractProtocol, repeats: int
) -> list[Score]:
    """The row of every entry over `repeats` learners, of each distillation where a set has several.

    What was trained before is not trained again.
    """
    Graph(requests_of(entered, repeats), reference).complete(session)
    return [each.score(protocol.name, repeats) for each in entered]


def requests_of(entered: Sequence[Entry], repeats: int) -> list[Request]:
    """The trainings that the rows of the entries rest on."""
    return [Request(*asked) for each in entered for group in each.learners(repeats) for asked in group]


def known(session: Session, entered: Sequence[Entry], protocol: AbstractProtocol) -> list[Score]:
    """The rows as far as they are known: all learners 0, 1, ... up to the first that is not in the store.

    A set's row is over distillations where at least `LEAST` of them have learners, as many of each, else of the set
    alone. Where learners were added by looks, intervals hold at each. Nothing is trained; an entry without a learner
    has no row.
    """
    rows = []
    for each in entered:
        several = tuple(takewhile(lambda one: _learners(session, each, (one,)), each.again))  # noqa: B023
        again = several if len(several) >= LEAST else ()
        if repeats := _learners(session, each, again):
            rows.append(replace(each, again=again).score(protocol.name, repeats, planned(session, each)))
    return rows


def _learners(session: Session, entry: Entry, again: tuple[Again, ...]) -> int:
    """How many learners are known of each of several distillations, or of the set or baseline itself.

    Where all are alike there is one.
    """
    chosen, count = replace(entry, again=again), 0
    most = 1 if chosen.alike else math.inf
    while count < most and all(_holds(session, group[-1]) for group in chosen.learners(count + 1)):
        count += 1
    return count


def _holds(session: Session, asked: Asked) -> bool:
    return session.store.holds(asked.context.address(asked.training))


def plans(entry: Entry) -> dict[str, Any]:
    """Where it is kept how often the learners of an entry may have been looked at."""
    return {"looks": "of learners", "first": entry.context.address(entry.training(0))}


def planned(session: Session, entry: Entry) -> int:
    """How often the learners of an entry may have been looked at: once, unless something else is kept."""
    kept = session.store.recall(plans(entry))
    return 1 if kept is None else int(kept["looks"])
