"""Training is the SGD that it says it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from limbeck.core import tree
from limbeck.core.contracts import Batch, Schedule
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn import microbatches, rules
from limbeck.learn.epochs import shuffled_epochs
from limbeck.learn.optim import SGD, AbstractOptimizer, Adam
from limbeck.learn.rules import AbstractInnerOptimizer, Momentum
from limbeck.learn.sensitivity import mean_loss
from limbeck.learn.training import Learner, fit, gradient_function, row_loader, rows_of
from limbeck.protocols import Epochs
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
    protocol = Epochs(epochs=4, batch=16, learning_rate=0.05, optimizer=Momentum(0.8, 0.01), drop_after=3)
    schedule = protocol.schedule(None, 50, KEY)
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
    schedule = shuffled_epochs(count, epochs, batch, 0.1, Momentum().rule(), KEY)
    per_epoch = -(-count // batch) if batch else 1
    assert len(schedule.learning_rates) == epochs * per_epoch
    for epoch in range(epochs):
        seen = torch.cat([rows_of(schedule, epoch * per_epoch + step) for step in range(per_epoch)])
        assert sorted(seen.tolist()) == list(range(count))


def test_fitting_by_adam_equals_a_literal_loop_with_torch_s_own_adam() -> None:
    task, batch = load("digits"), digits(40)
    net = task.network("convnet-w8-d2-none-tanh")
    part = rules.Adam(beta1=0.8, beta2=0.95, epsilon=1e-4, weight_decay=0.01)
    rates = torch.tensor([0.02, 0.01, 0.005, 0.02, 0.01])
    learner = fit(
        task, net, row_loader(task, batch), Schedule(rates, torch.arange(40).view(2, 20), part.rule()), KEY, CPU
    )
    params = {name: value.clone().requires_grad_() for name, value in net.init(KEY.fold("init")).items()}
    optimiser = torch.optim.Adam(params.values(), lr=0.0, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.01)
    for step, rate in enumerate(rates.tolist()):
        optimiser.param_groups[0]["lr"] = rate
        optimiser.zero_grad()
        rows = torch.arange(20) + 20 * (step % 2)
        outputs = net.apply(params, batch.inputs[rows]).outputs
        torch.nn.functional.cross_entropy(outputs, batch.classes[rows]).backward()
        optimiser.step()
    for name, value in learner.params.items():
        torch.testing.assert_close(value, params[name].detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("optimizer", "part", "torch_s"),
    [
        (
            SGD(0.1, 0.8, 0.05),
            Momentum(0.8, 0.05),
            lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.8, weight_decay=0.05),
        ),
        (
            Adam(0.1, 0.8, 0.95, 1e-6, 0.05),
            rules.Adam(0.8, 0.95, 1e-6, 0.05),
            lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.05),
        ),
    ],
    ids=["sgd", "adam"],
)
def test_a_set_and_a_learner_are_stepped_by_one_rule_that_is_torch_s(
    optimizer: AbstractOptimizer, part: AbstractInnerOptimizer, torch_s: Callable
) -> None:
    params = {"a": KEY.fold("a").normal(3, 2).double(), "b": KEY.fold("b").normal(4).double()}
    reference = {name: leaf.clone().requires_grad_() for name, leaf in params.items()}
    rule = tree.map(lambda leaf: leaf.double(), part.rule())
    inner, state, inner_state = params, optimizer.init(params), rule.init(params)
    torchs = torch_s(reference.values())
    for step in range(5):
        gradients = tree.map(lambda leaf, step=step: KEY.fold("g", step).normal(*leaf.shape).double(), params)
        params, state = optimizer.step(params, gradients, state)
        inner, inner_state = rule.update(inner, gradients, inner_state, torch.tensor(0.1, dtype=torch.float64))
        for name, leaf in reference.items():
            leaf.grad = gradients[name]
        torchs.step()
    for name, leaf in reference.items():
        torch.testing.assert_close(params[name], leaf.detach(), rtol=1e-12, atol=1e-12)
        # The hyper-parameters of a schedule are stored in single precision.
        torch.testing.assert_close(inner[name], leaf.detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(learning_rate=-1.0), "learning_rate: found -1"),
        (lambda: SGD(momentum=1.0), "momentum: found 1"),
        (lambda: SGD(weight_decay=-0.1), "weight_decay: found -0.1"),
        (lambda: SGD(clip=-1.0), "clip: found -1"),
        (lambda: Adam(learning_rate=float("nan")), "learning_rate: found nan"),
        (lambda: Adam(beta1=-0.1), "beta1: found -0.1"),
        (lambda: Adam(beta2=1.5), "beta2: found 1.5"),
        (lambda: Adam(epsilon=-1e-8), "epsilon: found -1e-08"),
        (lambda: Momentum(2.0), "momentum: found 2"),
        (lambda: Momentum(0.9, -1.0), "weight_decay: found -1"),
        (lambda: rules.Adam(beta2=1.0), "beta2: found 1"),
    ],
)
def test_nonsense_is_refused_with_what_was_expected(make: Callable, message: str) -> None:
    with pytest.raises(InputError, match=f"{re.escape(message)}.*, expected"):
        make()


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


@pytest.mark.parametrize("optimizer", [SGD(learning_rate=0.5, clip_mean=2.0), Adam(learning_rate=0.5, clip_mean=2.0)])
def test_a_gradient_is_clipped_at_twice_the_running_mean_of_norms(optimizer: SGD | Adam) -> None:
    """The mean has a tenth of the norm that it clips, and the first norm whole, as Feng et al. (2024) have it."""
    params = {"x": torch.tensor([1.0, 2.0])}
    state, plain = optimizer.init(params), replace(optimizer, clip_mean=0.0)
    expected, other, mean = params, plain.init(params), None
    for size in (1.0, 3.0, 100.0, 0.5):
        gradient = {"x": torch.tensor([0.6, 0.8]) * size}
        params, state = optimizer.step(params, gradient, state)
        mean = size if mean is None else 0.9 * mean + 0.1 * size
        assert float(state["norm"]) == pytest.approx(mean)
        clipped = {"x": torch.tensor([0.6, 0.8]) * min(size, 2 * mean)}
        expected, other = plain.step(expected, clipped, other)
        assert torch.allclose(params["x"], expected["x"])
    assert optimizer.step({}, {}, optimizer.init({}))[0] == {}


def test_a_learning_rate_is_halved_as_a_distillation_goes_on() -> None:
    for optimizer in (SGD(learning_rate=8.0, halve_at=(10, 20, 30)), Adam(learning_rate=8.0, halve_at=(10, 20, 30))):
        assert [optimizer.at(step).learning_rate for step in (0, 9, 10, 35)] == [8.0, 8.0, 4.0, 1.0]
