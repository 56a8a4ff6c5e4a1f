"""Which method is taken where none is named: the one that measurements say is best for so many minutes here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from limbeck.composition import Recipe
from limbeck.computations.contract import ProbeContext
from limbeck.core import tree
from limbeck.core.contracts import AbstractTask, Problem
from limbeck.core.errors import InputError
from limbeck.core.units import duration, measured_range, percent
from limbeck.learn.population import operations
from limbeck.options import compose
from limbeck.parameterizations.budgets import items_within
from limbeck.recipes import recipe_for
from limbeck.recipes.measured import Measurement, measurements, ranked
from limbeck.runs.allowance import check_minutes
from limbeck.runs.graph import network_pace
from limbeck.runs.session import Session
from limbeck.statistics.decisions import ABOVE, corrected, side
from limbeck.statistics.estimates import difference

USUAL = "dm"
"""The method that is taken where neither one nor a time is given."""
MEASURED = "accuracy"
"""The metric that methods were measured by."""
SHOWN = 3
"""How many methods are named with what they came to."""


class Choice(NamedTuple):
    """A method that was chosen."""

    name: str
    recipe: Recipe
    why: str
    """In one line: what was measured, of what, and beside what."""


def choose(task: AbstractTask, network: str, ipc: int, minutes: float, session: Session, fresh: bool = False) -> Choice:
    """The method that came highest, of those that were measured on data like these in as much work as there is time.

    How much work the minutes hold is told by a measurement of this machine, of a second or two: how many examples a
    thread reads with the network. It is kept in the session's store, so that the same call takes the same method;
    `fresh` measures anew. Raises InputError for a task with another first metric than those measured, for fewer than
    one item per class, for minutes that are not positive, and where no method fits into them.
    """
    check_minutes(minutes)
    if ipc < 1:
        raise InputError(f"ipc {ipc}: expected at least one item per class")
    if (metric := task.metrics[0].name) != MEASURED:
        raise InputError(f"no recipe: methods were measured by {MEASURED}, and {task.name} has {metric}; name one")
    problem = session.problem(task, network)
    address = {"examples a second": network, **problem.basis, "data": task.reference}
    if fresh:
        session.store.place(address).unlink(missing_ok=True)

    def make() -> dict[str, torch.Tensor]:
        pace = network_pace(ProbeContext(problem), session)
        return {"passes": torch.tensor(pace.rate / operations(problem), dtype=torch.float64)}

    passes = float(session.store.remember(address, make)["passes"])
    found = [
        each
        for each in ranked(measurements(), tree.numel(task.shape), ipc, 60 * minutes * passes)
        if _fits(each, problem, ipc)
    ]
    if not found:
        raise InputError(
            f"no recipe: none that was measured fits into {minutes:g} min with {ipc} items of each class of "
            f"{task.name}; give it more --minutes, or name one"
        )
    best = found[0]
    recipe = compose(recipe_for(best.recipe, task.name, ipc, bool(task.reference.get("zca"))), best.options)
    return Choice(best.recipe, recipe, _why(found, task, ipc, minutes, passes))


def _fits(row: Measurement, problem: Problem, ipc: int) -> bool:
    """Whether a method can be had of a task at a size."""
    task = problem.task
    recipe = compose(recipe_for(row.recipe, task.name, ipc), row.options)
    try:
        recipe.start.check(problem)
        items_within(recipe.parameterization, task, ipc)
    except InputError:
        return False
    return bool(recipe.steps) or ipc <= min(map(len, task.groups("train")))


def _why(found: Sequence[Measurement], task: AbstractTask, ipc: int, minutes: float, passes: float) -> str:
    """What speaks for the first of some methods."""
    best, there = found[0], duration(60 * minutes * passes / found[0].passes)
    return (
        f"{best.method} is taken, as no recipe was named: of {len(found)} methods measured on {best.data} with "
        f"{best.ipc} item{'s' * (best.ipc != 1)} a class, in work that takes {there} there and {minutes:g} min here, "
        f"it came highest: {', '.join(map(_score, found[:SHOWN]))} on validation examples (one set each, "
        f"{len(best.validation)} learners){_beside(found)}; --recipe NAME takes another"
    )


def _beside(found: Sequence[Measurement]) -> str:
    """Which methods the first is not told apart from."""
    level = corrected(len(found) - 1)
    near = [
        each.method
        for each in found[1:]
        if side(difference("gain", found[0].validation, each.validation, level)) != ABOVE
    ]
    return f", not told apart from {', '.join(near)}" if near else ""


def _score(row: Measurement) -> str:
    mean, low, high = row.score
    return f"{row.method} {percent(mean)} ({measured_range(low, high, 'fraction')})"
