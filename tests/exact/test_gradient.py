"""Gradient matching is the published sum over classes, however it is computed, and so are its distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch.nn import functional

from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.family import from_spec, to_spec
from limbeck.core.key import Key
from limbeck.learn import microbatches
from limbeck.learn.augment import Siamese
from limbeck.learn.distances import (
    DISTANCES,
    AbsoluteError,
    AbstractDistance,
    Filters,
    GlobalCosine,
    RowAngleAndMagnitude,
    RowCosine,
    SquaredError,
)
from limbeck.learn.optim import SGD
from limbeck.learn.training import Learner
from limbeck.learn.views import CutMix
from limbeck.objectives.gradient import Gradient, GradientState
from limbeck.objectives.real_training import RealTraining
from limbeck.protocols import Epochs
from limbeck.tasks import load

KEY = Key(("gradient",))
SMOOTH = "convnet-w4-d1-instance-avg-tanh"
BATCH = "convnet-w8-d2-batch"
every_distance = pytest.mark.parametrize(
    "distance", [pytest.param(part(), id=name) for name, part in DISTANCES.parts.items()]
)


def problem(network: str = "convnet-w8-d2") -> Problem:
    task = load("digits")
    return Problem(task, task.network(network), torch.device("cpu"), NoCache())


def shown(batch: Batch) -> Synthetic:
    return Synthetic.of(batch, Epochs().schedule(None, len(batch.classes), KEY))


def doubled(value: Any) -> Any:
    return tree.map(lambda leaf: leaf.double() if leaf.is_floating_point() else leaf, value)


@dataclass(frozen=True)
class DoubledProblem(Problem):
    """A problem whose real examples are float64."""

    def real(self, key: Key, per_class: int) -> Batch:
        return Batch(*doubled(tuple(super().real(key, per_class))))


def twin(of: Problem) -> DoubledProblem:
    return DoubledProblem(of.task, of.network, of.device, of.cache)


def doubled_state(part: Gradient, on: Problem) -> GradientState:
    fresh = part.init(on, KEY)
    return fresh._replace(learner=Learner(doubled(fresh.learner.params), {}))


def trees(seed: str) -> dict[str, torch.Tensor]:
    """Something with the shapes of a network's gradient, one row of it zero."""
    key = KEY.fold(seed)
    filters = key.fold("filters").normal(4, 3, 2, 2).double()
    filters[1] = 0
    return {
        "filters": filters,
        "shift": key.fold("shift").normal(4).double(),
        "head": key.fold("head").normal(5, 16).double(),
    }


def literal_distance(distance: AbstractDistance, real: Any, synthetic: Any) -> torch.Tensor:
    """Number by number."""
    total = torch.zeros((), dtype=tree.leaves(real)[0].dtype)
    if isinstance(distance, Filters):
        kept = [name for name, leaf in real.items() if leaf.dim() > 2]
        return literal_distance(distance.inner, *({name: side[name] for name in kept} for side in (real, synthetic)))
    if isinstance(distance, RowCosine | RowAngleAndMagnitude):
        for name, weight in real.items():
            if weight.dim() == 1:
                continue
            for row in range(len(weight)):
                a, b = weight[row].reshape(-1), synthetic[name][row].reshape(-1)
                total = total + 1 - (a * b).sum() / (a.norm() * b.norm() + 0.000001)
                if isinstance(distance, RowAngleAndMagnitude):
                    total = total + ((a - b) ** 2).sum() ** 0.5
        return total
    a, b = (torch.cat([leaf.reshape(-1) for leaf in side.values()]) for side in (real, synthetic))
    if isinstance(distance, SquaredError):
        return ((a - b) ** 2).sum()
    if isinstance(distance, AbsoluteError):
        return (a - b).abs().sum()
    return 1 - (a * b).sum() / (a.norm() * b.norm() + 0.000001)


def literal(on: Problem, params: Any, batch: Batch, part: Gradient, key: Key, statistics: Any = None) -> torch.Tensor:
    """Class by class, as the paper writes it, in one graph."""
    real = on.real(key.fold("real"), part.per_class)
    total = torch.zeros((), dtype=batch.inputs.dtype)
    for label in range(len(on.task.classes)):
        gradients = []
        for whole in (real, batch):
            mine = whole.classes == label
            inputs = whole.inputs[mine]
            if part.augment is not None:
                inputs = part.augment.without("flip").apply(inputs, key.fold("augment"), whole.classes[mine])
            at = {name: leaf.clone().requires_grad_() for name, leaf in params.items()}
            loss = functional.cross_entropy(on.network.apply(at, inputs, statistics).outputs, whole.classes[mine])
            gradients.append(
                dict(zip(at, torch.autograd.grad(loss, list(at.values()), create_graph=whole is batch), strict=True))
            )
        total = total + literal_distance(part.distance, gradients[0], gradients[1])
    return total


@every_distance
def test_a_distance_is_its_equation_and_survives_its_spec(distance: AbstractDistance) -> None:
    real, synthetic = trees("real"), trees("synthetic")
    found = distance.distance(real, synthetic)
    torch.testing.assert_close(found, literal_distance(distance, real, synthetic), rtol=1e-12, atol=1e-12)
    assert from_spec(to_spec(distance)) == distance


@every_distance
def test_a_distance_is_zero_for_equal_gradients_and_its_derivative_is_exact(distance: AbstractDistance) -> None:
    real, synthetic = trees("real"), {name: leaf[:1] for name, leaf in trees("synthetic").items()}
    whole = {name: leaf + 1 for name, leaf in real.items()}
    assert abs(float(distance.distance(whole, whole))) < 1e-4
    first = {name: leaf[:1] for name, leaf in real.items()}

    def of(*leaves: torch.Tensor) -> torch.Tensor:
        return distance.distance(first, dict(zip(synthetic, leaves, strict=True)))

    assert torch.autograd.gradcheck(of, [leaf.clone().requires_grad_() for leaf in synthetic.values()])


def test_row_cosine_is_blind_to_the_length_of_each_row_and_to_vectors() -> None:
    real, synthetic = trees("real"), trees("synthetic")
    longer = dict(synthetic, head=synthetic["head"] * torch.arange(1, 6)[:, None], shift=synthetic["shift"] + 1)
    expected = RowCosine().distance(real, synthetic)
    torch.testing.assert_close(RowCosine().distance(real, longer), expected, rtol=1e-6, atol=1e-6)
    assert not torch.isclose(GlobalCosine().distance(real, longer), GlobalCosine().distance(real, synthetic))


def test_global_cosine_is_blind_to_the_length_of_the_whole() -> None:
    real, synthetic = trees("real"), trees("synthetic")
    longer = {name: 7 * leaf for name, leaf in synthetic.items()}
    expected = GlobalCosine().distance(real, synthetic)
    torch.testing.assert_close(GlobalCosine().distance(real, longer), expected, rtol=1e-6, atol=1e-6)


def test_filters_are_all_that_is_seen_and_something_must_be() -> None:
    real, synthetic = trees("real"), trees("synthetic")
    other = dict(synthetic, head=synthetic["head"] + 1, shift=synthetic["shift"] - 1)
    for inner in (SquaredError(), RowCosine(), AbsoluteError()):
        assert torch.equal(Filters(inner).distance(real, other), Filters(inner).distance(real, synthetic))
    with pytest.raises(InputError, match="filters: found a network without convolutions"):
        Filters().distance({"head": real["head"]}, {"head": synthetic["head"]})


def test_a_row_of_zeros_is_at_distance_one() -> None:
    real, none = trees("real"), {name: torch.zeros_like(leaf) for name, leaf in trees("real").items()}
    assert float(RowCosine().distance(real, none)) == 4 + 5
    assert float(GlobalCosine().distance(real, none)) == 1


def test_angle_and_magnitude_are_told_apart() -> None:
    east, north = torch.tensor([[3.0, 0.0]]).double(), torch.tensor([[0.0, 4.0]]).double()
    both, blind = RowAngleAndMagnitude(angle=2.0, magnitude=10.0), RowAngleAndMagnitude(magnitude=0.0)
    assert float(both.distance({"w": east}, {"w": north})) == 2 * 1 + 10 * 5
    # Equally directed rows differ by their lengths alone, and opposite ones by the sum of them.
    assert float(both.distance({"w": east}, {"w": 3 * east})) == pytest.approx(10 * 6, abs=1e-5)
    assert float(both.distance({"w": east}, {"w": -east})) == pytest.approx(2 * 2 + 10 * 6, abs=1e-5)
    assert blind.distance(trees("real"), trees("synthetic")) == RowCosine().distance(trees("real"), trees("synthetic"))


def test_equal_rows_have_no_pull() -> None:
    same = trees("real")["head"].requires_grad_()
    (gradient_of,) = torch.autograd.grad(
        RowAngleAndMagnitude(angle=0.0).distance({"w": same.detach()}, {"w": same}), same
    )
    assert bool((gradient_of == 0).all())


@pytest.mark.parametrize("fields", [{"angle": -1.0}, {"magnitude": -0.5}, {"angle": 0.0, "magnitude": 0.0}])
def test_a_distance_that_measures_nothing_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(InputError, match=r"row-angle-and-magnitude\.(angle|magnitude): found"):
        RowAngleAndMagnitude(**fields)


@every_distance
@pytest.mark.parametrize("augment", [None, Siamese()], ids=["plain", "augmented"])
@pytest.mark.parametrize("per_class", [5, 100])
def test_the_loss_is_the_literal_sum_over_classes(
    distance: AbstractDistance, augment: Siamese | None, per_class: int
) -> None:
    on = problem()
    part = Gradient(distance=distance, augment=augment, per_class=per_class)
    state = part.init(on, KEY)
    batch = on.real(KEY.fold("synthetic"), 2)
    expected = literal(on, state.learner.params, batch, part, KEY)
    torch.testing.assert_close(part.loss(state, on, shown(batch), KEY), expected, rtol=1e-4, atol=1e-5)


@every_distance
@pytest.mark.parametrize("augment", [None, Siamese()], ids=["plain", "augmented"])
def test_its_derivative_is_that_of_plain_double_backward(distance: AbstractDistance, augment: Siamese | None) -> None:
    on = twin(problem("convnet-w4-d2-tanh"))
    part = Gradient(distance=distance, augment=augment, per_class=20)
    state, real = doubled_state(part, on), on.real(KEY.fold("synthetic"), 2)
    left, right = (real._replace(inputs=real.inputs.clone().requires_grad_()) for _ in range(2))
    (found,) = torch.autograd.grad(part.loss(state, on, shown(left), KEY), [left.inputs])
    whole = literal(on, state.learner.params, right, part, KEY)
    (expected,) = torch.autograd.grad(whole, [right.inputs])
    assert float((found - expected).abs().max() / expected.abs().max()) < 1e-8


@every_distance
def test_its_derivative_is_exact_in_inputs_and_soft_targets(distance: AbstractDistance) -> None:
    on = twin(problem(SMOOTH))
    part = Gradient(distance=distance, augment=Siamese(), per_class=4)
    state, start = doubled_state(part, on), on.real(KEY.fold("synthetic"), 1)

    def of(inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return part.loss(state, on, shown(start._replace(inputs=inputs, targets=targets)), KEY)

    leaves = [leaf.clone().requires_grad_() for leaf in (start.inputs, start.targets)]
    assert torch.autograd.gradcheck(of, leaves, fast_mode=True, rtol=1e-5)


@every_distance
@pytest.mark.parametrize("network", ["convnet-w8-d2-tanh", f"{BATCH}-tanh"])
def test_a_set_equal_to_the_real_batch_has_no_loss(distance: AbstractDistance, network: str) -> None:
    on = problem(network)
    part = Gradient(distance=distance, augment=Siamese(), per_class=20)
    state = part.init(on, KEY)
    same, other = (part.loss(state, on, shown(on.real(key, 20)), KEY) for key in (KEY.fold("real"), KEY.fold("other")))
    # What is left is the constant in the denominator, which weighs on rows of tiny gradients.
    assert float(other) > 0 and abs(float(same)) < 0.05 * float(other)


def test_pieces_of_the_real_batch_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    on, part = problem(BATCH), Gradient(augment=Siamese(), per_class=40)
    state, batch = part.init(on, KEY), on.real(KEY.fold("synthetic"), 2)
    whole = part.loss(state, on, shown(batch), KEY)
    monkeypatch.setattr(microbatches, "NUMBERS", 7 * 64)
    torch.testing.assert_close(part.loss(state, on, shown(batch), KEY), whole, rtol=1e-4, atol=1e-4)


def test_networks_with_batch_norm_are_matched_by_statistics_of_real_images() -> None:
    on, part = problem(BATCH), Gradient(per_class=10)
    state, batch = part.init(on, KEY), on.real(KEY.fold("synthetic"), 1)
    calibration = on.real(KEY.fold("calibration"), 16)
    _, statistics = on.network.track(state.learner.params, calibration.inputs, state.learner.statistics)
    expected = literal(on, state.learner.params, batch, part, KEY, statistics)
    torch.testing.assert_close(part.loss(state, on, shown(batch), KEY), expected, rtol=1e-4, atol=1e-4)
    after = part.advance(state._replace(age=torch.tensor(0)), on, shown(on.real(KEY, 10)), KEY)
    assert bool((after.learner.statistics["block1.norm.running_mean"] != 0).all())


def test_the_network_is_trained_by_plain_descent_on_all_items() -> None:
    on, part = problem(), Gradient(augment=None, outer=3, inner=4)
    state, batch = part.init(on, KEY), on.real(KEY.fold("synthetic"), 2)
    after = part.advance(state, on, shown(batch), KEY)
    params = [leaf.clone().requires_grad_() for leaf in state.learner.params.values()]
    optimizer = torch.optim.SGD(params, lr=0.01)
    for _ in range(4):
        optimizer.zero_grad()
        outputs = on.network.apply(dict(zip(state.learner.params, params, strict=True)), batch.inputs).outputs
        functional.cross_entropy(outputs, batch.classes).backward()
        optimizer.step()
    for found, expected in zip(after.learner.params.values(), params, strict=True):
        torch.testing.assert_close(found, expected.detach(), rtol=1e-5, atol=1e-6)


def test_small_batches_see_every_item_once_an_epoch_and_augmentation_changes_the_course() -> None:
    on, batch = problem(), problem().real(KEY.fold("synthetic"), 2)

    def trained(part: Gradient) -> torch.Tensor:
        after = part.advance(part.init(on, KEY), on, shown(batch), KEY)
        return torch.cat([leaf.flatten() for leaf in after.learner.params.values()])

    # Two half batches at half the learning rate are, to first order in it, one whole batch.
    whole = trained(Gradient(augment=None, outer=2, inner=1, learning_rate=1e-4))
    halves = trained(Gradient(augment=None, outer=2, inner=1, batch=10, learning_rate=1e-4))
    start = torch.cat([leaf.flatten() for leaf in Gradient().init(on, KEY).learner.params.values()])
    torch.testing.assert_close(
        (halves - start) / 2, whole - start, rtol=0, atol=2e-2 * float((whole - start).abs().max())
    )
    assert not torch.equal(trained(Gradient(outer=2, inner=1, learning_rate=1e-4, augment=Siamese())), whole)


def test_the_network_may_be_trained_on_real_images_by_momentum_that_outlasts_a_step_of_the_set() -> None:
    on = problem("convnet-w4-d1")
    training = RealTraining(steps=2, batch=25, optimizer=SGD(0.05, 0.9, 0.01), augment=CutMix())
    part = Gradient(outer=3, training=training)
    first = part.init(on, KEY)
    state, keys = first, [KEY.fold("step", step) for step in range(2)]
    for number, key in enumerate(keys):
        # Whatever the set is, it is not trained on.
        state = part.advance(state, on, shown(on.real(KEY.fold("any", number), 1)), key)
    params = [leaf.clone().requires_grad_() for leaf in first.learner.params.values()]
    optimizer = torch.optim.SGD(params, lr=0.05, momentum=0.9, weight_decay=0.01)
    for key in keys:
        for step in range(2):
            at = key.fold("train", step)
            # 25 are no multiple of ten classes: three of each.
            batch = CutMix().examples(on.real(at.fold("real"), 3), at.fold("augment"), torch.arange(30))
            optimizer.zero_grad()
            outputs = on.network.apply(dict(zip(first.learner.params, params, strict=True)), batch.inputs).outputs
            functional.cross_entropy(outputs, batch.targets).backward()
            optimizer.step()
    for found, expected in zip(state.learner.params.values(), params, strict=True):
        torch.testing.assert_close(found, expected.detach(), rtol=1e-4, atol=1e-6)
    # With the network its velocity is new.
    last = part.advance(state, on, shown(on.real(KEY, 1)), KEY)
    assert int(last.age) == 0 and not any(leaf.any() for leaf in tree.leaves(last.velocity))
    assert all(leaf.any() for leaf in tree.leaves(state.velocity))


def test_a_fresh_network_takes_over_after_its_steps() -> None:
    on, part = problem(), Gradient(outer=3, inner=1)
    synthetic = shown(on.real(KEY.fold("synthetic"), 1))
    state, ages = part.init(on, KEY), []
    for step in range(7):
        ages.append(int(state.age))
        state = part.advance(state, on, synthetic, KEY.fold("step", step))
    assert ages == [0, 1, 2, 0, 1, 2, 0]
    last = part.advance(state._replace(age=torch.tensor(2)), on, synthetic, KEY)
    fresh = on.network.init(KEY.fold("respawn", "network"))
    assert all(torch.equal(last.learner.params[name], leaf) for name, leaf in fresh.items())


@pytest.mark.parametrize("field", ["outer", "inner", "per_class", "batch", "learning_rate"])
def test_impossible_numbers_are_refused(field: str) -> None:
    with pytest.raises(
        InputError, match=rf"^gradient\.{field}: found 0(\.0)?, expected a number (of at least 1|above 0)$"
    ):
        Gradient(**{field: 0.0 if field == "learning_rate" else 0})
