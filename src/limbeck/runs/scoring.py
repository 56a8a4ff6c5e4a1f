"""Scores of sets beside their baselines: the trainings that they rest on, and the rows of what is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from limbeck.computations.contract import ProbeContext
from limbeck.core.contracts import AbstractProtocol, AbstractTask
from limbeck.core.errors import InputError
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import SPLIT, Entry, Score, entries
from limbeck.runs.graph import Graph, Request
from limbeck.runs.session import Session

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
    return {**first.data, "name": data or first.data["name"]}


def entries_of(
    session: Session,
    task: AbstractTask,
    sets: Sequence[NamedSet],
    networks: Sequence[str],
    protocol: AbstractProtocol,
    baselines: Sequence[str],
) -> list[Entry]:
    """Every set and baseline under every network, in that order of networks, then sets, then baselines."""
    found = []
    for network in networks:
        problem = session.problem(task, network)
        contexts = [(ProbeContext(problem, name, distilled, SPLIT), path, distilled) for name, path, distilled in sets]
        found += entries(contexts, protocol, baselines)
    return found


def score(
    session: Session, entered: Sequence[Entry], reference: dict[str, object], protocol: AbstractProtocol, repeats: int
) -> list[Score]:
    """The row of every entry over `repeats` learners; what was trained before is not trained again."""
    requests = [Request(each.training(seed), each.context, each.path) for each in entered for seed in range(repeats)]
    Graph(requests, reference).complete(session)
    return [each.score(protocol.name, [each.value(seed) for seed in range(repeats)]) for each in entered]


def known(session: Session, entered: Sequence[Entry], protocol: AbstractProtocol) -> list[Score]:
    """The rows as far as they are known: all learners 0, 1, ... up to the first that is not in the store.

    Nothing is trained; an entry without a learner has no row.
    """
    rows = []
    for each in entered:
        seeds = 0
        while session.store.holds(each.context.address(each.training(seeds))):
            seeds += 1
        if seeds:
            rows.append(each.score(protocol.name, [each.value(seed) for seed in range(seeds)]))
    return rows
