"""What a recipe reads that is computed once, done before its steps as computations of the graph."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.computations.contract import ProbeContext
from limbeck.core.contracts import AbstractTask
from limbeck.runs.graph import Graph, Request
from limbeck.runs.session import Session


def complete_needs(session: Session, task: AbstractTask, network: str, recipe: Recipe) -> None:
    """Do what the recipe reads and is not in the store, told of and asked for as all long work."""
    missing = missing_needs(session, task, network, recipe)
    if missing:
        Graph(missing, task.reference).complete(session)


def missing_needs(session: Session, task: AbstractTask, network: str, recipe: Recipe) -> list[Request]:
    """What the recipe reads and is not in the store."""
    context = ProbeContext(session.problem(task, network))
    needs = dict.fromkeys(recipe.needs())
    return [Request(each, context) for each in needs if not context.known(each)]
