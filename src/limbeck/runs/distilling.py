"""Distillations side by side: each is a job of whatever executor there is, and is kept in the store as any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from limbeck.computations.experts import followed
from limbeck.core.family import from_spec, to_spec
from limbeck.core.progress import Silent, unheard
from limbeck.distilled_set import DistilledSet
from limbeck.runs.executors import Job
from limbeck.runs.experts import complete_experts
from limbeck.runs.needs import complete_needs
from limbeck.runs.plan import Plan, finished, run_plan
from limbeck.runs.session import Session

PLAN = "plan"
"""The field by which a job is told from a chunk of computations."""


def distil_together(session: Session, plans: Mapping[str, Plan]) -> dict[str, DistilledSet]:
    """The set of each plan, by its name: found in the store, gone on with, or begun, by all workers at once.

    What plans read is computed first, such as experts that they follow. Raises what the executor raises: the InputError
    that a distillation met, and Deferred where the work is handed out.
    """
    left = {name: plan for name, plan in plans.items() if _done(session, plan) is None}
    for name, plan in left.items():
        complete_experts(session, plan.task, plan.network, followed(plan.recipe), f"experts for {name}")
        complete_needs(session, plan.task, plan.network, plan.recipe)
    # One plan may be there under two names.
    jobs = {session.store.at(plan.spec_on(session.device)).id: plan for plan in left.values()}
    if jobs:
        session.computed += len(jobs)
        _run(session, list(jobs.values()))
    found = {name: _done(session, plan) for name, plan in plans.items()}
    return {name: made for name, made in found.items() if made is not None}


def _run(session: Session, plans: list[Plan]) -> None:
    """Have the executor do plans, those of most steps first."""
    ordered = sorted(plans, key=lambda plan: -plan.recipe.steps)
    shares, total = [0.0] * len(ordered), sum(max(1, plan.recipe.steps) for plan in ordered)

    def told(index: int, share: float) -> None:
        shares[index] = max(shares[index], share)
        done = sum(share * max(1, plan.recipe.steps) for share, plan in zip(shares, ordered, strict=True))
        news = f"{sum(share >= 1 for share in shares)} of {len(ordered)} sets done"
        session.progress.update(done, total, "distilling", news, "steps")

    session.executor.run([_job(session, plan) for plan in ordered], told)


def _job(session: Session, plan: Plan) -> Job:
    return {
        "store": str(session.store.root.absolute()),
        "since": session.store.since,
        "device": str(session.device),
        "compiled": session.compile,
        "data": plan.task.reference,
        "data_root": None if session.data_root is None else str(session.data_root.absolute()),
        "log": None if session.log is None else to_spec(session.log),
        PLAN: plan.spec_on(session.device),
    }


def carry_out(plan: Plan, job: Job) -> None:
    """Do the distillation of a job, as far as it is not done."""
    since = job["since"]
    # Checks tell how far they are, too: of them nobody hears, or the run would seem to go back after each.
    with (
        unheard() as heard,
        Session(
            job["store"],
            device=job["device"],
            workers=1,
            compile=job["compiled"],
            data_root=job["data_root"],
            since=datetime.fromtimestamp(since) if since else None,
            progress=_Passed(heard),
            log=None if job["log"] is None else from_spec(job["log"]),
        ) as session,
    ):
        run_plan(plan, session)


class _Passed(Silent):
    """It passes on how far the steps are, and nothing else."""

    def __init__(self, heard: Callable[[float], None]) -> None:
        self._heard = heard

    def update(self, done: float, total: float, doing: str, news: str = "", unit: str = "") -> None:
        """Pass it on."""
        if total:
            self._heard(min(1.0, done / total))


def _done(session: Session, plan: Plan) -> DistilledSet | None:
    return finished(session.store.at(plan.spec_on(session.device)))
