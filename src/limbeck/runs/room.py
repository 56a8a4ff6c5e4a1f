"""How much memory the steps of a distillation take, told by small ones, and whether there is as much."""

from __future__ import annotations

import math
import warnings

import torch

from limbeck.core import tree
from limbeck.core.contracts import Parameters
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.memory import held_memory, memory
from limbeck.core.units import size
from limbeck.distillation import Distillation
from limbeck.learn.peak import Exceeded, Peak
from limbeck.runs.session import Session
from limbeck.state import State, of_set

USUAL = 3 * 32 * 32
"""Numbers of an item from which what a step takes is told before."""
ACTIVATIONS, SHARE = 128, 1 / 4
"""Numbers that a usual network holds for each of its input, and from which share of the memory that is looked at."""
FAR = 1.5
"""How many times the memory there is a step may seem to take before it is refused: it is known to about that."""
LOADED = 2**25
"""Bytes that a process takes at its first step beside its tensors, for code and the room that operations work in."""
LESS = (
    "take fewer items (--ipc, --bytes), smaller images (--size), a narrower --network, or ask less of a step "
    "(--objective has its options)"
)


def admit_room(run: Distillation, session: Session) -> None:
    """Tell how much memory a step takes where that may be much; InputError where it is far more than there is.

    A step on one and one on two items of every class are made for it, and nothing of them is kept.
    """
    if not _may_be_much(run):
        return
    session.progress.phase("trying small steps, to tell how much memory all items take")
    room = _room(run.problem.device)
    with warnings.catch_warnings():
        # All that is to be said is said again by the run itself.
        warnings.simplefilter("ignore")
        needed = LOADED + step_bytes(run, run.count, FAR * room)
    if not needed <= FAR * room:
        about = "more than" if math.isinf(needed) else "about"
        taken = FAR * room if math.isinf(needed) else needed
        raise InputError(
            f"a step takes {about} {size(round(taken))} of memory, expected one that fits into the {size(room)} that "
            f"there are; {LESS}"
        )
    said = f"a step takes about {size(round(needed))} of memory, of {size(room)} that there are"
    session.progress.notes([f"{said}: it may run out; to take less, {LESS}" if needed > room else said])


def step_bytes(run: Distillation, count: int, limit: float = math.inf) -> float:
    """About the most bytes that tensors take in a step on `count` items of every class.

    It is infinite where one or two take more than `limit`. What a step takes grows evenly with the items, once they
    take more than all else: it is the larger of what steps on one and on two items of every class say of as many as
    there are, and of what rendering so many, reading them by the network and the slopes of both take. An objective
    that goes through the classes one by one may take half of that.
    """
    few = (1, 2) if count > 2 else (count,)
    try:
        taken = [_peaks(run, each, limit) for each in few]
    except Exceeded:
        return math.inf
    if len(few) == 1:
        return max(taken[0])
    return max(first + (count - 1) * max(0, second - first) for first, second in zip(*taken, strict=True))


def _peaks(run: Distillation, count: int, limit: float) -> tuple[int, int]:
    """The most bytes of a whole step, and of what is done with the items alone, where there are so many of a class."""
    with Peak(limit) as step:
        state = run.begin(count)
        held = step.now
        run.step(state)
    with Peak(limit - held) as graph:
        _read(run, state)
    return step.most, held + graph.most


def _read(run: Distillation, state: State) -> None:
    """Render the items, read them by a fresh network, and go back to what is learned."""
    problem = run.problem
    learned = tree.map(lambda leaf: leaf.detach().clone().requires_grad_(), of_set(state.learned))
    batch = run.recipe.parameterization.render(Parameters(learned, state.fixed), Key())
    params = tree.move(problem.network.init(Key()), problem.device)
    outputs = problem.network.apply(params, batch.inputs).outputs
    torch.autograd.grad(outputs.sum(), tree.leaves(learned), allow_unused=True)


def _may_be_much(run: Distillation) -> bool:
    """Whether items are larger than usual, or what reads them may be large beside the memory."""
    objective, task = run.recipe.objective, run.problem.task
    if objective is None or not run.recipe.steps or tree.joined(task.shape):
        return False
    items, numbers = run.per_class * len(task.classes), tree.numel(task.shape)
    if objective.piece(run.problem, items) is not None:
        return False
    much = ACTIVATIONS * 4 * numbers * items > SHARE * _room(run.problem.device)
    return numbers > USUAL or much


def _room(device: torch.device) -> int:
    """The bytes that a step may take: what is free of an accelerator, or of the memory what this process has not."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return max(1, memory() - held_memory())
