"""Learned soft labels start where the start is, and move at their own pace."""

from __future__ import annotations

import pytest
import torch

from limbeck.core import tree
from limbeck.core.contracts import Batch
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn.optim import SGD
from limbeck.parameterizations.pixels import Pixels
from limbeck.parameterizations.soft_targets import SoftTargets

KEY = Key(("soft targets",))


def start() -> Batch:
    targets = KEY.fold("targets").normal(6, 3).softmax(1)
    return Batch(KEY.fold("inputs").normal(6, 1, 4, 4), targets, torch.arange(3).repeat_interleave(2))


def test_soft_targets_of_the_start_are_rendered_and_the_items_are_those_of_the_inner_part() -> None:
    part = SoftTargets()
    rendered = part.render(part.init(start(), KEY), KEY)
    inner = Pixels().render(Pixels().init(start(), KEY), KEY)
    assert torch.equal(rendered.targets, start().targets)
    assert torch.equal(rendered.inputs, inner.inputs) and torch.equal(rendered.classes, inner.classes)


@pytest.mark.parametrize("pace", [1.0, 1e-3, 25.0])
def test_targets_move_as_by_an_optimizer_of_their_own_learning_rate(pace: float) -> None:
    part, optimizer = SoftTargets(pace=pace), SGD(learning_rate=2.0, momentum=0.5)
    exact = start()._replace(inputs=start().inputs.double(), targets=start().targets.double())
    params = part.init(exact, KEY)
    learned = {path: leaf for path, leaf in tree.flatten(params).items() if leaf.is_floating_point()}
    speed = optimizer.init(learned)
    alone = SGD(learning_rate=2.0 * pace, momentum=0.5)
    targets = {"targets": exact.targets}
    alone_speed = alone.init(targets)
    aim = KEY.fold("aim").normal(6, 3).double()
    for _ in range(5):
        free = {path: leaf.detach().requires_grad_() for path, leaf in learned.items()}
        rendered = part.render(tree.unflatten(params, {**tree.flatten(params), **free}), KEY)
        loss = 0.1 * (rendered.targets - aim).cos().sum() + 0.1 * rendered.inputs.square().sum()
        slopes = dict(zip(free, torch.autograd.grad(loss, list(free.values())), strict=True))
        learned, speed = optimizer.step(tree.detach(free), slopes, speed)
        slope = {"targets": -0.1 * (targets["targets"] - aim).sin()}
        targets, alone_speed = alone.step(targets, slope, alone_speed)
        torch.testing.assert_close(learned["targets"] * pace**0.5, targets["targets"], rtol=1e-9, atol=1e-9)


def test_it_costs_the_items_and_a_number_for_each_output() -> None:
    part = SoftTargets()
    inner = Pixels().cost(Pixels().init(start(), KEY))
    cost = part.cost(part.init(start(), KEY))
    assert (cost.scalars, cost.bytes) == (inner.scalars + 18, inner.bytes + 72)


def test_a_pace_that_stands_still_is_refused() -> None:
    with pytest.raises(InputError, match="found pace 0"):
        SoftTargets(pace=0.0)
