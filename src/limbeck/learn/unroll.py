"""Differentiable inner training: a learner trained on a batch, and the exact derivative of where it ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from limbeck.core import tree
from limbeck.core.contracts import Batch, Schedule
from limbeck.core.errors import InputError
from limbeck.core.tree import Tree
from limbeck.learn.optim import descend
from limbeck.learn.sensitivity import Loss, gradient, sensitivity, vjp
from limbeck.learn.training import rows_of

View = Callable[[Tree, int], Tree]
"""view(inputs of a minibatch, step) -> what the network is shown: a differentiable function of the inputs alone."""

STATE_BYTES = 2**29
"""Bytes of states that an unroll keeps for its way back unless told otherwise."""


class InnerState(NamedTuple):
    """Where a learner is and how it moves."""

    params: Tree
    velocity: Tree


def initial_state(params: Tree) -> InnerState:
    """A learner before its first step: no velocity."""
    return InnerState(params, tree.map(torch.zeros_like, tree.detach(params)))


def as_it_is(inputs: Tree, step: int) -> Tree:
    """The view that changes nothing."""
    return inputs


def advance(
    loss: Loss,
    start: InnerState,
    batch: Batch,
    schedule: Schedule,
    steps: range | None = None,
    view: View = as_it_is,
) -> InnerState:
    """The motion after `steps` of `schedule` (all, where none are given), the same bits as `unroll`'s, without a graph.

    Before an `unroll` of the steps that follow it makes a truncated window: the hypergradient through the
    last W steps before a stop is that of `unroll(..., range(stop - W, stop))` from `advance(..., range(stop - W))`.
    """
    inner = _Inner.of(loss, view, schedule, steps)
    for state in inner.states(tree.detach(start), tree.detach(batch), inner.steps):
        end = state
    return end


def unroll(
    loss: Loss,
    start: InnerState,
    batch: Batch,
    schedule: Schedule,
    steps: range | None = None,
    view: View = as_it_is,
    keep: int | None = None,
) -> InnerState:
    """The motion after `steps` of `schedule` (all, where none are given), differentiable in all that it came from.

    For each step t with the rows that the schedule's order gives it (row t modulo the number of rows):

        v <- momentum v + d loss / d p (p, view(rows, t)) + weight decay p;    p <- p - learning_rate_t v

    Any function of the result may be differentiated, once, in the start's parameters and velocity, the
    batch's inputs and targets, and the schedule's learning rates, momentum and weight decay. The gradient is exact:
    the adjoint walks back with one `sensitivity` per step (reverse accumulation as in Maclaurin et al.,
    ICML 2015, with stored instead of reversed states), so memory holds the activations of one step and
    some states (a state is parameters and velocity), never the activations of all steps. What a view draws
    must depend on the step alone, since a step is taken again on the way back.

    At most `keep` states are held: all steps' states where that many fit, else those a fixed number of
    steps apart, between which the steps are taken again; never fewer than about 2 sqrt(steps). By default
    as many as fit in `STATE_BYTES`. The result is the same to the bit whatever is kept.
    Raises InputError for steps that the schedule does not have.
    """
    inner = _Inner.of(loss, view, schedule, steps)
    if not inner.steps:
        return start
    if keep is None:
        keep = STATE_BYTES // sum(leaf.numel() * leaf.element_size() for leaf in tree.leaves(start))
    arguments = (start, batch, schedule)
    structure = tree.map(lambda leaf: None, arguments)
    spacing = spacing_for(len(inner.steps), keep)
    return _filled(start, _Unrolled.apply(inner, structure, spacing, *tree.leaves(arguments)))


def spacing_for(steps: int, keep: int) -> int:
    """The fewest steps between kept states with which at most `keep` are held at once; else those that hold fewest.

    With spacing k there are ceil(steps / k) kept states, and k - 1 more while the steps between two are walked back.

    >>> [spacing_for(100, keep) for keep in (100, 60, 20, 1)]
    [1, 2, 8, 10]
    """

    def held(spacing: int) -> int:
        return math.ceil(steps / spacing) + spacing - 1

    spacings = range(1, steps + 1)
    return next((spacing for spacing in spacings if held(spacing) <= keep), min(spacings, key=held))


@dataclass(frozen=True)
class _Inner:
    """The steps of an inner training as functions of motion and batch."""

    loss: Loss
    view: View
    steps: range
    schedule: Schedule
    sizes: list[float]
    momentum: float
    weight_decay: float

    @classmethod
    def of(cls, loss: Loss, view: View, schedule: Schedule, steps: range | None) -> _Inner:
        """The numbers of a schedule read once: on a device each reading waits for all that is under way."""
        count = len(schedule.learning_rates)
        steps = range(count) if steps is None else steps
        if steps.step != 1 or (steps and (steps.start < 0 or steps.stop > count)):
            raise InputError(f"found {steps}, expected successive steps of a schedule of {count}; shorten the window")
        schedule = tree.detach(schedule)
        numbers = schedule.learning_rates.tolist(), float(schedule.momentum), float(schedule.weight_decay)
        return cls(loss, view, steps, schedule, *numbers)

    def rows(self, step: int) -> Tensor:
        """The items that a step sees."""
        return rows_of(self.schedule, step)

    def states(self, start: InnerState, batch: Batch, steps: range) -> Iterator[InnerState]:
        """The motion before the first of `steps` and after each."""
        state = start
        yield state
        for step in steps:
            with torch.no_grad():
                seen = tree.rows(batch, self.rows(step))
                seen = seen._replace(inputs=self.view(seen.inputs, step))
                gradient_of = gradient(self.loss, state.params, seen)
                size, momentum, weight_decay = self.sizes[step], self.momentum, self.weight_decay
                state = InnerState(*descend(state.params, gradient_of, state.velocity, size, momentum, weight_decay))
            yield state

    def back(self, state: InnerState, velocity: Tree, batch: Batch, step: int, adjoint: InnerState) -> _Back:
        """The adjoint taken back through `step`; `motion` is before it, `velocity` and `adjoint` are after it.

        With (a, b) the adjoint of (p, v) after the step, v' its velocity and c = b - learning_rate a:
        learning_rate gets -<a, v'>, momentum <c, v>, weight decay <c, p> and the rows d<g, c>/d rows; the adjoint
        before the step is (a + weight decay c + d<g, c>/dp, momentum c).
        """
        push = tree.map(lambda b, a: b - self.sizes[step] * a, adjoint.velocity, adjoint.params)
        seen = tree.rows(tree.detach(batch), self.rows(step))
        seen = tree.map(lambda part, leaf: part.requires_grad_(leaf.requires_grad), seen, batch)
        with torch.enable_grad():
            shown = self.view(seen.inputs, step)
        found = sensitivity(self.loss, state.params, seen._replace(inputs=shown), push)
        by_inputs = vjp(tree.leaves(shown), tree.leaves(found.batch.inputs), seen.inputs)
        return _Back(
            InnerState(
                tree.map(lambda a, c, curved: a + self.weight_decay * c + curved, adjoint.params, push, found.params),
                tree.map(lambda c: self.momentum * c, push),
            ),
            found.batch._replace(inputs=by_inputs),
            (-tree.dot(adjoint.params, velocity), tree.dot(push, state.velocity), tree.dot(push, state.params)),
        )


class _Back(NamedTuple):
    """The derivatives that one step back gives."""

    state: InnerState
    rows: Batch
    schedule: tuple[Tensor, Tensor, Tensor]
    """In the learning rate, the momentum and the decay."""


class _Unrolled(torch.autograd.Function):
    """The steps of `unroll` over the leaves of (start, batch, schedule)."""

    @staticmethod
    def forward(ctx: Any, inner: _Inner, structure: Tree, spacing: int, *leaves: Tensor) -> tuple[Tensor, ...]:
        start, batch, _ = _filled(structure, leaves)
        kept = []
        for index, state in enumerate(inner.states(start, batch, inner.steps)):
            end = state
            if index % spacing == 0 and 0 < index < len(inner.steps):
                kept.append(state)
        ctx.save_for_backward(*leaves)
        ctx.inner, ctx.structure, ctx.spacing, ctx.kept = inner, structure, spacing, kept
        # Detached: a context that held what it returns would keep itself alive.
        ctx.velocity = tree.detach(end.velocity)
        return tuple(tree.leaves(end))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *adjoints: Tensor) -> tuple[Tensor | None, ...]:
        inner, spacing = ctx.inner, ctx.spacing
        start, batch, schedule = _filled(ctx.structure, ctx.saved_tensors)
        adjoint, velocity = _filled(start, adjoints), ctx.velocity
        # Integers (classes, order) get zeros here, and nothing on the way out.
        data, plan = tree.map(torch.zeros_like, tree.detach((batch, schedule)))
        for index, kept in reversed(list(enumerate([start, *ctx.kept]))):
            steps = inner.steps[index * spacing : (index + 1) * spacing]
            states = list(inner.states(kept, batch, steps[:-1]))
            for step in reversed(steps):
                state = states.pop()
                found = inner.back(state, velocity, batch, step, adjoint)
                adjoint, velocity = found.state, state.velocity
                rows = inner.rows(step)
                tree.map(lambda total, part, at=rows: total.index_add_(0, at.to(total.device), part), data, found.rows)
                totals = (plan.learning_rates[step], plan.momentum, plan.weight_decay)
                for total, part in zip(totals, found.schedule, strict=True):
                    total.add_(part.to(total.device))
        found = tree.leaves((adjoint, data, plan))
        wanted = ctx.needs_input_grad[3:]
        return None, None, None, *(leaf if want else None for leaf, want in zip(found, wanted, strict=True))


def _filled(structure: Tree, leaves: tuple[Tensor, ...]) -> Tree:
    """The tree of the structure of `structure` with the given leaves, in the order of `tree.leaves`."""
    return tree.unflatten(structure, dict(zip(tree.flatten(structure), leaves, strict=True)))
