"""How long the steps of a distillation take, told by a few of them."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import torch

from limbeck.core.contracts import Later
from limbeck.distillation import Distillation
from limbeck.state import State

TRIAL, LATER = 2.0, 0.5
"""For how many seconds steps are tried, and such as come later, which a run does beside its own."""


class Course(NamedTuple):
    """What steps take: all alike, or from one on otherwise.

    >>> course = Course(2.0, turn=10, later=0.5)
    >>> course.seconds(0, 10), course.seconds(8, 12), course.fits(19.0), course.fits(21.0)
    (20.0, 5.0, 9, 12)
    """

    pace: float
    """Seconds of each before `turn`."""
    turn: float = math.inf
    """The first that takes otherwise."""
    later: float = 0.0
    """Seconds of each from there on."""

    def seconds(self, since: float, until: float) -> float:
        """What the steps take after so many until there are so many."""
        before = max(0.0, min(until, self.turn) - since)
        return before * self.pace + (max(0.0, until - since - before) * self.later if until > self.turn else 0.0)

    def fits(self, seconds: float) -> int:
        """How many steps, from the first on, are made in so many seconds."""
        before = self.seconds(0, min(self.turn, seconds / self.pace))
        return int(before / self.pace + (max(0.0, seconds - before) / self.later if self.later else 0.0))


def paced(run: Distillation, state: State, otherwise: float, trial: float | None = None) -> float:
    """Seconds of each of the steps of the kind that is next, by a trial of so many; `otherwise` where none is left."""
    trial = TRIAL if trial is None else trial
    begun, before, end = time.monotonic(), int(state.step), min(turn_of(run, state), run.recipe.steps)
    while int(state.step) < end and time.monotonic() - begun < trial:
        state = run.step(state)
    made = int(state.step) - before
    return (time.monotonic() - begun) / made if made else otherwise


def turn_of(run: Distillation, state: State) -> float:
    """The first step that takes otherwise than what is next; infinite where there is none."""
    later = _later(run, state)
    return math.inf if later is None else later.step


def course_of(run: Distillation, state: State, pace: float) -> Course:
    """The course of a run of which what is next takes `pace` seconds a step; steps that take otherwise are tried."""
    later = _later(run, state)
    if later is None:
        return Course(pace)
    then, begun = state._replace(step=torch.tensor(later.step), objective=later.state), time.monotonic()
    # The first of them warms up.
    then = run.step(then)
    return Course(pace, later.step, paced(run, then, time.monotonic() - begun, LATER))


def _later(run: Distillation, state: State) -> Later | None:
    """Where steps will take otherwise, if any are to."""
    assert run.recipe.objective is not None, "a recipe with steps has an objective"
    later = run.recipe.objective.later(state.objective)
    return later if later is not None and int(state.step) < later.step < run.recipe.steps else None
