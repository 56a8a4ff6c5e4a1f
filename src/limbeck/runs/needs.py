"""What a recipe needs before its steps, computed once and kept; and what one of its steps takes, before it is made."""

from __future__ import annotations

from limbeck.composition import Recipe
from limbeck.computations.contract import ProbeContext
from limbeck.core.contracts import AbstractTask
from limbeck.runs.graph import Graph, Request, network_pace
from limbeck.runs.session import Session

MUCH = 2e12
"""Floating point operations that take longer, about half a minute, than workers take to start."""


def complete_needs(session: Session, task: AbstractTask, network: str, recipe: Recipe) -> None:
    """Do what the start picks by and is not in the store side by side, told of and asked for as all long work.

    What is little is left to the start itself.
    """
    needed = Graph(missing_needs(session, task, network, recipe), task.reference)
    if sum(node.flops for node in needed.missing(session)) > MUCH:
        needed.complete(session)


def missing_needs(session: Session, task: AbstractTask, network: str, recipe: Recipe) -> list[Request]:
    """What the start picks by and is not in the store."""
    context = ProbeContext(session.problem(task, network))
    needs = dict.fromkeys(recipe.start.needs(context.problem))
    return [Request(each, context) for each in needs if not context.known(each)]


def step_seconds(session: Session, task: AbstractTask, network: str, recipe: Recipe, per_class: int) -> float:
    """About how many seconds a step takes, where its objective says that it is long work; 0 where a trial may tell."""
    if recipe.objective is None or not recipe.steps:
        return 0.0
    problem = session.problem(task, network)
    flops = recipe.objective.flops(problem, per_class * len(task.classes))
    return network_pace(ProbeContext(problem), session).seconds(flops, 0) if flops > MUCH else 0.0
