"""Many learners of one problem: stacked and trained at once where one of them would not fill a core.

A step of a tiny network is mostly the calling of a hundred small operations. Where learners are stacked, leaf by leaf
along a first axis `learner`, one call does for all of them. What comes out is what each would be by itself, but for
rounding.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractNetwork, AbstractTask, Batch, Problem, Schedule
from limbeck.core.key import Key
from limbeck.core.placing import capacity
from limbeck.core.progress import went
from limbeck.core.schedule import labelled
from limbeck.learn.compiled import CompiledLoss, compiles
from limbeck.learn.microbatches import microbatch_size, microbatches
from limbeck.learn.peak import Peak
from limbeck.learn.population import operations, training
from limbeck.learn.sensitivity import Loss, gradient, mean_loss
from limbeck.learn.training import Learner, RowLoader, averaged, going_on, rows_of

STEP = 3
"""Passes through a network, of the operations of one forward pass, to learn from an example."""
FILLS_A_CORE = 1e8
"""Floating point operations of a learner's step up to which learners are stacked on a processor. Measured on one core
(`benchmarks/populations.py`): with 2e6 a stack of 20 is six times as fast as a loop, with 1e7 three times, with 1e8 1.3
times; beyond, 0.9 to 1.8 times. Compiled the ratios are alike."""
FEWEST = 4
"""Learners from which a stack on a processor is worth it: 1.4 to 2.2 times as fast; of two, 0.9 to 1.6 times."""
SHARE = 1 / 4
"""The share of another device's memory that a stack may take: several processes may use it."""
KEY = Key(("stacked",))


class Setup(NamedTuple):
    """Where a learner begins, what it learns from and how: all that its training depends on."""

    learner: Learner
    loader: RowLoader
    """Its items by number: `row_loader(task, batch)`, or a `subset` of a pool that many share, which is held once."""
    schedule: Schedule


def subset(loader: RowLoader, items: Tensor) -> RowLoader:
    """The rows `items` of what `loader` gives, as items 0, 1, ...

    >>> pool = lambda rows, step: Batch(rows.double(), torch.eye(9)[rows], rows)
    >>> subset(pool, torch.tensor([4, 2, 0]))(torch.tensor([0, 2]), 0).classes.tolist()
    [4, 0]
    """
    return lambda rows, step: loader(items[rows], step)


def trained(
    problem: Problem, setups: Sequence[Setup], steps: Collection[int], average: float = 0.0
) -> Iterator[tuple[int, int, Learner]]:
    """(index, step, learner) for each of `setups`, by its index, at each of `steps` that its schedule has, in order.

    Step s is what s updates come to, so step 0 is the initial learner; or their running mean of the decay `average`, as
    in `averaged`. Nothing is augmented. Setups whose schedules differ in their order alone are stacked, as many at once
    as `stacks` says; whoever is left is trained by itself. Where memory runs out nevertheless, a warning says so, and
    there are half as many from then on. The learners of a stack come step by step, and their stack is done before the
    next begins.
    """
    before = 0
    for indices in alike([setup.schedule for setup in setups]):
        items = max(map(len, _rows(setups[indices[0]].schedule)))
        waiting = _parts(indices, stacks(problem, items, len(indices)))
        given: set[tuple[int, int]] = set()
        while waiting:
            part = waiting.pop(0)
            try:
                some = {index: setups[index] for index in part}
                for found in _trained(problem, some, steps, average, before, len(setups)):
                    # Those of a stack that memory ran out of are trained once more, and are the same to rounding.
                    if found[:2] not in given:
                        given.add(found[:2])
                        yield found
            except torch.OutOfMemoryError:
                if len(part) == 1:
                    raise
                waiting = [half for each in (part, *waiting) for half in _parts(each, -(-len(part) // 2))]
                shortage = f"memory ran out with {len(part)} learners at once; they go on {len(waiting[0])} at once"
            else:
                before += len(part)
                continue
            # What the stack held is free once its error is, which is here.
            warnings.warn(shortage, stacklevel=2)
            if problem.device.type == "cuda":
                torch.cuda.empty_cache()


def _parts(indices: Sequence[int], most: int) -> list[list[int]]:
    """The indices in as few parts of at most `most` as there can be."""
    return [part.tolist() for part in microbatches(torch.tensor(indices), most)]


def _trained(
    problem: Problem, setups: dict[int, Setup], steps: Collection[int], average: float, before: int, count: int
) -> Iterator[tuple[int, int, Learner]]:
    """`trained` for setups of one stack, after so many `before` them of `count`."""
    last = max(1, len(next(iter(setups.values())).schedule.learning_rates))
    if len(setups) == 1:
        ((index, setup),) = setups.items()
        for step, learner in enumerate(averaged(training(problem, *setup, KEY), average)):
            went(before + step / last, count)
            if step in steps:
                yield index, step, learner
        return
    for step, learners in enumerate(averaged(stacked_training(problem, list(setups.values())), average)):
        went(before + len(setups) * step / last, count)
        if step in steps:
            for position, index in enumerate(setups):
                yield index, step, Learner(*tree.map(lambda leaf, at=position: leaf[at], tuple(learners)))


def stacked_training(problem: Problem, setups: Sequence[Setup]) -> Iterator[Learner]:
    """The learners of `setups`, stacked, before their first step and after each, as their schedules say.

    The schedules differ in their order alone (`alike`). Compiled where the problem is. Inputs are gathered step by
    step; once, where every step sees all.
    """
    device, schedules = problem.device, [setup.schedule for setup in setups]
    problem = problem.trained_by(schedules[0])
    total = _compiled_total(problem) if compiles(problem) else _total(problem)

    @functools.lru_cache(maxsize=1)
    def batch_of(row: int) -> Batch:
        batches = [seen_by(setup, row).to(device) for setup in setups]
        return tree.map(lambda *leaves: torch.stack(leaves), *batches)

    def seen_by(setup: Setup, row: int) -> Batch:
        rows = rows_of(setup.schedule, row)
        return labelled(setup.loader(rows, row), setup.schedule.labels, rows)

    cycle = max(len(schedule.order) for schedule in schedules)
    start = tree.move(
        tree.map(lambda *leaves: torch.stack(leaves), *(setup.learner.params for setup in setups)), device
    )
    return going_on(
        problem.task,
        lambda learners, batch: (gradient(total, learners.params, batch), {}),
        Learner(start, {}),
        lambda rows, step: batch_of(int(rows)),
        schedules[0]._replace(order=torch.arange(cycle)[:, None], labels={}),
        KEY,
        None,
    )


def alike(schedules: Sequence[Schedule]) -> list[list[int]]:
    """The indices of schedules that differ in their order alone, and see as many items as each other at every step."""
    groups: dict[object, list[int]] = {}
    for index, schedule in enumerate(schedules):
        lengths = torch.tensor([len(rows) for rows in _rows(schedule)])
        leaves = tree.flatten(schedule._replace(order=lengths))
        numbers = tuple((path, *leaf.flatten().tolist()) for path, leaf in leaves.items())
        groups.setdefault((type(schedule.rule), type(schedule.loss), numbers), []).append(index)
    return list(groups.values())


def _rows(schedule: Schedule) -> list[Tensor]:
    return [rows_of(schedule, row) for row in range(len(schedule.order))]


def stacks(problem: Problem, items: int, learners: int) -> int:
    """How many of `learners` that see `items` examples a step are trained stacked at once; 1: one by one.

    On a processor those whose step does not fill a core, few enough that their inputs are those of a microbatch.
    On another device as many as there are, in stacks of bounded inputs and memory. Never learners with running
    statistics, nor those of a network that vmap does not take, nor of graphs, whose items are read together.
    """
    if tree.joined(problem.task.shape):
        return 1
    processor = problem.device.type == "cpu"
    stacked = min(learners, microbatch_size(problem.task.shape, problem.device) // items)
    if stacked < (FEWEST if processor else 2):
        return 1
    if processor and STEP * items * operations(problem) > FILLS_A_CORE:
        return 1
    if not _stackable(problem.task, problem.network):
        return 1
    if processor:
        return stacked
    taken = step_bytes(problem.task, problem.network, items)
    return max(1, min(stacked, int(SHARE * capacity(problem.device)) // taken))


@functools.lru_cache(maxsize=64)
def step_bytes(task: AbstractTask, network: AbstractNetwork, items: int) -> int:
    """About the most bytes that the gradient of one learner takes on so many examples; what operations need aside.

    Counted on one and on two examples, on the processor, since it grows evenly with them.
    """
    params = network.init(KEY)

    def most(count: int) -> int:
        batch = task.load("train", torch.arange(count))
        with Peak() as peak:
            gradient(mean_loss(task, network), params, batch)
        return peak.most

    first, second = most(1), most(2)
    return first + (items - 1) * max(0, second - first) + sum(leaf.nbytes for leaf in tree.leaves(params))


@functools.lru_cache(maxsize=64)
def _stackable(task: AbstractTask, network: AbstractNetwork) -> bool:
    """Whether learners of a network keep no statistics and go through vmap, forward and back."""
    if network.statistics():
        return False
    learners = [network.init(KEY.fold(index)) for index in range(2)]
    params, batch = (
        tree.map(lambda *leaves: torch.stack(leaves), *parts)
        for parts in (learners, [task.load("train", torch.arange(2))] * 2)
    )
    try:
        gradient(_sum_of(mean_loss(task, network)), params, batch)
    except Exception:
        # A user's module may do anything that a stack does not bear, and raise anything; by itself it is trained well.
        return False
    return True


def _sum_of(loss: Loss) -> Loss:
    """The sum of learners' losses, whose gradient in a learner's parameters is that of its own loss."""
    return lambda params, batch: torch.func.vmap(loss)(params, batch).sum()


def _total(problem: Problem) -> Loss:
    return _sum_of(mean_loss(problem.task, problem.network, problem.goal))


def _compiled_total(problem: Problem) -> Loss:
    return _compiled_total_of(problem.task, problem.network, type(problem.goal))


@functools.lru_cache(maxsize=4)
def _compiled_total_of(task: AbstractTask, network: AbstractNetwork, goal: type) -> Loss:
    return CompiledLoss(_sum_of(mean_loss(task, network, goal())))


__all__ = ["Setup", "alike", "stacked_training", "stacks", "subset", "trained"]
