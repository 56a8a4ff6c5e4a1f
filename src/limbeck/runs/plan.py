"""A distillation as a whole: what is decided on, carried out in a run of the store, and dressed as an artefact."""

from __future__ import annotations

import os
import platform
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from limbeck import distillation
from limbeck.composition import Recipe
from limbeck.core import ranks
from limbeck.core.contracts import AbstractTask, NoCache, Problem
from limbeck.core.errors import DamagedError, InputError, unknown
from limbeck.core.expect import of_their_types
from limbeck.core.family import from_spec, part_name, to_spec
from limbeck.core.key import Key
from limbeck.core.memory import peak_memory
from limbeck.core.placing import cpu
from limbeck.core.provenance import warn_of_change
from limbeck.core.schema import mismatch
from limbeck.core.units import duration
from limbeck.core.version import ALGORITHM, VERSION
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import Score
from limbeck.header import RUN
from limbeck.inside import account
from limbeck.judging import judged_by
from limbeck.logs import LoggedRun
from limbeck.runs.logged import logged, settings_of
from limbeck.runs.needs import complete_needs, step_seconds
from limbeck.runs.room import admit_room
from limbeck.runs.session import Session
from limbeck.runs.store import Run
from limbeck.runs.watching import Watcher
from limbeck.state import State, steps_in
from limbeck.tasks import reload, renamed

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
        now = plan.spec_on(cpu())
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
            begun, watch, kept = (
                time.time(),
                Watcher(session, steps, None if whole is None else distillation_of(whole, session)),
                run.read(),
            )
            told = LoggedRun(run.id, named(plan), settings_of(spec), 0 if kept is None else steps_in(kept))
            with logged(session.log, told, plan.recipe.steps, lambda at: dress(plan, spec, steps.outcome(at))) as log:

                def seen(state: State) -> None:
                    log(state)
                    watch(state)

                with ranks.together(run.id):
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
        float32=account(bare).floats, classes=len(bare.classes),
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
        "processes": ranks.processes(),
        "peak_memory_bytes": peak_memory(),
        "first_loss": float(losses[0]) if len(losses) else None,
        "last_loss": float(losses[-1]) if len(losses) else None,
        "checks": [{"step": step, "validation score": value} for step, value in outcome.checks],
    }
