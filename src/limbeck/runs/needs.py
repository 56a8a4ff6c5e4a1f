"""What the parts of a recipe read, computed once and kept; and what a step takes, told before it is made."""

from __future__ import annotations

import time

from limbeck.composition import Recipe
from limbeck.computations.contract import AbstractComputation, ProbeContext
from limbeck.core import tree
from limbeck.core.contracts import AbstractTask, Problem
from limbeck.core.key import Key
from limbeck.runs.graph import Graph, Request
from limbeck.runs.session import Session

MUCH = 2e12
"""Floating point operations that take longer, about half a minute, than workers take to start."""
LONG_STEP, ENOUGH = 30.0, 2.0
"""Seconds of a step from which none is made before it is told of, and of a piece after which no other is done."""


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
    return [Request(each, context) for each in needs_of(recipe, context.problem) if not context.known(each)]


def needs_of(recipe: Recipe, problem: Problem) -> list[AbstractComputation]:
    """What the parts of a recipe read that is computed before, each once."""
    parts = (recipe.start, recipe.parameterization, recipe.objective)
    return list(dict.fromkeys(each for part in parts if part is not None for each in part.needs(problem)))


def step_seconds(
    session: Session, task: AbstractTask, network: str, recipe: Recipe, per_class: int, within: int | None = None
) -> float:
    """About how many seconds a step takes, told from a piece, where that is long work; 0 where one may be tried.

    The size of the set is as `Recipe.items` takes it.
    """
    if recipe.objective is None or not recipe.steps:
        return 0.0
    problem, classes = session.problem(task, network), len(task.classes)
    if recipe.objective.piece(problem, per_class * classes) is None:
        return 0.0
    piece = recipe.objective.piece(problem, recipe.items(problem, per_class, within, Key()) * classes)
    assert piece is not None, "a step in pieces is one at any size"
    taken = list[float]()
    # The first may be slower than all that follow.
    while len(taken) < 2 and sum(taken) < ENOUGH:
        begun = time.monotonic()
        tree.read(piece.do())
        taken.append(time.monotonic() - begun)
    seconds = piece.times * taken[-1]
    return seconds if seconds > LONG_STEP else 0.0
