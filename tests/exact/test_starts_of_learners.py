"""Warm and cold starts of the inner learner on a linear problem that many learners fit, against closed forms."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

from limbeck.core.contracts import Batch, Problem, Synthetic
from limbeck.core.key import Key
from limbeck.learn.rules import Momentum
from limbeck.schedules import Fixed

KEY = Key(("starts of learners",))


@pytest.fixture(scope="module")
def bench(checkout: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("starts", checkout / "benchmarks" / "starts.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["starts"] = made
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def double() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture
def on(bench: ModuleType, double: None) -> Problem:
    problem: Problem = bench.problem()
    return problem


def set_of(inputs: Tensor, targets: Tensor, steps: int, rate: float = 0.2) -> Synthetic:
    batch = Batch(inputs, targets, torch.zeros(len(inputs), dtype=torch.int64))
    schedule = Fixed(steps=steps, learning_rate=rate, optimizer=Momentum(0.0))
    return Synthetic.of(batch, schedule.render({}, batch.classes, KEY))


def drawn(number: int, items: int = 2) -> tuple[Tensor, Tensor]:
    key = KEY.fold("set", number)
    return key.normal(items, 12).double(), key.fold("targets").normal(items, 3).double()


def learner(at: Tensor) -> dict[str, dict[str, Tensor]]:
    return {"params": {"weight": at}}


def test_a_warm_learner_is_where_gradient_descent_takes_it_from_where_it_was(bench: ModuleType, on: Problem) -> None:
    """W <- W + X'G^-1 (I - (I - cG)^K)(Y - XW), G = XX', c = 2 rate / (items outputs): K steps of squared error."""
    state, expected = bench.WARM.init(on, KEY), torch.zeros(12, 3)
    for number in range(4):
        inputs, targets = drawn(number)
        gram = inputs @ inputs.T
        left = torch.eye(2) - torch.linalg.matrix_power(torch.eye(2) - 2 * 0.2 / 6 * gram, 3)
        expected = expected + inputs.T @ torch.linalg.solve(gram, left @ (targets - inputs @ expected))
        state = bench.WARM.advance(state, on, set_of(inputs, targets, 3), KEY.fold(number))
        torch.testing.assert_close(state["params"]["weight"], expected, rtol=1e-10, atol=1e-12)


def real_loss(bench: ModuleType, on: Problem, weight: Tensor) -> float:
    return float((weight - bench.solution_of(on)).square().sum() / 3)


def test_warm_ends_nearest_to_where_it_was_and_cold_at_the_least_that_fits(bench: ModuleType, on: Problem) -> None:
    before, (inputs, targets) = KEY.fold("before").normal(12, 3).double(), drawn(0)
    shown, inverse = set_of(inputs, targets, 400), torch.linalg.pinv(inputs)
    warm = bench.WARM.advance(learner(before), on, shown, KEY)["params"]["weight"]
    torch.testing.assert_close(inputs @ warm, targets)
    torch.testing.assert_close(warm, before + inverse @ (targets - inputs @ before))
    free = torch.eye(12) - inverse @ inputs
    torch.testing.assert_close(free @ warm, free @ before)
    cold = float(bench.COLD.loss({}, on, shown, KEY))
    assert cold == pytest.approx(real_loss(bench, on, inverse @ targets), rel=1e-9)
    assert float(bench.WARM.loss(learner(before), on, shown, KEY)) == pytest.approx(
        real_loss(bench, on, before + inverse @ (targets - inputs @ before)), rel=1e-9
    )


def test_sets_of_one_item_teach_a_warm_learner_all_and_a_cold_one_one_direction(bench: ModuleType, on: Problem) -> None:
    rows = bench.visited(on, 12)
    for row in rows:
        assert row.cold == pytest.approx(row.cold_expected, rel=1e-9) and row.cold > bench.bound(1)
        assert row.warm == pytest.approx(row.warm_expected, rel=1e-9, abs=1e-12)
    assert rows[-1].warm < 1e-12 and min(row.cold for row in rows) > 0.4


def test_no_set_of_m_items_takes_a_cold_learner_below_the_bound_and_one_takes_it_there(
    bench: ModuleType, on: Problem
) -> None:
    """Eckart & Young (1936): what is left are the squares of the smaller singular values, 0.8 and 0.6."""
    left, values, right = torch.linalg.svd(bench.solution_of(on), full_matrices=False)
    torch.testing.assert_close(values, torch.tensor([1.0, 0.8, 0.6]))
    for items in (1, 2):
        best = set_of(left[:, :items].T, torch.diag(values)[:items] @ right, 400, rate=items)
        assert float(bench.COLD.loss({}, on, best, KEY)) == pytest.approx(bench.bound(items), rel=1e-9)
        for number in range(20):
            shown = set_of(*drawn(number, items), steps=1 + number)
            assert float(bench.COLD.loss({}, on, shown, KEY)) > bench.bound(items)


def test_a_warm_learner_that_fits_is_pulled_along_its_items_alone(bench: ModuleType, on: Problem) -> None:
    """At X W = Y the derivative of the real loss in Y is 2 (X^+)'(W - W*) / outputs, and in X less that times W'."""
    inputs, before = drawn(0)[0], KEY.fold("before").normal(12, 3).double()
    at = [leaf.requires_grad_() for leaf in (inputs, (inputs @ before).detach())]
    loss = bench.WARM.loss(learner(before), on, set_of(*at, steps=400), KEY)
    by_inputs, by_targets = torch.autograd.grad(loss, at)
    inverse = torch.linalg.pinv(inputs.detach())
    expected = 2 / 3 * inverse.T @ (before - bench.solution_of(on))
    torch.testing.assert_close(by_targets, expected, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(by_inputs, -expected @ before.T, rtol=1e-8, atol=1e-10)


def test_a_distilled_item_goes_below_the_bound_warm_and_not_for_a_learner_that_begins_anew(bench: ModuleType) -> None:
    warm, cold = bench.distilled("warm", 400, 0), bench.distilled("cold", 50, 0)
    assert warm.loss < 0.8 * bench.bound(1) < bench.bound(1) < min(warm.again, cold.loss)
    assert cold.loss == cold.again
