"""What the parts of a recipe read: computed once and kept, as computations of the graph."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.computations.contract import ProbeContext
from limbeck.core.contracts import AbstractTask
from limbeck.runs.graph import Graph, Request
from limbeck.runs.session import Session

MUCH = 2e12
"""Floating point operations that take longer, about half a minute, than workers take to start."""


def complete_needs(session: Session, task: AbstractTask, network: str, recipe: Recipe) -> None:
    """Do what the parts read and is not in the store side by side, told of and asked for as all long work.

    What is little is left to the parts themselves.
    """
    needed = Graph(missing_needs(session, task, network, recipe), task.reference)
    if sum(node.flops for node in needed.missing(session)) > MUCH:
        needed.complete(session)


def missing_needs(session: Session, task: AbstractTask, network: str, recipe: Recipe) -> list[Request]:
    """What the start picks by, the objective measures by and the set is finished by, and is not in the store."""
    context = ProbeContext(session.problem(task, network))
    parts = (recipe.start, recipe.parameterization, recipe.objective)
    needs = dict.fromkeys(each for part in parts if part is not None for each in part.needs(context.problem))
    return [Request(each, context) for each in needs if not context.known(each)]
