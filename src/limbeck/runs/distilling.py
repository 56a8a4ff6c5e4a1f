"""Distillations side by side: each is a job of whatever executor there is, and is kept in the store as any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from limbeck.computations.experts import followed
from limbeck.core.family import from_spec, spec_id, to_spec
from limbeck.core.progress import Silent, unheard
from limbeck.distilled_set import DistilledSet
from limbeck.runs.executors import Job, Local
from limbeck.runs.experts import complete_experts
from limbeck.runs.needs import complete_needs
from limbeck.runs.plan import Plan, distillation_of, finished, run_plan
from limbeck.runs.room import FAR, LESS, Told, may_be_much, room_on, run_bytes, within_room, workers_for
from limbeck.runs.session import Session
from limbeck.runs.store import KEEPS, RUNS

PLAN = "plan"
"""The field by which a job is told from a chunk of computations."""


def distil_together(session: Session, plans: Mapping[str, Plan], phase: str) -> dict[str, DistilledSet]:
    """The set of each plan, by its name: found in the store, gone on with, or begun, by all workers at once.

    What plans read is computed first, such as experts that they follow; then the session's progress is told of the
    `phase`. A plan of no steps is carried out here, and so is one that is left alone, which may then take all cores.
    Raises what the executor raises: the InputError that a distillation met, and Deferred where the work is handed out.
    """
    left = {name: plan for name, plan in plans.items() if _done(session, plan) is None}
    for name, plan in left.items():
        complete_experts(session, plan.task, plan.network, followed(plan.recipe), f"experts for {name}")
        complete_needs(session, plan.task, plan.network, plan.recipe)
    # One plan may be there under two names.
    jobs = list({session.store.at(plan.spec_on(session.device)).id: plan for plan in left.values()}.values())
    session.computed += len(jobs)
    session.progress.phase(phase)
    here, beside = parted(jobs, session)
    for plan in here:
        run_plan(plan, session)
    if beside:
        _run(session, beside)
    found = {name: _done(session, plan) for name, plan in plans.items()}
    return {name: made for name, made in found.items() if made is not None}


def distil_seeds(session: Session, seeded: Mapping[str, Sequence[Plan]], phase: str) -> dict[str, list[DistilledSet]]:
    """`distil_together` for plans that differ in their seeds alone, by a name: the set of each, in their order."""
    every = {f"{name}, seed {plan.seed}": plan for name, plans in seeded.items() for plan in plans}
    made = distil_together(session, every, phase)
    return {name: [made[f"{name}, seed {plan.seed}"] for plan in plans] for name, plans in seeded.items()}


def parted(plans: list[Plan], session: Session) -> tuple[list[Plan], list[Plan]]:
    """The plans that this process carries out, and those that the executor does, side by side."""
    if not isinstance(session.executor, Local):
        return [], plans
    beside = [plan for plan in plans if plan.recipe.steps]
    if len(beside) < 2 or session.workers < 2:
        return plans, []
    return [plan for plan in plans if not plan.recipe.steps], beside


def _run(session: Session, plans: list[Plan]) -> None:
    """Have the executor do plans, those of most steps first."""
    ordered = sorted(plans, key=lambda plan: -plan.recipe.steps)
    shares, total = [0.0] * len(ordered), sum(max(1, plan.recipe.steps) for plan in ordered)

    def told(index: int, share: float) -> None:
        shares[index] = max(shares[index], share)
        done = sum(share * max(1, plan.recipe.steps) for share, plan in zip(shares, ordered, strict=True))
        news = f"{sum(share >= 1 for share in shares)} of {len(ordered)} sets done"
        session.progress.update(done, total, "distilling", news, "steps")

    with within_room(session, _room(session, ordered)):
        session.executor.run([_job(session, plan) for plan in ordered], told)


def _room(session: Session, plans: list[Plan]) -> Told:
    """How many plans may be done side by side; plans that differ in their seed alone take the same."""
    needs: dict[str, float] = {}
    alike = [spec_id({**plan.spec_on(session.device), "seed": 0}) for plan in plans]
    for name, plan in zip(alike, plans, strict=True):
        if name not in needs:
            run, room = distillation_of(plan, session), room_on(session.device)
            needs[name] = run_bytes(run, FAR * room) if may_be_much(run, room / session.workers) else 0.0
    return workers_for(session, [needs[name] for name in alike], "a step", LESS)


def _job(session: Session, plan: Plan) -> Job:
    return {
        "store": str(session.store.root.absolute()),
        "since": session.store.since,
        "device": str(session.device),
        "compiled": session.compile,
        "data": plan.task.reference,
        "data_root": None if session.data_root is None else str(session.data_root.absolute()),
        "log": None if session.log is None else to_spec(session.log),
        KEEPS: [[RUNS, session.store.at(plan.spec_on(session.device)).id]],
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
        self._work: Callable[[float], float] = float

    def weigh(self, unit: str, work: Callable[[float], float] | None) -> None:
        """Count the share by it."""
        self._work = work or float

    def update(self, done: float, total: float, doing: str, news: str = "", unit: str = "") -> None:
        """Pass it on."""
        if total:
            self._heard(min(1.0, self._work(done) / self._work(total)))


def _done(session: Session, plan: Plan) -> DistilledSet | None:
    return finished(session.store.at(plan.spec_on(session.device)))
