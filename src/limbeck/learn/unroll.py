"""Differentiable inner training: a learner trained on a batch, and the exact derivative of where it ends."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractAugmentation, AbstractTask, Batch, Schedule, Synthetic, UpdateRule
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.schedule import labelled
from limbeck.core.tree import Tree
from limbeck.learn.sensitivity import Loss, gradient, sensitivity, vjp
from limbeck.learn.training import rows_of

View = Callable[[Tree, Tensor, int], Batch]
"""view(source, rows, step) -> the examples that a step sees: a differentiable function of the source alone."""

STATE_BYTES = 2**29
"""Bytes of states that an unroll keeps for its way back unless told otherwise."""


class InnerState(NamedTuple):
    """Where a learner is and how it moves."""

    params: Tree
    optimizer_state: Tree
    """What the update rule of the schedule carries from step to step."""


def initial_state(params: Tree, rule: UpdateRule) -> InnerState:
    """A learner before its first step."""
    return InnerState(params, tree.detach(rule.init(tree.detach(params))))


def rows_of_batch(source: Tree, rows: Tensor, step: int) -> Batch:
    """The view of a source that is the batch itself."""
    batch: Batch = tree.rows(source, rows)
    return batch


def rows_of_view(task: AbstractTask, synthetic: Synthetic) -> View:
    """The view that a step has of a synthetic set: those rows of what that step sees of the whole."""
    return lambda source, rows, step: task.take(synthetic.view(source, step), rows)


def augmented(view: View, task: AbstractTask, augment: AbstractAugmentation | None, key: Key) -> View:
    """A view of which every example of every step is augmented by itself; the view where there is no augmentation."""
    if augment is None:
        return view

    def shown(source: Tree, rows: Tensor, step: int) -> Batch:
        seen = view(source, rows, step)
        return task.augment(seen, key.fold(step), torch.arange(len(rows)), augment)

    return shown


def with_labels(source: Tree, view: View, schedule: Schedule) -> tuple[Tree, View]:
    """A source and its view with the labels of a schedule for its loss, differentiable in them as in the source."""
    if not schedule.labels:
        return source, view
    return (source, schedule.labels), lambda both, rows, step: labelled(view(both[0], rows, step), both[1], rows)


def advance(
    loss: Loss,
    start: InnerState,
    source: Tree,
    schedule: Schedule,
    steps: range | None = None,
    view: View = rows_of_batch,
) -> InnerState:
    """The state after `steps` of `schedule` (all, where none are given), the same bits as `unroll`'s, without a graph.

    Before an `unroll` of the steps that follow it makes a truncated window: the hypergradient through the
    last W steps before a stop is that of `unroll(..., range(stop - W, stop))` from `advance(..., range(stop - W))`.
    """
    source, view = with_labels(source, view, schedule)
    inner = _Inner.of(loss, view, schedule, steps)
    for reached in inner.walk(tree.detach(start), tree.detach(source), inner.steps):
        end = reached.state
    return end


def unroll(
    loss: Loss,
    start: InnerState,
    source: Tree,
    schedule: Schedule,
    steps: range | None = None,
    view: View = rows_of_batch,
    keep: int | None = None,
    alone: bool = False,
) -> InnerState:
    """The state after `steps` of `schedule` (all, where none are given), differentiable in all that it came from.

    For each step t with the rows that the schedule's order gives it (row t modulo the number of rows):

        g = d loss / d p (p, view(source, rows, t));    (p, state) <- rule.update(p, g, state, learning_rate_t)

    Any function of the result may be differentiated, once, in the start's parameters and optimizer state, in the
    source, and in the schedule's learning rates and the hyper-parameters of its rule. The gradient is exact: a step
    back is the vector-Jacobian product of the rule's own update, which gives the direction of one `sensitivity` of the
    loss, and the product of the view (reverse accumulation as in Maclaurin et al., ICML 2015, with stored instead of
    reversed states). So memory holds the activations of one step and some states (a state here is parameters, their
    gradient and the optimizer's state), never the activations of all steps. What a view draws must depend on the step
    alone, since a step is taken again on the way back.

    Where steps are taken `alone`, g is differentiated in the source and not in p: what a step does to the gradients of
    those after it is left out (Cui et al., ICML 2023). That is another estimate, not the derivative.

    At most `keep` states are held: all steps' states where that many fit, else those a fixed number of
    steps apart, between which the steps are taken again; never fewer than about 2 sqrt(steps). By default
    as many as fit in `STATE_BYTES`. The result is the same to the bit whatever is kept.
    Raises InputError for steps that the schedule does not have.
    """
    source, view = with_labels(source, view, schedule)
    inner = replace(_Inner.of(loss, view, schedule, steps), alone=alone)
    if not inner.steps:
        return start
    if keep is None:
        held = tree.leaves((start, start.params))
        keep = STATE_BYTES // sum(leaf.numel() * leaf.element_size() for leaf in held)
    arguments = (start, source, schedule)
    structure = tree.map(lambda leaf: None, arguments)
    spacing = spacing_for(len(inner.steps), keep)
    return _filled(start, _unrolled().apply(inner, structure, spacing, *tree.leaves(arguments)))


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


class _Reached(NamedTuple):
    """Where a learner is after some steps, and the gradient that the last of them went down (None before the first)."""

    state: InnerState
    gradient: Tree


class _Adjoint(NamedTuple):
    """The derivatives that one step back gives."""

    state: InnerState
    source: Tree
    learning_rate: Tensor
    rule: UpdateRule


@dataclass(frozen=True)
class _Inner:
    """The steps of an inner training as functions of state and source."""

    loss: Loss
    view: View
    steps: range
    schedule: Schedule
    alone: bool = False

    @classmethod
    def of(cls, loss: Loss, view: View, schedule: Schedule, steps: range | None) -> _Inner:
        """The steps, without a graph; InputError for steps that the schedule does not have."""
        count = len(schedule.learning_rates)
        steps = range(count) if steps is None else steps
        if steps.step != 1 or (steps and (steps.start < 0 or steps.stop > count)):
            raise InputError(f"found {steps}, expected successive steps of a schedule of {count}; shorten the window")
        return cls(loss, view, steps, tree.detach(schedule))

    def rows(self, step: int) -> Tensor:
        """The items that a step sees."""
        return rows_of(self.schedule, step)

    def walk(self, start: InnerState, source: Tree, steps: range) -> Iterator[_Reached]:
        """The state before the first of `steps` and after each."""
        state, rule = start, self.schedule.rule
        yield _Reached(start, None)
        for step in steps:
            with torch.no_grad():
                seen = self.view(source, self.rows(step), step)
                descent = gradient(self.loss, state.params, seen)
                learning_rate = self.schedule.learning_rates[step]
                state = InnerState(*rule.update(state.params, descent, state.optimizer_state, learning_rate))
            yield _Reached(state, descent)

    def back(
        self, state: InnerState, descent: Tree, source: Tree, schedule: Schedule, step: int, adjoint: InnerState
    ) -> _Adjoint:
        """The adjoint taken back through `step`: `state` is before it, `adjoint` after it, `descent` its gradient.

        With (a, b) the adjoint of the state after the step, the update's own derivatives give those in parameters,
        gradient, state, learning rate and rule. The one in the gradient is the direction c in which the loss is bent:
        d<g, c>/dp joins the parameters', but where steps are taken alone, and d<g, c>/d examples goes back through the
        view to the source.
        """
        rule, learning_rate = _variables((schedule.rule, schedule.learning_rates[step]), only_learned=True)
        at = _variables((state.params, descent, state.optimizer_state))
        with torch.enable_grad():
            after = rule.update(*at, learning_rate)
        given = tree.leaves(after), tree.leaves(tuple(adjoint))
        (by_params, direction, by_state), by_rule, by_rate = vjp(*given, (at, rule, learning_rate))
        held = _variables(source, only_learned=True)
        with torch.enable_grad():
            shown = self.view(held, self.rows(step), step)
        curved = sensitivity(self.loss, state.params, shown, direction)
        bent = by_params if self.alone else tree.map(torch.add, by_params, curved.params)
        return _Adjoint(
            InnerState(bent, by_state),
            vjp(tree.leaves(shown), tree.leaves(curved.batch), held),
            by_rate,
            by_rule,
        )


@functools.cache
def _unrolled() -> Any:
    """The steps of `unroll` over the leaves of (start, source, schedule): a `torch.autograd.Function`."""

    class Unrolled(torch.autograd.Function):
        forward = staticmethod(_forth)

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx: Any, *adjoints: Tensor) -> tuple[Tensor | None, ...]:
            return _back(ctx, *adjoints)

    return Unrolled


def _forth(ctx: Any, inner: _Inner, structure: Tree, spacing: int, *leaves: Tensor) -> tuple[Tensor, ...]:
    start, source, _ = _filled(structure, leaves)
    kept = []
    for index, reached in enumerate(inner.walk(start, source, inner.steps)):
        end = reached
        if index % spacing == 0 and 0 < index < len(inner.steps):
            kept.append(reached)
    ctx.save_for_backward(*leaves)
    ctx.inner, ctx.structure, ctx.spacing, ctx.kept, ctx.descent = inner, structure, spacing, kept, end.gradient
    ends = tree.leaves(end.state)
    ctx.mark_non_differentiable(*(leaf for leaf in ends if not leaf.is_floating_point()))
    return tuple(ends)


def _back(ctx: Any, *adjoints: Tensor) -> tuple[Tensor | None, ...]:
    inner, spacing = ctx.inner, ctx.spacing
    start, source, schedule = _filled(ctx.structure, ctx.saved_tensors)
    adjoint, descent = _filled(start, adjoints), ctx.descent
    # Integers (classes, order) get zeros here, and nothing on the way out.
    by_source, by_schedule = tree.map(torch.zeros_like, tree.detach((source, schedule)))
    for index, kept in reversed(list(enumerate([_Reached(start, None), *ctx.kept]))):
        steps = inner.steps[index * spacing : (index + 1) * spacing]
        path = [kept, *itertools.islice(inner.walk(kept.state, source, steps[:-1]), 1, None)]
        for step in reversed(steps):
            before = path.pop()
            back = inner.back(before.state, descent, source, schedule, step, adjoint)
            adjoint, descent = back.state, before.gradient
            totals = (by_source, by_schedule.learning_rates[step], by_schedule.rule)
            tree.map(_add_to, totals, (back.source, back.learning_rate, back.rule))
    found = tree.leaves((adjoint, by_source, by_schedule))
    wanted = ctx.needs_input_grad[3:]
    return None, None, None, *(leaf if want else None for leaf, want in zip(found, wanted, strict=True))


def _variables(values: Tree, only_learned: bool = False) -> Tree:
    """The same numbers as leaves of a fresh graph: those of floating type, or only those that required a gradient."""

    def variable(leaf: Tensor) -> Tensor:
        return leaf.detach().requires_grad_(leaf.requires_grad if only_learned else leaf.is_floating_point())

    return tree.map(variable, values)


def _add_to(total: Tensor, part: Tensor) -> None:
    total.add_(part.to(total.device))


def _filled(structure: Tree, leaves: tuple[Tensor, ...]) -> Tree:
    """The tree of the structure of `structure` with the given leaves, in the order of `tree.leaves`."""
    return tree.unflatten(structure, dict(zip(tree.flatten(structure), leaves, strict=True)))
