"""About how long a study will take, before it begins."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

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


def forecast(session: Session, plans: Mapping[str, Sequence[Plan]], measured: Measured) -> Forecast:
    """About how long it takes to carry out each recipe with its seeds, and to measure what it comes to.

    A few steps of each are tried and given up. Networks that are trained on sets are counted on sets of the same sizes;
    what is found out on the way and asked next is not known yet. Of warnings none is said: all come again. Raises
    InputError where steps or networks take far more memory than there is.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _forecast(session, plans, measured)


def _forecast(session: Session, plans: Mapping[str, Sequence[Plan]], measured: Measured) -> Forecast:
    unknown, requests, steps = [], list[Request](), list[float]()
    plan = next(iter(plans.values()))[0]
    _, beside = parted([each for seeds in plans.values() for each in seeds], session)
    for name, seeds in plans.items():
        done = [finished(session.store.at(each.spec_on(session.device))) for each in seeds]
        undone = [each for each, made in zip(seeds, done, strict=True) if made is None]
        left = [each for each in undone if each.recipe.steps]
        missing = missing_experts(session, plan.task, plan.network, followed(left[0].recipe)) if left else []
        missing += missing_needs(session, plan.task, plan.network, undone[0].recipe) if undone else []
        if missing:
            unknown += [name] if left else []
            requests += missing
        elif left:
            session.progress.phase(f"trying a few steps of {name}, to tell how long all of them take")
            with computing_by(1) if beside else nullcontext():
                steps += _steps(session, left)
        stands_in = [made or _begun(session, each, wait=bool(missing)) for each, made in zip(seeds, done, strict=True)]
        requests += _requests(session, name, stands_in, plan, measured)
    measuring = Graph(requests, plan.task.reference).seconds(session)
    distilling = side_by_side(sorted(steps, reverse=True), session.workers if beside else 1)
    return Forecast(distilling, measuring, tuple(unknown))


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
    state, _, pace = tried(run)
    pace += checking(run, state, session) / recipe.steps
    return [pace * each / GAIN + COMPILING if run.compiled(state) else pace * each for each in left]


def _requests(
    session: Session, name: str, sets: Sequence[DistilledSet], plan: Plan, measured: Measured
) -> Iterator[Request]:
    """What the sets of a recipe, one for each seed, are scored by, and what is asked of the first."""
    network, nowhere = plan.task.network(plan.network).name, Path(f"{name}.safetensors")
    for made in sets:
        listed = [(str(nowhere), nowhere, made)]
        entered = entries_of(session, plan.task, listed, [network], measured.protocol, measured.baselines)
        yield from requests_of(entered, measured.repeats)
    problem = session.problem(plan.task, plan.network)
    context = explanation.context_of(problem, str(nowhere), sets[0], measured.evaluation_size)
    for probe in explanation.askable(measured.probes, plan.task):
        yield from Question(probe, context, nowhere).requests()
