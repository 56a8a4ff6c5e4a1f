"""Learned targets start where the start is, and are stepped by an optimizer of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from limbeck.composition import Recipe
from limbeck.core.contracts import AbstractObjective, Batch, Budget, NoCache, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.distillation import Distillation
from limbeck.learn.optim import SGD, Adam
from limbeck.parameterizations import FixedTargets, Pixels, SoftTargets
from limbeck.schedules import LearnedRates
from limbeck.state import State
from limbeck.tasks import load

KEY = Key(("soft targets",))
PROBLEM = Problem(load("digits"), load("digits").network("mlp-w4"), torch.device("cpu"), NoCache())


def start() -> Batch:
    targets = KEY.fold("targets").normal(6, 3).softmax(1)
    return Batch(KEY.fold("inputs").normal(6, 1, 4, 4), targets, torch.arange(3).repeat_interleave(2))


def test_it_starts_at_the_targets_of_its_start_and_leaves_the_inputs_to_another() -> None:
    part = SoftTargets()
    params = part.init(PROBLEM, start(), KEY)
    rendered = part.render(params, KEY)
    assert all(torch.equal(leaf, expected) for leaf, expected in zip(rendered, start(), strict=True))
    assert list(params.learned) == ["inputs", "targets"]
    (by_targets,) = torch.autograd.grad(
        part.render(
            params._replace(learned={**params.learned, "targets": params.learned["targets"].requires_grad_()}), KEY
        ).targets.sum(),
        [params.learned["targets"]],
    )
    assert torch.equal(by_targets, torch.ones(6, 3))


@dataclass(frozen=True)
class Norms(AbstractObjective):
    """Half the squared norm of inputs and targets, whose gradient is what is learned itself, and of the rates."""

    def init(self, problem: Problem, key: Key) -> Any:
        return {}

    def loss(self, state: Any, problem: Problem, synthetic: Any, key: Key) -> Tensor:
        batch, rates = synthetic.batch, synthetic.schedule.learning_rates
        return (batch.inputs.square().sum() + batch.targets.square().sum()) / 2 + rates.sum()

    def advance(self, state: Any, problem: Problem, synthetic: Any, key: Key) -> Any:
        return state


def after(steps: int, **optimizers: Any) -> tuple[State, State]:
    task = load("digits")
    problem = Problem(task, task.network("convnet-w4-d1"), torch.device("cpu"), NoCache())
    recipe = Recipe(parameterization=SoftTargets(), objective=Norms(), steps=steps, **optimizers)
    run = Distillation(problem, recipe, per_class=1, key=KEY)
    begun = state = run.begin()
    for _ in range(steps):
        state = run.step(state)
    return begun, state


def test_each_group_is_stepped_by_its_own_optimizer() -> None:
    begun, done = after(
        3,
        optimizer=SGD(learning_rate=0.1),
        target_optimizer=SGD(learning_rate=0.25, momentum=0.5),
        schedule=LearnedRates(),
        schedule_optimizer=SGD(learning_rate=2.0),
    )
    torch.testing.assert_close(done.learned["inputs"], 0.9**3 * begun.learned["inputs"])
    # x <- x - v / 4, v <- v / 2 + x from v = 0: 3/4, then 7/16 and 11/64 of where it began.
    torch.testing.assert_close(done.learned["targets"], 11 / 64 * begun.learned["targets"])
    log = begun.learned["schedule"]["log_learning_rates"]
    for _ in range(3):
        log = log - 2.0 * log.exp()
    torch.testing.assert_close(done.learned["schedule"]["log_learning_rates"], log)


def test_targets_without_an_optimizer_are_stepped_as_inputs_are_with_a_state_of_their_own() -> None:
    begun, done = after(2, optimizer=Adam(learning_rate=0.01))
    assert set(done.optimizers) == {"inputs", "targets", "schedule"}
    # Adam's first steps are of its learning rate wherever the gradient's sign does not change.
    moved = (begun.learned["targets"] - done.learned["targets"])[begun.learned["targets"] > 0.5]
    torch.testing.assert_close(moved, torch.full_like(moved, 0.02), rtol=1e-3, atol=0)


def test_what_is_stored_are_the_items_a_class_each_and_a_float_for_each_output() -> None:
    for part in (SoftTargets(), FixedTargets()):
        stored = part.stored(part.init(PROBLEM, start(), KEY))
        assert Budget.of(stored).bytes == 4 * 6 * 16 + 6 + 4 * 6 * 3
    hard = start()._replace(targets=torch.eye(3)[start().classes])
    assert Budget.of(Pixels().stored(Pixels().init(PROBLEM, hard, KEY))).bytes == 4 * 6 * 16 + 6


def test_targets_that_are_whole_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="soft-targets: found targets of another type"):
        SoftTargets().init(PROBLEM, start()._replace(targets={"next": torch.arange(6)}), KEY)
