"""The loop: render, ask the objective, step. Interrupted anywhere, it goes on as if it never was."""

from __future__ import annotations

import time
import typing
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from limbeck.composition import Recipe
from limbeck.computations import Mixture, Training
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.core import tree
from limbeck.core.contracts import Problem, Schedule, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.compiled import Operations, pays
from limbeck.learn.optim import AbstractOptimizer
from limbeck.learn.protocol import Protocol

ANCHOR_EVERY = 100
"""Steps between the states that a run can fall back to. By count, not by clock, so that a run that
fell back is as reproducible as one that did not."""

FIRST_CHECK = 3_000_000
"""The seed of the first validation check: no network that a set is evaluated with begins where it began."""


class State(NamedTuple):
    """Everything a run is after some steps: tensors alone, since randomness is a function of (key, step)."""

    params: Tree
    """{"set": what the parameterization has, "schedule": what the schedule has}."""
    optimizers: Tree
    """The state of the optimizer of each."""
    objective: Tree
    step: Tensor
    work: Tensor
    """float64: the floating point operations of the first step, NaN before it."""
    rollbacks: Tensor
    """How often the run fell back to its anchor."""
    losses: Tensor
    """(step,) float64, NaN where not yet known."""
    scores: Tensor
    """(check,) float64 validation accuracies, NaN where not yet known."""


@typing.runtime_checkable
class Checkpoints(typing.Protocol):
    """Where a run keeps its state."""

    def read(self) -> dict[str, Tensor] | None:
        """What was last written, or None."""

    def write(self, tensors: dict[str, Tensor]) -> None:
        """Keep `tensors`, atomically, in place of what was written before."""


Watcher = Callable[[int, int, float | None, float | None], None]
"""watch(step, steps, loss, score): `step` of `steps` are done; the last loss and validation accuracy, where known."""


class Distilled(NamedTuple):
    """What a run comes to."""

    params: Tree
    schedule: Schedule
    losses: Tensor
    checks: tuple[tuple[int, float], ...]
    """(step, validation accuracy of one fresh learner) in order."""


@dataclass(frozen=True)
class Distillation:
    """All that determines a run, and its steps as pure functions of a state."""

    problem: Problem
    recipe: Recipe
    per_class: int
    key: Key
    checks: int = 4
    """How often the validation accuracy of one fresh learner is measured, evenly spread; it selects nothing."""
    compile: bool | None = None
    """Whether the steps after the first run as compiled code; None: where the run is long enough for that to pay."""

    @property
    def due(self) -> tuple[int, ...]:
        """The steps after which the set is checked, the last step among them."""
        return tuple(sorted({-(-self.recipe.steps * part // self.checks) for part in range(1, self.checks + 1)}))

    @property
    def optimizers(self) -> dict[str, AbstractOptimizer]:
        """What steps each part of the parameters."""
        return {"set": self.recipe.optimizer, "schedule": self.recipe.schedule_optimizer}

    def learned(self, params: Tree) -> Tree:
        """What is learned of each part: its leaves of floating type, by path."""
        return {name: _learned(params[name]) for name in self.optimizers}

    def begin(self) -> State:
        """The state before the first step."""
        recipe, objective = self.recipe, self.recipe.objective
        start = recipe.start.pick(self.problem, self.per_class, self.key.fold("start")).to(self.problem.device)
        count = len(start.classes)
        params = {
            "set": recipe.parameterization.init(start, self.key.fold("init")),
            "schedule": tree.move(recipe.schedule.init(count, self.key.fold("schedule")), self.problem.device),
        }
        return State(
            params=params,
            optimizers={name: optimizer.init(_learned(params[name])) for name, optimizer in self.optimizers.items()},
            objective=objective.init(self.problem, self.key.fold("objective")) if objective else {},
            step=torch.tensor(0),
            work=torch.tensor(torch.nan, dtype=torch.float64),
            rollbacks=torch.tensor(0),
            losses=torch.full((recipe.steps,), torch.nan, dtype=torch.float64),
            scores=torch.full((len(self.due),), torch.nan, dtype=torch.float64),
        )

    def step(self, state: State) -> State:
        """The state after one more step; the first is eager, and its operations are counted."""
        if int(state.step) == 0:
            with Operations() as operations:
                after = self._stepped(self.problem, state)
            return after._replace(work=torch.tensor(float(operations.count), dtype=torch.float64))
        wanted = self.compile
        if wanted is None:
            wanted = pays(float(state.work) * (self.recipe.steps - 1), self.problem.device)
        return self._stepped(replace(self.problem, compiled=wanted), state)

    def _stepped(self, problem: Problem, state: State) -> State:
        objective = self.recipe.objective
        assert objective is not None, "a recipe with steps has an objective"
        step = int(state.step)
        now = self.key.fold("fall", int(state.rollbacks), "step", step)
        learned = tree.map(lambda leaf: leaf.detach().requires_grad_(), self.learned(state.params))
        loss = objective.loss(state.objective, problem, self.show(_put(state.params, learned), now), now)
        found = torch.autograd.grad(loss, tree.leaves(learned), allow_unused=True, materialize_grads=True)
        gradients = tree.unflatten(learned, dict(zip(tree.flatten(learned), found, strict=True)))
        moved, optimizers = {}, {}
        for name, optimizer in self.optimizers.items():
            moved[name], optimizers[name] = optimizer.step(
                tree.detach(learned[name]), gradients[name], state.optimizers[name]
            )
        params = _put(state.params, moved)
        with torch.no_grad():
            shown = self.show(params, now)
        losses = state.losses.clone()
        losses[step] = loss.detach()
        return state._replace(
            params=params,
            optimizers=optimizers,
            objective=tree.detach(objective.advance(state.objective, problem, shown, now)),
            step=state.step + 1,
            losses=losses,
        )

    def show(self, params: Tree, key: Key) -> Synthetic:
        """The synthetic set that `params` stand for, and how it is meant to be trained on."""
        batch = self.recipe.parameterization.render(params["set"], key.fold("view"))
        return Synthetic(batch, self.recipe.schedule.render(params["schedule"], batch.classes, key.fold("order")))

    def check(self, state: State) -> State:
        """The state with the validation accuracy that is due after its step, if one is."""
        if int(state.step) not in self.due:
            return state
        index = self.due.index(int(state.step))
        if not bool(state.scores[index].isnan()):
            return state
        shown = self.show(state.params, self.key)
        context = ProbeContext(self.problem, set=BatchSet("", shown.batch, shown.schedule), split="validation")
        scores = state.scores.clone()
        outcome = Training(Mixture(), FIRST_CHECK + index, Protocol()).run(context)
        scores[index] = outcome[self.problem.task.metrics[0].name][-1]
        return state._replace(scores=scores)


def distill(run: Distillation, checkpoints: Checkpoints, watch: Watcher, checkpoint_seconds: float = 30.0) -> Distilled:
    """Run `course` to its end, going on from the last checkpoint; a state is kept on a clock and when interrupted.

    Raises InputError where a loss or a parameter is not finite, and again after going back once.
    """
    state = anchor = run.begin()
    kept = checkpoints.read()
    if kept is not None:
        state, anchor = tree.move(tree.unflatten((state, anchor), kept), run.problem.device)
    written = time.monotonic()
    try:
        while True:
            state = run.check(state)
            step = int(state.step)
            watch(step, run.recipe.steps, *_news(state))
            if step == run.recipe.steps:
                break
            if step % ANCHOR_EVERY == 0:
                anchor = state
            if time.monotonic() - written >= checkpoint_seconds:
                checkpoints.write(tree.flatten((state, anchor)))
                written = time.monotonic()
            after = run.step(state)
            state = after if tree.finite((after.params, after.losses[step])) else _roll_back(anchor, after)
    except KeyboardInterrupt:
        checkpoints.write(tree.flatten((state, anchor)))
        raise
    return Distilled(
        params=state.params["set"],
        schedule=tree.detach(run.show(state.params, run.key).schedule),
        losses=state.losses,
        checks=tuple(zip(run.due, state.scores.tolist(), strict=True)),
    )


def _learned(part: Tree) -> dict[str, Tensor]:
    return {path: leaf for path, leaf in tree.flatten(part).items() if leaf.is_floating_point()}


def _put(params: Tree, learned: Tree) -> Tree:
    """`params` with the learned leaves of each part in their places."""
    return {name: tree.unflatten(part, {**tree.flatten(part), **learned[name]}) for name, part in params.items()}


def _roll_back(anchor: State, bad: State) -> State:
    """The anchor, from where the run goes on with other draws; the second time, a refusal."""
    if int(bad.rollbacks) > 0:
        raise InputError(
            f"step {int(bad.step)}: the loss or a parameter is not finite, and again after going back once; "
            "expected finite numbers; lower the learning rate (--optimizer.learning_rate)"
        )
    return anchor._replace(rollbacks=bad.rollbacks + 1)


def _news(state: State) -> tuple[float | None, float | None]:
    """The last loss and the latest score that are known."""
    known = state.scores[~state.scores.isnan()]
    step = int(state.step)
    return (float(state.losses[step - 1]) if step else None), (float(known[-1]) if len(known) else None)
