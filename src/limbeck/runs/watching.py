"""How far a distillation is, and how long it takes, told while it goes on."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace

from limbeck.computations.contract import ProbeContext
from limbeck.core.units import duration
from limbeck.distillation import Distillation
from limbeck.learn.compiled import compiles
from limbeck.learn.population import operations
from limbeck.runs import allowance
from limbeck.runs.course import Course, course_of, turn_of
from limbeck.runs.graph import checking, network_pace
from limbeck.runs.pace import GAIN
from limbeck.runs.session import Session
from limbeck.state import State


class Watcher:
    """Tells how far a run is, and once its pace is known about how long it will take, which somebody may have to admit.

    The steps before are slower: the first is counted, and the second may be compiled.
    """

    SLOW, TRIAL = 2, 3.0
    """After how many steps the pace is measured, and for how many seconds."""

    def __init__(self, session: Session, run: Distillation, whole: Distillation | None = None) -> None:
        self.session, self.run, self.whole = session, run, whole
        self._calls = 0
        self._since: tuple[float, int, float] | None = None
        """When, after which step, and before which one that takes otherwise the pace is measured."""
        self._told = self._compiles = False

    def __call__(self, state: State) -> None:
        """The run has come to `state`."""
        step, steps = int(state.step), self.run.recipe.steps
        if not steps:
            return
        if not self._calls:
            self.session.progress.weigh("steps", None)
        self._measure(state)
        news = [f"loss {float(state.losses[step - 1]):.4g}"] if step else []
        news += ["compiling the next step"] * self._before_compiling(state)
        known = state.scores[~state.scores.isnan()]
        if len(known):
            news.append(f"validation {self.run.problem.task.metrics[0].text(float(known[-1]))}")
        self.session.progress.update(step, steps, "distilling", ", ".join(news), "steps")

    def _before_compiling(self, state: State) -> bool:
        """Whether steps are compiled from now on, which takes a minute or more first; long work is admitted before."""
        problem, step, run = self.run.problem, int(state.step), self.run
        compiling = not self._compiles and 0 < step < run.recipe.steps and run.compiled(state)
        if compiling and compiles(replace(problem, compiled=True)):
            self._compiles = True
            rate = GAIN * network_pace(ProbeContext(problem), self.session).rate
            if (seconds := float(state.work) * (run.recipe.steps - step) / rate) > allowance.LONG:
                self.session.allowance.admit(seconds, whole=True)
        return compiling and self._compiles

    def _measure(self, state: State) -> None:
        self._calls += 1
        if self._told or self._calls <= self.SLOW:
            return
        now, step = time.monotonic(), int(state.step)
        begun, before, turn = self._since = self._since or (now, step, turn_of(self.run, state))
        if step > turn:
            # Steps of two kinds have no pace.
            self._since = None
        elif step > before and now - begun >= self.TRIAL:
            self._told = True
            course = course_of(self.run, state, (now - begun) / (step - before))
            if self.whole is not None:
                self._tell_whole(self.whole, course.pace, state)
            work, steps = self._work(course, state), self.run.recipe.steps
            seconds = work(steps) - work(step)
            self.session.progress.estimate(seconds)
            self.session.progress.weigh("steps", work)
            self.session.allowance.admit(seconds)

    def _work(self, course: Course, state: State) -> Callable[[float], float]:
        """About how many seconds the first so many steps take, with the checks that are due after them."""
        due = self.run.due[len(self.run.due) - len(self.run.to_check(state)) :]
        each = checking(self.run, state, self.session) / max(1, len(due))
        return lambda done: course.seconds(0, done) + each * bisect_right(due, done)

    def _tell_whole(self, run: Distillation, pace: float, state: State) -> None:
        """How long the whole run would take, where this one takes `pace` seconds a step, and what ten minutes give."""
        ours = self.run.problem
        paces = [network_pace(ProbeContext(problem), self.session) for problem in (ours, run.problem)]
        # What a step takes beside its operations it takes for passes, of which there are as many.
        work = float(state.work)
        passes = max(0.0, pace - work / paces[0].rate) / paces[0].each if paces[0].each else 0.0
        step = paces[1].seconds(work * operations(run.problem) / operations(ours), passes)
        seconds = step * run.recipe.steps / (GAIN if run.compiled(state) else 1)
        few = f"--minutes 10 makes as many of {ours.network.name} as fit, about {max(1, round(600 / pace)):,}"
        steps = f"{run.recipe.steps:,} steps of {run.problem.network.name}"
        self.session.progress.notes([f"the whole recipe is {steps}, about {duration(seconds)} here; {few}"])
