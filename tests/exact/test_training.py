"""Training is the SGD that it says it is."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from limbeck.core import tree
from limbeck.core.contracts import Batch
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn import microbatches
from limbeck.learn.optim import SGD
from limbeck.learn.protocol import PROTOCOLS, Protocol
from limbeck.learn.sensitivity import mean_loss
from limbeck.learn.training import Learner, fit, gradient_function, row_loader, rows_of
from limbeck.statistics.estimates import interval
from limbeck.tasks import load

CPU = torch.device("cpu")
KEY = Key(("training",))


def digits(count: int) -> Batch:
    return load("digits").load("train", torch.arange(count))


@pytest.mark.parametrize("network", ["convnet-w8-d2", "convnet-w8-d2-batch"])
def test_fitting_equals_a_literal_loop_with_torch_s_own_optimiser(network: str) -> None:
    task = load("digits")
    net = task.network(network)
    batch = digits(50)
    protocol = Protocol(epochs=4, batch=16, learning_rate=0.05, momentum=0.8, weight_decay=0.01, drop_after=3)
    schedule = protocol.schedule(50, KEY)
    learner = fit(task, net, row_loader(task, batch), schedule, KEY, CPU)

    params = {name: value.clone().requires_grad_() for name, value in net.init(KEY.fold("init")).items()}
    statistics = net.statistics()
    optimiser = torch.optim.SGD(params.values(), lr=0.05, momentum=0.8, weight_decay=0.01)
    for epoch in range(4):
        if epoch == 3:
            optimiser.param_groups[0]["lr"] *= 0.1
        for rows in KEY.fold(epoch).permutation(50).split(16):
            optimiser.zero_grad()
            readout, statistics = net.track(params, batch.inputs[rows], statistics)
            torch.nn.functional.cross_entropy(readout.outputs, batch.classes[rows]).backward()
            optimiser.step()
    for name, value in learner.params.items():
        torch.testing.assert_close(value, params[name].detach(), rtol=1e-4, atol=1e-5)
    for name, value in learner.statistics.items():
        torch.testing.assert_close(value, statistics[name], rtol=1e-4, atol=1e-5)


@given(st.integers(1, 40), st.integers(0, 12), st.integers(1, 5))
def test_every_epoch_sees_every_item_once(count: int, batch: int, epochs: int) -> None:
    schedule = Protocol(epochs=epochs, batch=batch).schedule(count, KEY)
    per_epoch = -(-count // batch) if batch else 1
    assert len(schedule.learning_rates) == epochs * per_epoch
    for epoch in range(epochs):
        seen = torch.cat([rows_of(schedule, epoch * per_epoch + step) for step in range(per_epoch)])
        assert sorted(seen.tolist()) == list(range(count))


def test_the_published_protocols_are_those_published() -> None:
    assert Protocol() == PROTOCOLS["paper"]
    paper = PROTOCOLS["paper"].schedule(100, KEY)
    assert paper.learning_rates.tolist() == pytest.approx([0.01] * 300)
    assert paper.order.tolist() == [list(range(100))]
    assert (float(paper.momentum), float(paper.weight_decay)) == pytest.approx((0.9, 0.0))
    published = [("dc", 300, 151), ("cafe", 600, 301), ("dsa", 1000, 501), ("dm", 1000, 501), ("mtt", 1000, 501)]
    for name, epochs, drop in published:
        schedule = PROTOCOLS[name].at(0.01).schedule(500, KEY)
        assert schedule.order.shape == (2 * epochs, 256)
        assert schedule.learning_rates.tolist() == pytest.approx([0.01] * (2 * drop) + [0.001] * (2 * (epochs - drop)))
        assert float(schedule.weight_decay) == pytest.approx(5e-4)


def test_a_protocol_takes_the_learning_rate_of_the_set_only_where_it_says_so() -> None:
    assert PROTOCOLS["mtt"].at(0.03).learning_rate == 0.03
    assert PROTOCOLS["paper"].at(0.03).learning_rate == 0.01
    with pytest.raises(InputError, match="learning_rate -0.1"):
        PROTOCOLS["mtt"].at(-0.1)


def test_the_full_data_get_at_least_the_steps_of_the_set_and_at_least_their_epochs() -> None:
    protocol = Protocol(full_epochs=5, full_batch=256)
    assert len(protocol.full_schedule(1000, 300, KEY).learning_rates) == 300
    assert len(protocol.full_schedule(45_000, 300, KEY).learning_rates) == 5 * 176


def test_a_protocol_without_steps_is_refused() -> None:
    with pytest.raises(InputError, match="epochs 0"):
        Protocol(epochs=0)


def test_clipping_bounds_the_norm_over_all_leaves() -> None:
    params = {"a": torch.zeros(3), "b": torch.zeros(2)}
    gradients = {"a": torch.full((3,), 3.0), "b": torch.full((2,), -4.0)}
    sgd = SGD(learning_rate=1.0, clip=2.0)
    moved, _ = sgd.step(params, gradients, sgd.init(params))
    assert float(tree.norm(moved)) == pytest.approx(2.0)
    small = tree.map(lambda leaf: leaf * 0.01, gradients)
    untouched, _ = sgd.step(params, small, sgd.init(params))
    assert torch.equal(untouched["a"], -small["a"])


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    draws = Key(("coverage",)).normal(2000, 5).double()
    covered = sum(low <= 0 <= high for _, low, high in map(interval, draws.tolist()))
    # Binomial(2000, 0.95): three standard deviations are 1.5 points.
    assert abs(covered / 2000 - 0.95) < 0.015


def test_one_measurement_has_no_interval() -> None:
    assert interval([0.5]) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("network", ["convnet-w3-d1", "convnet-w3-d1-batch"])
@pytest.mark.parametrize("keeping", [True, False])
def test_passes_change_no_gradient(network: str, keeping: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    task = load("digits")
    net, batch, key = task.network(network), task.load("train", torch.arange(20)), Key(("passes",))
    learner = Learner(net.init(key), net.statistics() if keeping else {})
    gradient_of = gradient_function(mean_loss(task, net), task, net)
    whole = gradient_of(learner, batch)[0]
    monkeypatch.setattr(microbatches, "NUMBERS", 7 * 64)
    for name, leaf in gradient_of(learner, batch)[0].items():
        torch.testing.assert_close(leaf, whole[name], rtol=1e-4, atol=1e-6)
