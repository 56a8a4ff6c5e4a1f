"""Matching class means in every layer is the published sum, and the network is trained as long as it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn import microbatches
from limbeck.learn.augment import Siamese
from limbeck.objectives import LayerwiseDistribution
from limbeck.objectives.layerwise_distribution import LayerwiseState
from limbeck.protocols import Epochs
from limbeck.tasks import load

KEY = Key(("layerwise distribution",))
augmented = pytest.mark.parametrize("augment", [None, Siamese()], ids=["plain", "augmented"])


def doubled(value: Any) -> Any:
    return tree.map(lambda leaf: leaf.double() if leaf.is_floating_point() else leaf, value)


@dataclass(frozen=True)
class DoubledProblem(Problem):
    """A problem whose real examples are float64."""

    def real(self, key: Key, per_class: int) -> Batch:
        return Batch(*doubled(tuple(super().real(key, per_class))))


def problem(network: str = "convnet-w3-d2-tanh") -> DoubledProblem:
    task = load("digits")
    return DoubledProblem(task, task.network(network), torch.device("cpu"), NoCache())


def shown(batch: Batch) -> Synthetic:
    return Synthetic.of(batch, Epochs().schedule(None, len(batch.classes), KEY))


def fresh(part: LayerwiseDistribution, on: Problem) -> LayerwiseState:
    return doubled(part.init(on, KEY))


def layers(module: nn.Module, images: Tensor) -> list[Tensor]:
    """Every activation of a convnet of two blocks, and what enters its last layer."""
    first = module.block1[:3](images)
    second = module.block2[:3](module.block1[3](first))
    return [first, second, module.block2[3](second).flatten(1)]


def literal(part: LayerwiseDistribution, on: Problem, params: Any, batch: Batch, key: Key) -> tuple[Tensor, Tensor]:
    """Class by class and image by image, as published: what aligns, and what discriminates."""
    module = on.network.factory().double()
    module.load_state_dict(params)
    real = on.real(key.fold("real"), part.per_class)
    aligned, centres, seen = torch.zeros(()).double(), [], []
    for label in range(len(on.task.classes)):
        sides = []
        for whole in (real, batch):
            mine = whole.classes == label
            images = whole.inputs[mine]
            if part.augment is not None:
                images = part.augment.without("flip").apply(images, key.fold("augment"), whole.classes[mine])
            sides.append(layers(module, images))
        for weight, theirs, ours in zip((0.1, 1.0, 2.0), *sides, strict=True):
            aligned = aligned + weight * ((theirs.mean(0) - ours.mean(0)) ** 2).sum()
        centres.append(sides[1][-1].mean(0))
        seen.append(sides[0][-1])
    missed = torch.zeros(()).double()
    for label, features in enumerate(seen):
        for feature in features:
            outputs = torch.stack([(feature * centre).sum() for centre in centres])
            missed = missed + outputs.exp().sum().log() - outputs[label]
    return aligned, missed


@augmented
def test_the_loss_and_its_derivative_are_those_of_the_literal_sum(augment: Siamese | None) -> None:
    on = problem()
    part = LayerwiseDistribution(weights=(9.0, 0.1, 1.0, 2.0), discrimination=0.3, augment=augment, per_class=6)
    state, real = fresh(part, on), on.real(KEY.fold("synthetic"), 2)
    left, right = (real._replace(inputs=real.inputs.clone().requires_grad_()) for _ in range(2))
    aligned, missed = literal(part, on, state.params, right, KEY)
    found, expected = part.loss(state, on, shown(left), KEY), aligned + 0.3 * missed
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    slopes = (torch.autograd.grad(found, left.inputs)[0], torch.autograd.grad(expected, right.inputs)[0])
    torch.testing.assert_close(*slopes, rtol=1e-8, atol=1e-10)


def test_a_set_equal_to_the_real_batch_is_aligned() -> None:
    on, part = problem(), LayerwiseDistribution(discrimination=0.0, per_class=8)
    state = fresh(part, on)
    same, other = (part.loss(state, on, shown(on.real(key, 8)), KEY) for key in (KEY.fold("real"), KEY.fold("other")))
    assert 0 <= float(same) < 1e-20 and float(other) > 1e-3


@pytest.mark.parametrize("network", ["convnet-w3-d2", "convnet-w3-d2-batch"])
def test_pieces_of_the_real_batch_change_nothing(network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    on, part = problem(network), LayerwiseDistribution(per_class=5)
    state, batch = fresh(part, on), on.real(KEY.fold("synthetic"), 1)
    whole = part.loss(state, on, shown(batch), KEY)
    judged = part._accuracy(state.params, on, KEY)
    monkeypatch.setattr(microbatches, "NUMBERS", 7 * 64)
    torch.testing.assert_close(part.loss(state, on, shown(batch), KEY), whole, rtol=1e-10, atol=1e-10)
    assert part._accuracy(state.params, on, KEY) == judged


def test_weights_belong_to_the_last_layers() -> None:
    part = LayerwiseDistribution(weights=(0.5, 1.0, 3.0))
    assert [part.weighted(count) for count in (1, 3, 5)] == [(3.0,), (0.5, 1.0, 3.0), (0.5, 0.5, 0.5, 1.0, 3.0)]


def test_the_accuracy_is_that_of_real_training_images() -> None:
    on, part = problem(), LayerwiseDistribution(judged=7)
    state, real = fresh(part, on), on.real(KEY, 7)
    named = on.network.apply(state.params, real.inputs).outputs.argmax(1)
    expected = sum(int(a) == int(b) for a, b in zip(named, real.classes, strict=True)) / 70
    assert part._accuracy(state.params, on, KEY) == pytest.approx(expected)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The accuracies that will be measured, one after the other; the last one from then on."""
    script: list[float] = []

    def accuracy(*_: Any) -> float:
        return script.pop(0) if len(script) > 1 else script[0]

    monkeypatch.setattr(LayerwiseDistribution, "_accuracy", accuracy)
    yield script


def descended(on: Problem, params: Any, batch: Batch, epochs: int) -> dict[str, Tensor]:
    """Full-batch gradient descent by an independent hand."""
    module = on.network.factory().double()
    module.load_state_dict(params)
    # A schedule's learning rates are float32.
    optimizer = torch.optim.SGD(module.parameters(), lr=float(torch.tensor(0.01)))
    for _ in range(epochs):
        optimizer.zero_grad()
        functional.cross_entropy(module(batch.inputs), batch.classes).backward()
        optimizer.step()
    return {name: leaf.detach() for name, leaf in module.named_parameters()}


# The first accuracy is the one after the step of the set; the others are those after each epoch.
@pytest.mark.parametrize(
    ("script", "epochs"),
    [
        pytest.param([0.1, 0.2, 0.2, 0.31], 3, id="as soon as the window is full and has moved"),
        pytest.param([0.1, 0.9, 0.2, 0.21, 0.22, 0.1], 3, id="by a fall as by a rise"),
        pytest.param([0.1, 0.2, 0.25, 0.29, 0.3, 0.395], 5, id="by the last of them alone"),
        pytest.param([0.1, 0.5], 6, id="no longer than the most"),
    ],
)
def test_the_network_is_trained_until_it_has_moved(told: list[float], script: list[float], epochs: int) -> None:
    told += script
    on = problem()
    part = LayerwiseDistribution(augment=None, window=3, settled=0.0, moved=0.1, longest=6)
    state, batch = fresh(part, on), on.real(KEY.fold("synthetic"), 2)
    after = part.advance(state, on, shown(batch), KEY)
    for name, leaf in descended(on, state.params, batch, epochs).items():
        torch.testing.assert_close(after.params[name], leaf, rtol=1e-9, atol=1e-12)
    assert after.accuracies[:2].isnan().all() and float(after.accuracies[2]) == pytest.approx(0.1)


def test_a_fresh_network_takes_over_where_its_accuracies_have_settled(told: list[float]) -> None:
    on = problem()
    part = LayerwiseDistribution(augment=None, window=3, settled=0.1, moved=2.0, longest=1)
    state, batch = fresh(part, on), on.real(KEY.fold("synthetic"), 1)
    for step, latest in enumerate((0.1, 0.1, 0.25, 0.3)):
        told[:] = [latest]
        state = part.advance(state, on, shown(batch), KEY.fold(step))
    # The first full window, 0.1 to 0.25, has not settled, nor the second, 0.1 to 0.3; 0.25 to 0.31 has.
    assert state.accuracies.tolist() == pytest.approx([0.1, 0.25, 0.3])
    told[:] = [0.31]
    after = part.advance(state, on, shown(batch), KEY)
    assert after.accuracies.isnan().all() and len(after.accuracies) == 3
    expected = on.network.init(KEY.fold("respawn", "network"))
    assert all(torch.equal(after.params[name], leaf) for name, leaf in expected.items())


def test_small_batches_see_every_item_and_augmentation_changes_the_course() -> None:
    on = problem()
    batch = on.real(KEY.fold("synthetic"), 2)

    def trained(**fields: Any) -> Tensor:
        part = LayerwiseDistribution(learning_rate=1e-4, **fields)
        start = fresh(part, on).params
        after = part._seen_once(start, on, batch, KEY)
        return torch.cat([(after[name] - leaf).flatten() for name, leaf in start.items()])

    # Two half batches at half the learning rate are, to first order in it, one whole batch.
    whole, halves = trained(augment=None), trained(augment=None, batch=10) / 2
    torch.testing.assert_close(halves, whole, rtol=0, atol=1e-2 * float(whole.abs().max()))
    assert not torch.equal(trained(), whole)


@pytest.mark.parametrize(
    "fields", [{"per_class": 0}, {"window": 1}, {"judged": 0}, {"batch": 0}, {"longest": 0}, {"weights": ()}]
)
def test_impossible_counts_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"layerwise-distribution\.\w+: found"):
        LayerwiseDistribution(**fields)
