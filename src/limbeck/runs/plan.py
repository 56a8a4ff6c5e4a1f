"""A distillation as a whole: what is decided on, carried out in a run of the store, and dressed as an artefact."""

from __future__ import annotations

import os
import platform
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from limbeck import distillation
from limbeck.composition import Recipe
from limbeck.computations.contract import ProbeContext
from limbeck.core.contracts import AbstractTask, NoCache, Problem
from limbeck.core.errors import DamagedError, InputError, unknown
from limbeck.core.expect import of_their_types
from limbeck.core.family import from_spec, part_name, to_spec
from limbeck.core.key import Key
from limbeck.core.memory import peak_memory
from limbeck.core.provenance import warn_of_change
from limbeck.core.schema import mismatch
from limbeck.core.units import duration
from limbeck.core.version import ALGORITHM, VERSION
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import Score
from limbeck.header import RUN
from limbeck.inside import account
from limbeck.judging import judged_by
from limbeck.learn.compiled import compiles
from limbeck.learn.population import operations
from limbeck.logs import LoggedRun
from limbeck.runs import allowance
from limbeck.runs.graph import checking, network_pace
from limbeck.runs.logged import logged, settings_of
from limbeck.runs.needs import complete_needs, step_seconds
from limbeck.runs.pace import GAIN
from limbeck.runs.room import admit_room
from limbeck.runs.session import Session
from limbeck.runs.store import Run
from limbeck.state import State, steps_in
from limbeck.tasks import reload, renamed

CPU = torch.device("cpu")
NO_SPEC, EXPECTED = "not the spec of a run", "expected the spec.json of a run's folder"


@dataclass(frozen=True)
class Plan:
    """A distillation that has been decided on: everything that determines its result."""

    task: AbstractTask
    recipe: Recipe
    network: str
    ipc: int
    seed: int = 0
    checks: int | None = None
    within: int | None = None
    """How many bytes the set may take, as it is stored; None: what `ipc` plain items of every class take."""

    def __post_init__(self) -> None:
        of_their_types(self)
        if self.ipc < 1:
            raise InputError(f"ipc {self.ipc}: expected at least one item per class")
        if self.within is not None and self.within < 1:
            raise InputError(f"bytes {self.within}: expected a number above 0")
        if self.recipe.steps < 0 or (self.checks or 0) < 0:
            raise InputError(f"steps {self.recipe.steps}, checks {self.checks}: expected no negative numbers")
        if self.recipe.steps and self.recipe.objective is None:
            raise InputError(
                f"{self.recipe.steps} steps of a recipe that only selects: leave --steps out, or name an objective"
            )

    def spec_on(self, device: torch.device) -> dict[str, Any]:
        """The plan as JSON, and what its numbers depend on besides; its digest is the run's address."""
        return {
            **Problem(self.task, self.task.network(self.network), device, NoCache()).basis,
            "data": self.task.reference,
            "recipe": to_spec(self.recipe),
            "ipc": self.ipc,
            "seed": self.seed,
            "checks": self.checks,
            **({} if self.within is None else {"within": self.within}),
        }

    @classmethod
    def of(cls, spec: dict[str, Any], data_root: str | Path | None = None, data: str = "") -> Plan:
        """The plan that a run's saved spec describes; InputError where the data are no longer the same.

        The data are looked for under the name `data` where one is given. Where the run was made is left aside. A
        warning says where algorithms or sources are no longer those of then.
        """
        _check_spec(spec)
        task = reload(renamed(spec["data"], data), None if data_root is None else Path(data_root))
        return cls.on(task, spec)

    @classmethod
    def on(cls, task: AbstractTask, spec: dict[str, Any]) -> Plan:
        """The plan that a run's saved spec describes, on its data; a warning as in `of`."""
        _check_spec(spec)
        try:
            rest = {name: spec[name] for name in ("network", "ipc", "seed", "checks")}
            plan = cls(task, from_spec(spec["recipe"]), **rest, within=spec.get("within"))
        except TypeError as error:
            raise InputError(f"{NO_SPEC} ({error}); {EXPECTED}") from error
        now = plan.spec_on(CPU)
        for name in spec:
            if name not in now:
                raise unknown("field of a run's spec", name, now)
        warn_of_change("the spec", spec.get("algorithm", ALGORITHM), ALGORITHM)
        for kind, source in spec.get("sources", {}).items():
            warn_of_change(f"the {kind}", source, now["sources"].get(kind, {}))
        return plan


def _check_spec(spec: dict[str, Any]) -> None:
    """InputError for what is not the spec of a run."""
    wrong = mismatch(spec, RUN, "spec")
    if wrong is not None:
        raise InputError(f"{NO_SPEC} ({wrong}); {EXPECTED}")


def run_plan(
    plan: Plan, session: Session, checkpoint_seconds: float = 30.0, whole: Plan | None = None
) -> tuple[DistilledSet, Run]:
    """The distilled set of `plan` and the run that keeps it; found, continued or begun in the session's store.

    Where the plan is a small part of a `whole`, how long that would take is told on the way.
    """
    spec, store = plan.spec_on(session.device), session.store
    run = store.at(spec)
    # Reading takes no lock: what is done changes no more.
    if (done := finished(run)) is not None:
        if session.log is not None:
            session.progress.notes(["the run was done before: nothing is logged"])
        return done, run
    with store.run(spec) as run:
        if (done := finished(run)) is None:
            if run.result.exists():
                warnings.warn(f"{run.result}: damaged; the run is made again", stacklevel=2)
            steps = distillation_of(plan, session)
            complete_needs(session, plan.task, plan.network, plan.recipe)
            _admit(session, plan, run)
            if run.read() is None:
                admit_room(steps, session)
            begun, watch, kept = time.time(), _Watcher(session, steps, whole), run.read()
            told = LoggedRun(run.id, named(plan), settings_of(spec), 0 if kept is None else steps_in(kept))
            with logged(session.log, told, plan.recipe.steps, lambda at: dress(plan, spec, steps.outcome(at))) as log:

                def seen(state: State) -> None:
                    log(state)
                    watch(state)

                outcome = distillation.distill(steps, run, seen, checkpoint_seconds)
            done = dress(plan, spec, outcome)
            run.finish(done.save, _record(outcome, session.device, time.time() - begun))
            done = DistilledSet.load(run.result)
        return done, run


def named(plan: Plan) -> str:
    """What a person calls a run."""
    objective = plan.recipe.objective
    method = part_name(type(plan.recipe.start if objective is None else objective))
    return f"{plan.task.name}-{method}-ipc{plan.ipc}-seed{plan.seed}".replace("/", "-")


def _admit(session: Session, plan: Plan, run: Run) -> None:
    """Say, and ask, how long the steps take that are left of a run, where one of them is long work."""
    each, kept = step_seconds(session, plan.task, plan.network, plan.recipe, plan.ipc, plan.within), run.read()
    if each:
        seconds = each * (plan.recipe.steps - (0 if kept is None else steps_in(kept)))
        session.allowance.admit(seconds, whole=True)
        session.progress.notes([f"a step takes about {duration(each)} here, and all that are left {duration(seconds)}"])


def distillation_of(plan: Plan, session: Session) -> distillation.Distillation:
    """The steps of a plan, as a session does them."""
    problem, key = session.problem(plan.task, plan.network), Key(("distill", plan.seed))
    return distillation.Distillation(problem, plan.recipe, plan.ipc, key, plan.checks, plan.within, session.compile)


def finished(run: Run) -> DistilledSet | None:
    """What a run came to; None where it has not ended, or where what it came to is damaged."""
    try:
        return DistilledSet.load(run.result) if run.result.exists() else None
    except DamagedError:
        return None


class _Watcher:
    """Tells how far a run is, and once its pace is known about how long it will take, which somebody may have to admit.

    The steps before are slower: the first is counted, and the second may be compiled.
    """

    SLOW, TRIAL = 2, 3.0
    """After how many steps the pace is measured, and for how many seconds."""

    def __init__(self, session: Session, run: distillation.Distillation, whole: Plan | None = None) -> None:
        self.session, self.run, self.whole = session, run, whole
        self._calls = 0
        self._since: tuple[float, int] | None = None
        self._told = self._compiles = False

    def __call__(self, state: State) -> None:
        """The run has come to `state`."""
        step, steps = int(state.step), self.run.recipe.steps
        if not steps:
            return
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
        begun, before = self._since = self._since or (now, step)
        if step > before and now - begun >= self.TRIAL:
            self._told = True
            pace = (now - begun) / (step - before)
            if self.whole is not None:
                self._tell_whole(self.whole, pace, state)
            seconds = pace * (self.run.recipe.steps - step)
            seconds += checking(self.run, state, self.session)
            self.session.progress.estimate(seconds)
            self.session.allowance.admit(seconds)

    def _tell_whole(self, whole: Plan, pace: float, state: State) -> None:
        """How long the whole plan would take, where this one takes `pace` seconds a step, and what ten minutes give."""
        run, ours = distillation_of(whole, self.session), self.run.problem
        paces = [network_pace(ProbeContext(problem), self.session) for problem in (ours, run.problem)]
        # What a step takes beside its operations it takes for passes, of which there are as many.
        work = float(state.work)
        passes = max(0.0, pace - work / paces[0].rate) / paces[0].each if paces[0].each else 0.0
        step = paces[1].seconds(work * operations(run.problem) / operations(ours), passes)
        seconds = step * whole.recipe.steps / (GAIN if run.compiled(state) else 1)
        few = f"--minutes 10 makes as many of {ours.network.name} as fit, about {max(1, round(600 / pace)):,}"
        steps = f"{whole.recipe.steps:,} steps of {run.problem.network.name}"
        self.session.progress.notes([f"the published run is {steps}, about {duration(seconds)} here; {few}"])


def dress(plan: Plan, spec: dict[str, Any], outcome: distillation.Distilled) -> DistilledSet:
    """What a run came to, as an artefact. Nothing in it depends on when or how fast it was made."""
    bare = DistilledSet(
        params=outcome.params,
        parameterization=plan.recipe.parameterization,
        schedule=outcome.schedule,
        codec=plan.task.codec,
        classes=plan.task.classes,
        data=spec["data"],
        spec=spec,
        version=VERSION,
        initialisation=outcome.initialisation,
    )
    if not outcome.checks:
        return bare
    step, value = outcome.checks[-1]
    metric = plan.task.metrics[0]
    check = Score(
        set="", network=spec["network"], split="validation", metric=metric.name, mean=value, low=value, high=value,
        n=1, protocol=judged_by(plan.recipe).name, bytes=bare.budget.bytes, unit=metric.unit,
        higher_is_better=metric.higher_is_better, per_class=bare.per_class, matched="", beside="",
        seeds=1, about="", whole=True, values=(value,), labels=bare.label_kind,
        float32=account(bare).floats,
    )  # fmt: skip
    return bare.scored({**check.row(), "step": step})


def _record(outcome: distillation.Distilled, device: torch.device, seconds: float) -> dict[str, Any]:
    """How a run came about: what the artefact must not hold, since it differs from run to run."""
    losses = outcome.losses
    return {
        "seconds_since_last_resume": round(seconds, 3),
        "hardware": {"machine": platform.machine(), "cores": os.cpu_count(), "device": str(device)},
        "versions": {"limbeck": VERSION, "torch": torch.__version__, "python": platform.python_version()},
        "threads": outcome.threads,
        "peak_memory_bytes": peak_memory(),
        "first_loss": float(losses[0]) if len(losses) else None,
        "last_loss": float(losses[-1]) if len(losses) else None,
        "checks": [{"step": step, "validation score": value} for step, value in outcome.checks],
    }
