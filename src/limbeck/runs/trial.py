"""How fast the steps of a distillation are here, by a trial of a few, and how many of them fit into a given time."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import NamedTuple

import torch

from limbeck.core.errors import InputError
from limbeck.core.units import duration
from limbeck.distillation import Distillation
from limbeck.runs.allowance import check_minutes
from limbeck.runs.course import Course, course_of, paced
from limbeck.runs.graph import checking
from limbeck.runs.needs import step_seconds
from limbeck.runs.plan import Plan, distillation_of
from limbeck.runs.room import check_room
from limbeck.runs.session import Session
from limbeck.state import State

SLOW = 10.0
"""Seconds of a first step that says enough."""


class Trial(NamedTuple):
    """What a few steps of a distillation told, as eager code."""

    state: State
    """After the first, whose operations are counted."""
    first: float
    """Seconds to begin and to make the first step."""
    course: Course
    """What steps take after it."""


def tried(run: Distillation) -> Trial:
    """A few steps of a distillation from its beginning; nothing of them is kept."""
    run, begun = replace(run, compile=False), time.monotonic()
    state = run.begin()
    start = time.monotonic()
    state = run.step(state)
    first, pace = time.monotonic() - begun, time.monotonic() - start
    return Trial(state, first, course_of(run, state, paced(run, state, pace) if pace < SLOW else pace))


class Fit(NamedTuple):
    """How many steps of a plan are made in a given time."""

    steps: int
    pace: float
    """Seconds of each, in the mean of all that the plan has."""


def fitting(plan: Plan, session: Session, minutes: float, fresh: bool = False) -> Plan:
    """A plan of no more steps than fit into so many minutes on this machine, which a trial tells, and at least one.

    What was told is kept in the session's store, so that the same call is the same plan; `fresh` asks anew. Raises
    InputError for minutes that are not positive, and for fewer than a step is known to take.
    """
    check_minutes(minutes)
    steps = plan.recipe.steps
    if not steps:
        return plan
    address = {"steps in minutes": minutes, **plan.spec_on(session.device)}
    if fresh:
        session.store.place(address).unlink(missing_ok=True)

    def make() -> dict[str, torch.Tensor]:
        session.progress.phase(f"trying a few steps, to tell how many fit into {minutes:g} min")
        fit = _fit(plan, session, time.monotonic() + 60 * minutes)
        return {"steps": torch.tensor(fit.steps), "pace": torch.tensor(fit.pace, dtype=torch.float64)}

    kept = session.store.remember(address, make)
    fit = Fit(int(kept["steps"]), float(kept["pace"]))
    session.progress.notes(
        [
            f"{fit.steps:,} of {steps:,} steps, as many as fit into {minutes:g} min; all of them would take "
            f"{duration(fit.pace * steps)}; --steps {fit.steps} makes the same set anywhere"
        ]
    )
    return _of(plan, fit.steps)


def _of(plan: Plan, steps: int) -> Plan:
    return replace(plan, recipe=replace(plan.recipe, steps=steps))


def _fit(plan: Plan, session: Session, end: float) -> Fit:
    """How many steps there is time for until `end`, beside their checks and where that pays as compiled code."""
    if long := step_seconds(session, plan.task, plan.network, plan.recipe, plan.ipc, plan.within):
        left = end - time.monotonic()
        if long > left:
            raise InputError(
                f"a step takes about {duration(long)} here, expected one that fits into {duration(left)}; ask less of "
                "it (--objective has its options), or give more minutes"
            )
        return Fit(_within(left / long, plan.recipe.steps), long)
    run = distillation_of(plan, session)
    check_room(run, session)
    trial = tried(run)

    def at(course: Course) -> Fit:
        left = end - time.monotonic() - trial.first
        few = distillation_of(_of(plan, _within(course.fits(left), run.recipe.steps)), session)
        left -= checking(few, trial.state, session)
        pace = course.seconds(0, run.recipe.steps) / run.recipe.steps
        return Fit(_within(course.fits(left), run.recipe.steps), pace)

    fit = at(trial.course)
    if not distillation_of(_of(plan, fit.steps), session).compiled(trial.state):
        return fit
    compiled = replace(run, compile=True)
    # The first step compiles, which the run itself finds done.
    state = compiled.step(trial.state)
    return at(course_of(compiled, state, paced(compiled, state, trial.course.pace)))


def _within(steps: float, most: int) -> int:
    return max(1, min(most, int(steps)))
