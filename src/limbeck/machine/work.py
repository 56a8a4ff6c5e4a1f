"""What work on some data takes here: time and memory of a step and of a training, as told before any is begun."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace

from limbeck.computations import AllReal, Mixture, Training
from limbeck.computations.contract import ProbeContext
from limbeck.computations.record import END
from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.memory import memory
from limbeck.core.units import duration, size
from limbeck.machine.line import Line
from limbeck.protocols import Epochs
from limbeck.recipes import recipe_for
from limbeck.runs.choosing import USUAL
from limbeck.runs.graph import Request, seconds_alone
from limbeck.runs.plan import Plan, distillation_of
from limbeck.runs.room import FAR, LESS, LESS_TO_COMPUTE, WORKER, held_bytes, room_on, run_bytes, workers_for
from limbeck.runs.session import Session
from limbeck.runs.trial import tried

ITEMS = 10
"""Items of each class that a training is told of, and a distillation."""
EPOCHS = 10
"""About how many epochs a training on all real data takes to level off."""


def works(session: Session, task: AbstractTask, network: str) -> Iterator[Line]:
    """A training on a few items of each class, one on all real data, and a step of a distillation."""
    context = ProbeContext(session.problem(task, network))
    few = Training(Mixture((), ITEMS))
    yield _training(session, f"a learner of {ITEMS} items a class", few, context)
    long = Training(AllReal(), protocol=Epochs(epochs=EPOCHS), reads=(END,))
    yield _training(session, f"{EPOCHS} epochs of all real data", long, context)
    yield _step(session, task, network)


def _training(session: Session, what: str, training: Training, context: ProbeContext) -> Line:
    needed = WORKER + held_bytes(training.bytes(context))
    said = f"{what}, {context.problem.network.name}: {size(round(needed))} of memory"
    try:
        told = workers_for(session, [training.bytes(context)] * session.workers, "a training")
    except InputError as error:
        return Line("training", said, str(error), facts={"bytes": needed})
    seconds = seconds_alone([Request(training, context)], session)
    facts = {"seconds": seconds, "bytes": needed}
    said = f"{said}, {duration(max(1, seconds))} of one core"
    if told.workers < session.workers:
        return Line(
            "training", f"{said}; {told.workers} side by side, not {session.workers}", LESS_TO_COMPUTE, facts=facts
        )
    return Line("training", f"{said}; {told.workers} side by side", facts=facts)


def _step(session: Session, task: AbstractTask, network: str) -> Line:
    """A step of the usual method."""
    recipe = recipe_for(USUAL, task.name, ITEMS)
    run = distillation_of(Plan(task, replace(recipe, steps=max(1, recipe.steps)), network, ITEMS, checks=0), session)
    room = room_on(session.device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        most = FAR * memory()
        needed = min(most, WORKER + held_bytes(run_bytes(run, most)))
        said = f"of {USUAL}, {ITEMS} items a class: {size(round(needed))}{' or more' * (needed == most)} of memory"
        if needed > room:
            return Line("step", f"{said}, of {size(room)} that there are", LESS, facts={"bytes": needed})
        pace = tried(run).course.pace
    said = f"{said}, {pace:.2g} s; all {recipe.steps:,} published steps {duration(pace * recipe.steps)}"
    return Line("step", said, facts={"bytes": needed, "seconds": pace, "steps": recipe.steps})
