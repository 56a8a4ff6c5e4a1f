"""About how long a study will take, before it begins."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from limbeck import explanation
from limbeck.computations.experts import followed
from limbeck.core.contracts import AbstractProtocol
from limbeck.core.threads import computing_by
from limbeck.core.units import duration
from limbeck.distilled_set import DistilledSet
from limbeck.probes.contract import AbstractProbe
from limbeck.runs.asking import Question
from limbeck.runs.distilling import parted
from limbeck.runs.experts import missing_experts
from limbeck.runs.graph import Graph, Request, checking
from limbeck.runs.needs import missing_needs, step_seconds
from limbeck.runs.pace import COMPILING, GAIN, side_by_side
from limbeck.runs.plan import Plan, distillation_of, dress, finished
from limbeck.runs.room import check_room
from limbeck.runs.scoring import entries_of, requests_of
from limbeck.runs.session import Session
from limbeck.runs.trial import tried
from limbeck.starts import Real
from limbeck.state import steps_in


@dataclass(frozen=True)
class Measured:
    """What a study asks of its sets."""

    probes: Sequence[AbstractProbe]
    evaluation_size: int
    protocol: AbstractProtocol
    baselines: Sequence[str]
    repeats: int
    networks: Sequence[str] = ()
    """Those that sets are scored under; none: the one that each was distilled with."""


class Forecast(NamedTuple):
    """About how many seconds a study takes."""

    distilling: float
    measuring: float
    unknown: tuple[str, ...]
    """Recipes whose steps cannot be tried before the experts that they follow are trained."""

    @property
    def seconds(self) -> float:
        """All that is known."""
        return self.distilling + self.measuring

    def __str__(self) -> str:
        parts = f"{duration(self.distilling)} to distil, {duration(self.measuring)} to train and measure networks"
        rest = f"; and {', '.join(self.unknown)}, known once its experts are trained" if self.unknown else ""
        return f"in all about {duration(self.seconds)} of work: {parts}{rest}"


def foretell(
    session: Session,
    plans: Mapping[str, Sequence[Plan]],
    measured: Measured,
    there: Mapping[str, Sequence[DistilledSet]] | None = None,
) -> None:
    """Say about how long all that `forecast` counts takes, and ask where that is long."""
    expected = forecast(session, plans, measured, there)
    if expected.seconds or expected.unknown:
        session.progress.phase(str(expected))
        session.allowance.admit(expected.seconds, whole=True)


def forecast(
    session: Session,
    plans: Mapping[str, Sequence[Plan]],
    measured: Measured,
    there: Mapping[str, Sequence[DistilledSet]] | None = None,
) -> Forecast:
    """About how long it takes to carry out each recipe with its seeds, and to measure what it comes to.

    `there` are sets of a recipe that are made and are measured with them. A few steps of each recipe are tried and
    given up. Networks that are trained on sets are counted on sets of the same sizes; what is found out on the way and
    asked next is not known yet. Of warnings none is said: all come again. Raises InputError where steps or networks
    take far more memory than there is.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _forecast(session, plans, measured, there or {})


def _forecast(
    session: Session,
    plans: Mapping[str, Sequence[Plan]],
    measured: Measured,
    there: Mapping[str, Sequence[DistilledSet]],
) -> Forecast:
    unknown, missing, steps = [], list[Request](), list[float]()
    scored, asked = list[Request](), list[Request]()
    _, beside = parted([each for seeds in plans.values() for each in seeds], session)
    for name, seeds in plans.items():
        plan = seeds[0]
        done = [finished(session.store.at(each.spec_on(session.device))) for each in seeds]
        undone = [each for each, made in zip(seeds, done, strict=True) if made is None]
        left = [each for each in undone if each.recipe.steps]
        before = missing_experts(session, plan.task, plan.network, followed(left[0].recipe)) if left else []
        before += missing_needs(session, plan.task, plan.network, undone[0].recipe) if undone else []
        if before:
            unknown += [name] if left else []
            missing += before
        elif left:
            session.progress.phase(f"trying a few steps of {name}, to tell how long all of them take")
            with computing_by(1) if beside else nullcontext():
                steps += _steps(session, left)
        stands_in = [made or _begun(session, each, wait=bool(before)) for each, made in zip(seeds, done, strict=True)]
        stands_in += there.get(name, ())
        scored += _scored(session, name, stands_in, plan, measured)
        asked += _asked(session, name, stands_in[0], plan, measured)
    distilling = side_by_side(sorted(steps, reverse=True), session.workers if beside else 1)
    return Forecast(distilling, _measuring(session, (missing, scored, asked), plan.task.reference), tuple(unknown))


def _measuring(session: Session, phases: Iterable[Sequence[Request]], reference: dict[str, Any]) -> float:
    """About how many seconds computations take that are asked for in phases, one phase after the other."""
    seconds, before = 0.0, Graph((), reference)
    for requests in phases:
        graph = Graph((*before.requests, *requests), reference)
        seconds += graph.seconds(session, before)
        before = graph
    return seconds


def _begun(session: Session, plan: Plan, wait: bool) -> DistilledSet:
    """A set of the size of what a recipe comes to: the one that it starts from, unless that must `wait` for experts."""
    start = Real() if wait else plan.recipe.start
    run = distillation_of(replace(plan, recipe=replace(plan.recipe, objective=None, steps=0, start=start)), session)
    return dress(plan, plan.spec_on(session.device), run.outcome(run.begin()))


def _steps(session: Session, plans: Sequence[Plan]) -> list[float]:
    """About how many seconds the steps take that are left of a recipe with each of its seeds."""
    first, recipe, run = plans[0], plans[0].recipe, distillation_of(plans[0], session)
    kept = [session.store.at(each.spec_on(session.device)).read() for each in plans]
    left = [recipe.steps - (0 if each is None else steps_in(each)) for each in kept]
    if long := step_seconds(session, first.task, first.network, recipe, first.ipc, first.within):
        return [long * each for each in left]
    check_room(run, session)
    trial = tried(run)
    checks = checking(run, trial.state, session) / recipe.steps
    gain, more = (GAIN, COMPILING) if run.compiled(trial.state) else (1.0, 0.0)
    seconds = [trial.course.seconds(recipe.steps - each, recipe.steps) + checks * each for each in left]
    return [trial.first + each / gain + more for each in seconds]


def _scored(
    session: Session, name: str, sets: Sequence[DistilledSet], plan: Plan, measured: Measured
) -> Iterator[Request]:
    """What the sets of a recipe, one for each seed, are scored by."""
    networks, nowhere = [plan.task.network(each).name for each in measured.networks or (plan.network,)], _file(name)
    for made in sets:
        listed = [(str(nowhere), nowhere, made)]
        entered = entries_of(session, plan.task, listed, networks, measured.protocol, measured.baselines)
        yield from requests_of(entered, measured.repeats)


def _asked(session: Session, name: str, made: DistilledSet, plan: Plan, measured: Measured) -> Iterator[Request]:
    """What is asked of a set of a recipe."""
    problem, nowhere = session.problem(plan.task, plan.network), _file(name)
    context = explanation.context_of(problem, str(nowhere), made, measured.evaluation_size)
    for probe in explanation.askable(measured.probes, plan.task):
        yield from Question(probe, context, nowhere).requests()


def _file(name: str) -> Path:
    return Path(f"{name}.safetensors")
