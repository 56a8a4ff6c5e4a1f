"""The experts that recipes follow, trained side by side as computations of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from limbeck.computations.contract import ProbeContext
from limbeck.computations.experts import Experts
from limbeck.core.contracts import AbstractTask
from limbeck.runs.graph import Graph, Request
from limbeck.runs.session import Session


def complete_experts(
    session: Session, task: AbstractTask, network: str, asked: Sequence[Experts], phase: str = "experts"
) -> int:
    """Train the experts that are missing, each kept as soon as it is done, and say how many they were."""
    context = ProbeContext(session.problem(task, network))
    trainings = [training for experts in asked for training in experts.trainings(context.problem)]
    missing = [each for each in trainings if not session.store.holds(context.address(each))]
    if missing:
        session.progress.phase(phase)
        Graph([Request(each, context) for each in missing], task.reference).complete(session)
    return len(missing)


def files_of(session: Session, task: AbstractTask, network: str, experts: Experts) -> list[Path]:
    """The files of the experts."""
    context = ProbeContext(session.problem(task, network))
    return [session.store.place(context.address(each)) for each in experts.trainings(context.problem)]
