"""Schedules: balanced minibatches and learning rates that stay positive."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from limbeck.core.key import Key
from limbeck.schedules import Fixed, LearnedRates
from limbeck.schedules.fixed import balanced_order

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


def test_learned_learning_rates_are_positive_wherever_descent_takes_them() -> None:
    schedule = LearnedRates(shared=True)
    params = {"log_learning_rates": torch.tensor([-40.0])}
    rendered = schedule.render(params, torch.zeros(4, dtype=torch.int64), KEY)
    assert rendered.learning_rates.shape == (10,) and bool((rendered.learning_rates > 0).all())
