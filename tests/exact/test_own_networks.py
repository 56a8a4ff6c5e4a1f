"""Networks of one's own: what is frozen stays, what is drawn is refused, and what is done otherwise is said."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

import limbeck
from limbeck.core.errors import InputError
from limbeck.learn.networks import build
from limbeck.learn.rules import Momentum
from limbeck.learn.training import fit, row_loader
from limbeck.protocols import Epochs

KEY = limbeck.Key(("own networks",))


class Own(nn.Module):
    """Two layers: the first frozen, or the second, or both; with dropout, or noise."""

    frozen: tuple[str, ...] = ()
    noise = 0.0
    dropped = 0.0

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        self.first = nn.Linear(shape[0] * shape[1] * shape[2], 8)
        self.last = nn.Linear(8, classes)
        self.dropout = nn.Dropout(self.dropped)
        for name in self.frozen:
            self.get_parameter(name).requires_grad = False

    def forward(self, inputs: Tensor) -> Tensor:
        hidden: Tensor = self.dropout(self.first(inputs.flatten(1)).relu())
        outputs: Tensor = self.last(hidden + self.noise * torch.randn(hidden.shape[1]))
        return outputs


@pytest.fixture(autouse=True)
def module(monkeypatch: pytest.MonkeyPatch) -> None:
    there = ModuleType("own_networks")
    for name, fields in {
        "Plain": {},
        "FirstFrozen": {"frozen": ("first.weight", "first.bias")},
        "LastFrozen": {"frozen": ("last.weight",)},
        "AllFrozen": {"frozen": ("first.weight", "first.bias", "last.weight", "last.bias")},
        "Noisy": {"noise": 1.0},
        "Dropped": {"dropped": 0.5},
    }.items():
        setattr(there, name, type(name, (Own,), {**fields, "__module__": "own_networks"}))
    monkeypatch.setitem(sys.modules, "own_networks", there)


@pytest.mark.parametrize(
    ("name", "said", "trained"),
    [
        ("FirstFrozen", "first.weight, first.bias without requires_grad", ["last.weight", "last.bias"]),
        ("LastFrozen", "last.weight without requires_grad", ["first.weight", "first.bias", "last.bias"]),
    ],
)
def test_frozen_parameters_stay_as_they_are_made_and_that_is_said(name: str, said: str, trained: list[str]) -> None:
    task = limbeck.load("digits")
    with pytest.warns(UserWarning) as warned:
        network = build(f"module:own_networks.{name}", task.shape, 10)
    assert [str(each.message) for each in warned] == [
        f"network module:own_networks.{name}: {said}: kept as made, the same in every learner"
    ]
    batch = task.load("train", torch.arange(40))
    schedule = Epochs(epochs=5, learning_rate=0.1, optimizer=Momentum(0.9, 0.1)).schedule(None, 40, KEY)
    learner = fit(task, network, row_loader(task, batch), schedule, KEY, torch.device("cpu"))
    start = network.init(KEY.fold("init"))
    assert set(start) == set(learner.params) == set(trained)
    assert all(not torch.equal(start[each], learner.params[each]) for each in trained)
    # The whole as the module itself computes it, with its frozen parameters as they are made first.
    with limbeck.Key().governing():
        whole = getattr(sys.modules["own_networks"], name)(task.shape, 10)
    expected = torch.func.functional_call(whole, dict(learner.params), (batch.inputs,))
    torch.testing.assert_close(network.apply(learner.params, batch.inputs).outputs, expected)
    assert network.anatomy.constants.keys() == dict(whole.named_parameters()).keys() - set(trained)


def test_dropout_that_is_off_is_said() -> None:
    with pytest.warns(UserWarning, match="module:own_networks.Dropped: its dropout is off, here and in every learner"):
        build("module:own_networks.Dropped", (1, 8, 8), 10)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("module:own_networks.AllFrozen", "none of its parameters requires a gradient, expected some to train"),
        ("module:own_networks.Noisy", "the same inputs gave other outputs when it was called again, expected the same"),
        ("convnet-w99999999", "its parameters take 360,000,015 GB, expected at most"),
        ("mlp-w99999999", "its parameters take 40,000,"),
        ("convnet-w99999999999999999999", "unknown option of network"),
        ("convnet-w" + "9" * 5000, "unknown option of network"),
    ],
)
def test_what_cannot_be_trained_is_refused_with_the_reason(name: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        build(name, (1, 8, 8), 10)
    assert message in str(refused.value)
