"""The experts that recipes follow, trained side by side as computations of the graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from limbeck.computations.contract import ProbeContext
from limbeck.computations.experts import Experts
from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.imported.experts import read_experts, source_of
from limbeck.runs.graph import Graph, Request
from limbeck.runs.session import Session


def complete_experts(
    session: Session, task: AbstractTask, network: str, asked: Sequence[Experts], phase: str = "experts"
) -> int:
    """Train the experts that are missing, each kept as soon as it is done, and say how many they were."""
    missing = missing_experts(session, task, network, asked)
    if missing:
        session.progress.phase(phase)
        Graph(missing, task.reference).complete(session)
    return len(missing)


def missing_experts(session: Session, task: AbstractTask, network: str, asked: Sequence[Experts]) -> list[Request]:
    """The trainings of experts that are not in the store."""
    context = ProbeContext(session.problem(task, network))
    trainings = [training for experts in asked for training in experts.trainings(context.problem)]
    return [Request(each, context) for each in trainings if not context.known(each)]


def files_of(session: Session, task: AbstractTask, network: str, experts: Experts) -> list[Path]:
    """The files of the experts."""
    context = ProbeContext(session.problem(task, network))
    return [session.store.place(context.address(each)) for each in experts.trainings(context.problem)]


def import_experts(session: Session, task: AbstractTask, network: str, paths: Sequence[Path]) -> Experts:
    """Put the experts of replay buffers, in the order of the files, into the store, and say by what they are asked for.

    Raises InputError for files that are no buffers of this network, before anything of that file is kept.
    """
    context = ProbeContext(session.problem(task, network))
    like, source = context.problem.network.init(Key(("like",))), source_of(paths)
    count, epochs = 0, set()
    for path in paths:
        experts = list(read_experts(path, like))
        epochs |= {len(each["params"]) - 1 for each in experts}
        if len(epochs) > 1:
            raise InputError(f"{path}: experts of other epochs than the files before it; import them one by one")
        asked = Experts(epochs=max(epochs), imported=source)
        for expert in experts:
            session.store.remember(context.address(asked.training(context.problem, count)), _given(expert))
            count += 1
    return Experts(count=count, epochs=max(epochs), imported=source)


def _given(expert: Tree) -> Callable[[], Tree]:
    return lambda: expert
