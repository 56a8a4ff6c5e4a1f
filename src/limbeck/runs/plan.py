"""A distillation as a whole: what is decided on, carried out in a run of the store, and dressed as an artefact."""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from limbeck import distillation
from limbeck.composition import Recipe
from limbeck.core.errors import InputError
from limbeck.core.family import from_spec, to_spec
from limbeck.core.key import Key
from limbeck.core.units import percent
from limbeck.core.version import VERSION
from limbeck.distilled_set import DistilledSet
from limbeck.evaluation import Score
from limbeck.learn.protocol import Protocol
from limbeck.runs.session import Session
from limbeck.runs.store import Run
from limbeck.tasks import ImageTask, reload


@dataclass(frozen=True)
class Plan:
    """A distillation that has been decided on: everything that determines its result."""

    task: ImageTask
    recipe: Recipe
    network: str
    ipc: int
    seed: int = 0
    checks: int = 4

    def __post_init__(self) -> None:
        if self.ipc < 1:
            raise InputError(f"ipc {self.ipc}: expected at least one item per class")
        if self.recipe.steps < 0 or self.checks < 1:
            raise InputError(f"steps {self.recipe.steps}, checks {self.checks}: expected steps >= 0 and checks >= 1")
        if self.recipe.steps and self.recipe.objective is None:
            raise InputError(
                f"{self.recipe.steps} steps of a recipe that only selects: leave --steps out, or name an objective"
            )

    @property
    def spec(self) -> dict[str, Any]:
        """The plan as JSON; its digest is the run's address."""
        return {
            "data": self.task.reference,
            "recipe": to_spec(self.recipe),
            "network": self.task.network(self.network).name,
            "ipc": self.ipc,
            "seed": self.seed,
            "checks": self.checks,
        }

    @classmethod
    def of(cls, spec: dict[str, Any], data_root: str | Path | None = None) -> Plan:
        """The plan that a run's saved spec describes; InputError where the data are no longer the same."""
        try:
            rest = {name: spec[name] for name in ("network", "ipc", "seed", "checks")}
            return cls(
                reload(spec["data"], None if data_root is None else Path(data_root)), from_spec(spec["recipe"]), **rest
            )
        except (KeyError, TypeError) as error:
            raise InputError(f"not the spec of a run ({error}); expected the spec.json of a run's folder") from error


def run_plan(plan: Plan, session: Session, checkpoint_seconds: float = 30.0) -> tuple[DistilledSet, Run]:
    """The distilled set of `plan` and the run that keeps it; found, continued or begun in the session's store."""
    spec, store = plan.spec, session.store
    run = store.at(spec)
    if run.result.exists():
        # Reading takes no lock: what is done changes no more.
        return DistilledSet.load(run.result), run
    with store.run(spec) as run:
        if not run.result.exists():
            problem = session.problem(plan.task, plan.network)
            key = Key(("distill", plan.seed))
            steps = distillation.Distillation(problem, plan.recipe, plan.ipc, key, plan.checks, session.compile)
            begun = time.time()
            outcome = distillation.distill(steps, run, _watcher(session), checkpoint_seconds)
            done = _dress(plan, spec, outcome)
            run.finish(done.save, _record(outcome, session.device, time.time() - begun))
        return DistilledSet.load(run.result), run


def _watcher(session: Session) -> distillation.Watcher:
    def watch(step: int, steps: int, loss: float | None, score: float | None) -> None:
        news = [] if loss is None else [f"loss {loss:.4g}"]
        news += [] if score is None else [f"validation {percent(score)}"]
        session.progress.update(step, steps, "distilling", ", ".join(news))

    return watch


def _dress(plan: Plan, spec: dict[str, Any], outcome: distillation.Distilled) -> DistilledSet:
    """What a run came to, as an artefact. Nothing in it depends on when or how fast it was made."""
    bare = DistilledSet(
        params=outcome.params,
        parameterization=plan.recipe.parameterization,
        schedule=outcome.schedule,
        normalisation=plan.task.normalisation,
        classes=plan.task.classes,
        data=spec["data"],
        spec=spec,
        version=VERSION,
    )
    step, value = outcome.checks[-1]
    check = Score(
        set="", network=spec["network"], split="validation", metric="accuracy", mean=value, low=value, high=value,
        n=1, protocol=Protocol().name, bytes=bare.budget.bytes,
    )  # fmt: skip
    return bare.scored({**check.row(), "step": step})


def peak_memory() -> int:
    """The most memory that this process has held so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _record(outcome: distillation.Distilled, device: torch.device, seconds: float) -> dict[str, Any]:
    """How a run came about: what the artefact must not hold, since it differs from run to run."""
    losses = outcome.losses
    return {
        "seconds_since_last_resume": round(seconds, 3),
        "hardware": {"machine": platform.machine(), "cores": os.cpu_count(), "device": str(device)},
        "versions": {"limbeck": VERSION, "torch": torch.__version__, "python": platform.python_version()},
        "threads": torch.get_num_threads(),
        "peak_memory_bytes": peak_memory(),
        "first_loss": float(losses[0]) if len(losses) else None,
        "last_loss": float(losses[-1]) if len(losses) else None,
        "checks": [{"step": step, "validation accuracy": value} for step, value in outcome.checks],
    }
