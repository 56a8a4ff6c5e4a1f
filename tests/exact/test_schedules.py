"""Schedules: balanced minibatches and learning rates that stay positive."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from limbeck.core.key import Key
from limbeck.schedules import Fixed, LearnedRates
from limbeck.schedules.fixed import balanced_order, order_in_turn

KEY = Key(("schedules",))


@given(st.integers(1, 4), st.integers(2, 6), st.integers(1, 8), st.integers(1, 5))
def test_every_step_sees_as_many_items_of_each_class_and_none_twice(
    labels: int, items: int, per_class: int, steps: int
) -> None:
    classes = torch.arange(labels).repeat_interleave(items)
    order = balanced_order(classes, per_class, steps, KEY)
    expected = min(per_class, items)
    assert len(order) == (steps if per_class < items else 1)
    for row in order:
        assert len(row.unique()) == len(row) == labels * expected
        assert classes[row].bincount().tolist() == [expected] * labels


def test_minibatches_change_from_step_to_step_and_from_key_to_key() -> None:
    classes = torch.arange(2).repeat_interleave(50)
    order = balanced_order(classes, 5, 4, KEY)
    assert not torch.equal(order[0], order[1])
    assert not torch.equal(order, balanced_order(classes, 5, 4, KEY.fold("other")))


def test_all_items_at_once_is_one_row() -> None:
    assert Fixed().render({}, torch.tensor([0, 0, 1]), KEY).order.tolist() == [[0, 1, 2]]


def test_items_take_turns_in_their_order_and_begin_again() -> None:
    # Class 0 has the items 0, 2, 4 and class 1 has 1 and 3.
    classes = torch.tensor([0, 1, 0, 1, 0])
    assert order_in_turn(classes, 1, 4).tolist() == [[0, 1], [2, 3], [4, 1], [0, 3]]
    assert order_in_turn(classes, 2, 2).tolist() == [[0, 2, 1, 3], [4, 0, 1, 3]]
    # Ten images of every class, one a step: three passes over the set in 30 steps, as Wang et al. (2018) have it.
    ten = torch.arange(10).repeat_interleave(10)
    rows = Fixed(steps=30, per_class=1, in_turn=True).render({}, ten, KEY).order
    assert rows.shape == (30, 10) and torch.equal(rows[:10], rows[20:])
    assert torch.equal(rows[:10].flatten().sort().values, torch.arange(100))
    assert torch.equal(rows[3], torch.arange(10) * 10 + 3)


@pytest.mark.parametrize("through", ["exponential", "softplus"])
@pytest.mark.parametrize("rate", [0.02, 0.001, 3.0])
def test_learned_learning_rates_start_where_they_are_given(through: Any, rate: float) -> None:
    schedule = LearnedRates(Fixed(steps=4, learning_rate=rate), through=through)
    found = schedule.render(schedule.init(1, KEY), torch.zeros(4, dtype=torch.int64), KEY).learning_rates
    assert torch.allclose(found, torch.full((4,), rate), rtol=1e-5)


def test_a_rate_by_softplus_changes_by_the_logistic_function() -> None:
    schedule = LearnedRates(Fixed(steps=1, learning_rate=0.02), through="softplus")
    params = {name: leaf.double().requires_grad_() for name, leaf in schedule.init(1, KEY).items()}
    schedule.render(params, torch.zeros(4, dtype=torch.int64), KEY).learning_rates.sum().backward()
    (raw,) = params.values()
    # d log(1 + e^x) / dx = 1 - e^-rate, where the rate is log(1 + e^x).
    assert raw.grad is not None and float(raw.grad[0]) == pytest.approx(1 - math.exp(-0.02), rel=1e-5)


def test_learned_learning_rates_are_positive_wherever_descent_takes_them() -> None:
    schedule = LearnedRates(shared=True)
    params = {"log_learning_rates": torch.tensor([-40.0])}
    rendered = schedule.render(params, torch.zeros(4, dtype=torch.int64), KEY)
    assert rendered.learning_rates.shape == (10,) and bool((rendered.learning_rates > 0).all())
