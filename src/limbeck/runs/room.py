"""How much memory work takes, told before it begins, and whether there is as much: one rule for all that computes.

What computations take they say themselves (`AbstractComputation.bytes`); what the steps of a distillation take is told
by small ones. Where all workers of a session have no room side by side there are fewer; where one has none, the work is
refused.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch

from limbeck.computations.contract import ProbeContext
from limbeck.core import tree
from limbeck.core.contracts import Parameters, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.memory import free_addresses, free_memory
from limbeck.core.units import size
from limbeck.distillation import Distillation
from limbeck.learn.footprint import example_bytes, reading_bytes
from limbeck.learn.microbatches import microbatch_size
from limbeck.learn.peak import FEW, Exceeded, Peak, grown, linear
from limbeck.runs.executors import Local
from limbeck.runs.session import Session
from limbeck.state import State, of_set

USUAL = 3 * 32 * 32
"""Numbers of an item from which what a step takes is told before."""
ACTIVATIONS, SHARE = 128, 1 / 4
"""Numbers that a usual network holds for each of its input, and from which share of the memory that is looked at."""
FAR = 1.5
"""How many times the memory there is work may seem to take before it is refused: it is known to about that."""
LOADED = 2**25
"""Bytes that a process takes at its first step beside its tensors, for code and the room that operations work in."""
WORKER = 300 * 10**6
"""Bytes that a worker takes before it has done anything, for code alone."""
FRAGMENTS = 1.25
"""How much more a process holds than its tensors take at once, as freed blocks do not fit the next. Measured beside
what is taken by `benchmarks/memory_told.py`."""
LESS = (
    "take fewer items (--ipc, --bytes), smaller images (--size), a narrower --network, or ask less of a step "
    "(--objective has its options)"
)
LESS_TO_COMPUTE = "take smaller images (--size), a narrower --network, or fewer items and examples"


class Told(NamedTuple):
    """What is known of the memory of work before it begins."""

    workers: int
    """How many have room side by side."""
    note: str
    """What is to be said of it; "" where it takes little."""


def workers_for(session: Session, needs: Sequence[float], what: str, less: str = LESS_TO_COMPUTE) -> Told:
    """How many workers have room side by side, where `needs` has the bytes of each job beside the code of a worker.

    As many as fit into what is free, however the jobs fall together; one where it may fit. InputError, in one line,
    where it is far too much for one.
    """
    most = min(session.workers, len(needs))
    if not most or not isinstance(session.executor, Local):
        return Told(session.workers, "")
    code = WORKER if session.device.type == "cpu" else 0
    room = _shared(session.device) + code * session.executor.idle
    # A worker maps for its code about what this process has mapped for it.
    alone = code + (free_addresses() or math.inf)
    each = sorted((code + held_bytes(need) for need in needs), reverse=True)
    fitting = [count for count in range(1, most + 1) if sum(each[:count]) <= room and each[0] <= alone]
    if not fitting:
        room = round(min(room, alone))
        _refuse_far(each[0], room, what, less)
    told = f"{what} takes about {size(round(each[0]))} of memory"
    if not fitting:
        beside = f", one worker in place of {most}" if most > 1 else ""
        return Told(1, f"{told} of {size(room)} that there are{beside}: it may run out; to take less, {less}")
    if fitting[-1] < most:
        beside = f"{fitting[-1]} in place of {most} workers have room side by side"
        return Told(fitting[-1], f"{told} each, of {size(room)} that there are: {beside}")
    little = sum(each[:most]) <= SHARE * room
    # Fewer jobs than workers leave room for all of them, as far as is known.
    return Told(
        session.workers, "" if little else f"{told}{' each' if most > 1 else ''}, of {size(room)} that there are"
    )


@contextmanager
def within_room(session: Session, told: Told) -> Iterator[None]:
    """Have jobs done within the block by as many workers as there is room for, and say so."""
    if told.note:
        session.progress.notes([told.note])
    if not isinstance(session.executor, Local):
        yield
        return
    with session.executor.limited(told.workers):
        yield


def held_bytes(tensors: float) -> float:
    """What a process comes to hold beside its code whose tensors take so many bytes at once."""
    return LOADED + FRAGMENTS * tensors


def admit_room(run: Distillation, session: Session) -> None:
    """Tell how much memory a step takes where that may be much; InputError as in `check_room`."""
    if said := check_room(run, session):
        session.progress.notes([said])


def check_room(run: Distillation, session: Session) -> str:
    """What is to be said of the memory that a step takes, where that may be much; else "".

    Steps on few items of every class are made for it, and nothing of them is kept. InputError where it is far more than
    there is.
    """
    room = room_on(run.problem.device)
    if not may_be_much(run, room):
        return ""
    session.progress.phase("trying small steps, to tell how much memory all items take")
    needed = held_bytes(run_bytes(run, FAR * room) + beside_bytes(run.problem))
    _refuse_far(needed, room, "a step", LESS)
    said = f"a step takes about {size(round(needed))} of memory, of {size(room)} that there are"
    return f"{said}: it may run out; to take less, {LESS}" if needed > room else said


def _refuse_far(needed: float, room: float, what: str, less: str) -> None:
    """InputError where work takes far more than there is."""
    if needed <= FAR * room:
        return
    about, taken = ("more than", FAR * room) if math.isinf(needed) else ("about", needed)
    raise InputError(
        f"{what} takes {about} {size(round(taken))} of memory, expected what fits into the {size(round(room))} that "
        f"there are; {less}"
    )


def run_bytes(run: Distillation, limit: float = math.inf) -> float:
    """About the most bytes that tensors take in a distillation: in a step, and of the examples that check it."""
    with warnings.catch_warnings():
        # All that is to be said is said again by the run itself.
        warnings.simplefilter("ignore")
        checks = 0.0
        if run.checks != 0:
            judged = ProbeContext(run.problem, split="validation")
            checks = example_bytes(run.problem.task, len(judged.rows))
        return checks + step_bytes(run, run.count, limit)


def beside_bytes(problem: Problem) -> float:
    """What passes take that go side by side in this process, beside the one that a small step has at a time."""
    if problem.device.type != "cpu":
        return 0.0
    return (torch.get_num_threads() - 1) * reading_bytes(problem, microbatch_size(problem.task.shape, problem.device))


def step_bytes(run: Distillation, count: int, limit: float = math.inf) -> float:
    """About the most bytes that tensors take in a step on `count` items of every class.

    It is infinite where steps on few take more than `limit`. It is told by two small steps, operation by operation
    (`grown`), so that what is done class by class counts once. Where the two do not have the same operations, it is the
    larger of what their peaks say and of what rendering all items, reading them at once and the slopes of both take.
    """
    try:
        if count <= FEW[-1]:
            return max(_courses(run, count, limit)[0], default=0.0)
        (first, read), (second, more) = (_courses(run, each, limit) for each in FEW)
        if len(first) != len(second):
            # What is made once and kept, such as which rows are of a class, was made by the first of them.
            first, read = _courses(run, FEW[0], limit)
    except Exceeded:
        return math.inf
    told = grown((first, second), count)
    return max(linear(max(first), max(second), count), linear(read, more, count)) if told is None else told


def _courses(run: Distillation, count: int, limit: float) -> tuple[list[int], int]:
    """What is held after each operation of a step, and the most that the items alone take."""
    with Peak(limit) as step:
        state = run.begin(count)
        held = step.now
        run.step(state)
    with Peak(limit - held) as graph:
        _read(run, state)
    return step.course, held + graph.most


def _read(run: Distillation, state: State) -> None:
    """Render the items, read them by a fresh network, and go back to what is learned."""
    problem = run.problem
    learned = tree.map(lambda leaf: leaf.detach().clone().requires_grad_(), of_set(state.learned))
    batch = run.recipe.parameterization.render(Parameters(learned, state.fixed), Key())
    params = tree.move(problem.network.init(Key()), problem.device)
    outputs = problem.network.apply(params, batch.inputs).outputs
    torch.autograd.grad(outputs.sum(), tree.leaves(learned), allow_unused=True)


def may_be_much(run: Distillation, room: float) -> bool:
    """Whether items are larger than usual, or what reads them may be large beside the memory."""
    objective, task = run.recipe.objective, run.problem.task
    if objective is None or not run.recipe.steps or tree.joined(task.shape):
        return False
    items, numbers = run.per_class * len(task.classes), tree.numel(task.shape)
    if objective.piece(run.problem, items) is not None:
        return False
    return numbers > USUAL or ACTIVATIONS * 4 * numbers * items > SHARE * room


def room_on(device: torch.device) -> int:
    """The bytes that work of this process may take."""
    shared = _shared(device)
    return shared if device.type == "cuda" else min(shared, free_addresses() or shared)


def _shared(device: torch.device) -> int:
    """What is free of an accelerator, or of the memory of this machine, or of what a container or a job has of it."""
    return int(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else free_memory()
