"""Regressions on features: their losses against dense references, what they reach, and networks that come and go."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from doubled_digits import DoubledTask
from doubled_digits import double as double
from limbeck.core import tree
from limbeck.core.contracts import AbstractNetwork, AbstractObjective, Batch, NoCache, Problem, Readout, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn.compiled import features_of
from limbeck.learn.losses import SquaredError
from limbeck.learn.optim import SGD, Adam
from limbeck.learn.ridge import ridge_outputs
from limbeck.learn.training import fresh
from limbeck.objectives import LinearProbe, PooledRidge, RandomFeatureRidge, linear_probe
from limbeck.recipes import recipe_for
from limbeck.schedules import Fixed
from limbeck.starts import Real, SmoothedLabels
from limbeck.tasks import load

KEY = Key(("feature ridge",))
TASK = load("digits")
CPU = torch.device("cpu")
NETWORK = "mlp-w12-tanh"
SQUARED = Fixed(steps=1, loss=SquaredError())


@dataclass(frozen=True)
class Linear(AbstractNetwork):
    """A network whose features are fixed linear functions of the pixels."""

    name: str = "linear"
    width: int = 12

    def init(self, key: Key) -> Any:
        return {"head": torch.zeros(10, self.width)}

    def statistics(self) -> Any:
        return {}

    def apply(self, params: Any, inputs: Any, statistics: Any = None) -> Readout:
        features = inputs.flatten(1) @ KEY.fold("linear").normal(64, self.width).double() / 8
        return Readout(features, features @ params["head"].T)

    def layers(self, params: Any, inputs: Any, statistics: Any = None) -> tuple[Tensor, ...]:
        return (self.apply(params, inputs).features,)

    def track(self, params: Any, inputs: Any, statistics: Any) -> tuple[Readout, Any]:
        return self.apply(params, inputs), {}


def problem(network: str | AbstractNetwork = NETWORK, mirror: bool = False) -> Problem:
    made = TASK.network(network) if isinstance(network, str) else network
    return Problem(DoubledTask(mirror), made, CPU, NoCache())  # type: ignore[arg-type]


def shown(on: Problem, inputs: Tensor | None = None, targets: Tensor | None = None) -> Synthetic:
    batch = on.real(KEY.fold("start"), 2)
    batch = batch._replace(
        inputs=batch.inputs if inputs is None else inputs, targets=soft(20) if targets is None else targets
    )
    return Synthetic.of(batch, SQUARED.render({}, batch.classes, KEY))


def soft(count: int) -> Tensor:
    return (2 * KEY.fold("soft").normal(count, 10).double()).softmax(1)


def dense(theirs: Tensor, ours: Tensor, targets: Tensor, ridge: float, constant: float = 0.0) -> Tensor:
    """The regression written out, by the inverse of a matrix."""
    gram = ours @ ours.T + constant
    ridged = gram + ridge * torch.trace(gram) / len(gram) * torch.eye(len(gram))
    return (theirs @ ours.T + constant) @ torch.inverse(ridged) @ targets


OBJECTIVES = [
    pytest.param(PooledRidge(per_class=7, pool=3, longest=6, ridge=0.01), id="pooled"),
    pytest.param(RandomFeatureRidge(per_class=7, networks=3, judged=5), id="random"),
    pytest.param(LinearProbe(per_class=7, epochs=0), id="probe"),
]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_derivatives_in_inputs_and_labels_are_those_by_differences(objective: AbstractObjective) -> None:
    on = problem()
    state, start = objective.init(on, KEY), shown(on).batch
    for step in range(3):
        state = objective.advance(state, on, shown(on), KEY.fold(step))
    inputs, targets = start.inputs.clone().requires_grad_(), soft(20).requires_grad_()
    found = torch.autograd.grad(objective.loss(state, on, shown(on, inputs, targets), KEY), [inputs, targets])
    along = [KEY.fold("along").normal(20, 1, 8, 8).double(), KEY.fold("along").normal(20, 10).double()]
    ends = [
        float(objective.loss(state, on, shown(on, start.inputs + by * along[0], soft(20) + by * along[1]), KEY))
        for by in (1e-5, -1e-5)
    ]
    slope = sum(float((one * other).sum()) for one, other in zip(found, along, strict=True))
    assert slope == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_targets_of_another_kind_are_refused(objective: AbstractObjective) -> None:
    on = problem()
    with pytest.raises(InputError, match=r"found targets \(20, 3\), expected one number for each output, \(20, 10\)"):
        objective.loss(objective.init(on, KEY), on, shown(on, targets=torch.ones(20, 3)), KEY)


def test_a_regression_is_that_of_the_primal_and_blind_to_the_scale_of_features() -> None:
    theirs, ours, targets = (KEY.fold(name).normal(*shape).double() for name, shape in SHAPES.items())
    found = ridge_outputs(theirs, ours, targets, 0.3)
    ridge = 0.3 * ours.square().sum() / len(ours)
    primal = torch.linalg.solve(ours.T @ ours + ridge * torch.eye(9), ours.T @ targets)
    torch.testing.assert_close(found, theirs @ primal, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(ridge_outputs(7 * theirs, 7 * ours, targets, 0.3), found, rtol=1e-10, atol=1e-12)


SHAPES = {"theirs": (5, 9), "ours": (6, 9), "targets": (6, 3)}


@pytest.mark.parametrize("mirror", [False, True])
def test_the_error_of_a_pool_is_the_dense_one(mirror: bool) -> None:
    on, objective = problem(mirror=mirror), PooledRidge(per_class=7, pool=3, ridge=0.01)
    state = objective.init(on, KEY)
    # One item is surer than the margin counts, the others are not.
    targets = torch.cat([one_hot(torch.tensor([4]), 10).double(), 0.05 * KEY.fold("unsure").normal(19, 10).double()])
    found = objective.loss(state, on, shown(on, targets=targets), KEY)
    learner = state.members[int(KEY.fold("member").integers(3))].learner
    real, items = on.real(KEY.fold("real"), 7), shown(on).batch.inputs
    centred = targets - 0.1
    if mirror:
        items, centred = torch.cat([items, items.flip(3)]), torch.cat([centred, centred])
    theirs, ours = (on.network.apply(learner.params, inputs).features for inputs in (real.inputs, items))
    outputs = dense(theirs, ours, centred, 0.01)
    largest = targets.sort(1, descending=True).values
    margin = torch.minimum(largest[:, 0] - largest[:, 1], torch.tensor(0.1)).mean()
    expected = 0.5 * (outputs - real.targets + 0.1).square().sum(1).mean() - margin
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def test_items_go_in_alone_where_a_mirrored_image_is_of_another_class_or_none_is_asked_for() -> None:
    alone = PooledRidge(per_class=7, mirrored=False)
    losses = [
        each.loss(each.init(on, KEY), on, shown(on), KEY)
        for on, each in ((problem(), PooledRidge(per_class=7)), (problem(), alone), (problem(mirror=True), alone))
    ]
    assert torch.equal(losses[0], losses[1]) and torch.equal(losses[0], losses[2])


def test_as_many_learned_items_as_classes_reach_the_ridge_regression_on_all_real_data() -> None:
    """Of linear features X and targets Y: where X = W' and Y = W'W + ridge I, the regression on them is W itself."""
    on, ridge = problem(Linear()), 1e-6
    objective = PooledRidge(per_class=10_000, pool=1, ridge=ridge, mirrored=False)
    real = on.real(KEY, 10_000)
    features, aims = on.network.apply({"head": torch.zeros(10, 12)}, real.inputs).features, real.targets - 0.1
    best = torch.linalg.solve(features.T @ features + 0.5 * torch.eye(12), features.T @ aims)
    least = 0.5 * (features @ best - aims).square().sum(1).mean()
    # Items whose features are rows of W': pixels that the fixed functions map there.
    back = torch.linalg.pinv(KEY.fold("linear").normal(64, 12).double() / 8)
    inputs = (best.T @ back).reshape(10, 1, 8, 8)
    gram = best.T @ best
    targets = gram + ridge * gram.diagonal().mean() * torch.eye(10) + 0.1
    assert float(error(objective, on, inputs, targets)) == pytest.approx(float(least), abs=1e-8)
    ours = on.network.apply({"head": torch.zeros(10, 12)}, inputs).features
    outputs = ridge_outputs(features, ours, targets - 0.1, ridge)
    torch.testing.assert_close(outputs, features @ best, rtol=0, atol=1e-8)


def error(objective: PooledRidge, on: Problem, inputs: Tensor, targets: Tensor) -> Tensor:
    """The loss of one item a class without its margin."""
    batch = Batch(inputs, targets, torch.arange(10))
    synthetic = Synthetic.of(batch, SQUARED.render({}, batch.classes, KEY))
    largest = targets.topk(2, dim=1).values
    margin = (largest[:, 0] - largest[:, 1]).clamp(max=0.1).mean()
    return objective.loss(objective.init(on, KEY), on, synthetic, KEY) + margin


def test_a_newton_step_on_labels_leads_to_the_least_squares_of_all_real_data() -> None:
    """The error is a quadratic of the labels, and items that span the features say any linear function of them."""
    on = problem(Linear(width=5))
    objective = PooledRidge(per_class=10_000, pool=1, ridge=1e-9, mirrored=False)
    real, start = on.real(KEY, 10_000), on.real(KEY.fold("start"), 1)
    features, aims = on.network.apply({"head": torch.zeros(10, 5)}, real.inputs).features, real.targets - 0.1
    best = torch.linalg.lstsq(features, aims).solution
    least = 0.5 * (features @ best - aims).square().sum(1).mean()

    def of(labels: Tensor) -> Tensor:
        return error(objective, on, start.inputs, labels.reshape(10, 10))

    labels = start.targets.flatten()
    curvature = torch.autograd.functional.hessian(of, labels)
    (slope,) = torch.autograd.grad(of(labels.requires_grad_()), [labels])
    after = labels.detach() - torch.linalg.pinv(curvature, rtol=1e-12, hermitian=True) @ slope
    assert float(of(labels.detach())) > float(least) + 0.01
    assert float(of(after)) == pytest.approx(float(least), abs=1e-8)


def test_networks_of_a_pool_are_drawn_trained_and_replaced_as_published() -> None:
    on, objective = problem(), PooledRidge(per_class=3, pool=3, longest=6, optimizer=Adam(learning_rate=0.01))
    state, synthetic = objective.init(on, KEY), shown(on)
    assert PooledRidge(per_class=3).init(on, KEY).ages.tolist() == list(range(0, 100, 10))
    assert state.ages.tolist() == [0, 2, 4]
    ages, replaced = [0, 2, 4], 0
    for step in range(40):
        key = KEY.fold(step)
        slot = int(key.fold("member").integers(3))
        before, state = state, objective.advance(state, on, synthetic, key)
        if ages[slot] > 6:
            ages[slot], replaced = 0, replaced + 1
            expected = fresh(on.network, key.fold("respawn", "network"), CPU)
            assert all(map(torch.equal, tree.leaves(state.members[slot].learner), tree.leaves(expected)))
        else:
            ages[slot] += 1
            assert not torch.equal(*(tree.leaves(each.members[slot].learner)[0] for each in (before, state)))
        assert state.ages.tolist() == ages
        assert all(state.members[other] is before.members[other] for other in range(3) if other != slot)
    assert replaced > 3


def test_a_network_of_a_pool_learns_as_by_torch() -> None:
    on, objective = problem(), PooledRidge(per_class=3, pool=1, optimizer=Adam(learning_rate=0.01))
    state, synthetic = objective.init(on, KEY), shown(on)
    params = {name: leaf.clone().requires_grad_() for name, leaf in state.members[0].learner.params.items()}
    adam = torch.optim.Adam(params.values(), 0.01)
    for step in range(4):
        outputs = on.network.apply(params, synthetic.batch.inputs).outputs
        adam.zero_grad()
        nn.functional.mse_loss(outputs, synthetic.batch.targets).backward()
        adam.step()
        state = objective.advance(state, on, synthetic, KEY.fold(step))
        torch.testing.assert_close(state.members[0].learner.params, tree.detach(params), rtol=1e-8, atol=1e-10)


def test_a_network_with_running_statistics_normalises_by_them() -> None:
    on, objective = problem("convnet-w4-d1-batch"), PooledRidge(per_class=9, pool=1)
    state = objective.init(on, KEY)
    for step in range(3):
        state = objective.advance(state, on, shown(on), KEY.fold(step))
    params, statistics = state.members[0].learner
    begun = on.network.statistics()
    assert begun and not any(map(torch.equal, tree.leaves(statistics), tree.leaves(begun)))
    real = on.real(KEY.fold("real"), 9)
    theirs, ours = (
        on.network.apply(params, each, statistics).features for each in (real.inputs, shown(on).batch.inputs)
    )
    torch.testing.assert_close(features_of(on, params, real.inputs, statistics), theirs)
    targets = soft(20)
    error = 0.5 * (dense(theirs, ours, targets - 0.1, 1e-6) - real.targets + 0.1).square().sum(1).mean()
    largest = targets.topk(2, dim=1).values
    expected = error - (largest[:, 0] - largest[:, 1]).clamp(max=0.1).mean()
    torch.testing.assert_close(objective.loss(state, on, shown(on), KEY), expected, rtol=1e-6, atol=1e-8)


def test_the_kernel_of_random_networks_and_its_scale_are_written_out() -> None:
    """K = 2 Phi Phi' + 0.01, where Phi holds the features of all networks over the root of how many there are."""
    on, objective = problem(), RandomFeatureRidge(per_class=7, networks=3, judged=5, scale_optimizer=SGD(0.3))
    state, synthetic, scale = objective.init(on, KEY), shown(on), 0.0
    for step in range(3):
        key = KEY.fold(step)
        members = [on.network.init(key.fold("network", number)) for number in range(3)]

        def outputs(real: Batch, members: Any = members) -> Tensor:
            theirs, ours = (
                torch.cat([on.network.apply(one, inputs).features for one in members], 1) / (3 * 12) ** 0.5
                for inputs in (real.inputs, synthetic.batch.inputs)
            )
            return dense(2**0.5 * theirs, 2**0.5 * ours, synthetic.batch.targets - 0.1, 5e-3, 0.01)

        real, judged = on.real(key.fold("real"), 7), on.real(key.fold("judged"), 5)
        expected = cross_entropy(torch.tensor(scale).exp() * outputs(real), real.classes)
        torch.testing.assert_close(objective.loss(state, on, synthetic, key), expected, rtol=1e-8, atol=1e-10)
        log = torch.tensor(scale, requires_grad=True)
        cross_entropy(log.exp() * outputs(judged), judged.classes).backward()
        assert log.grad is not None
        scale -= 0.3 * float(log.grad)
        state = objective.advance(state, on, synthetic, key)
        assert float(state.log_scale) == pytest.approx(scale, rel=1e-8)
    assert abs(scale) > 0.01


@pytest.mark.filterwarnings("ignore:.*kept as made")
@pytest.mark.parametrize("room", [2**29, 0], ids=["kept", "anew"])
def test_a_probe_on_a_frozen_body_is_written_out(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_probe, "ROOM", room)
    on, objective = (
        problem("module:frozen_bodies.Frozen"),
        LinearProbe(per_class=7, ridge=0.02, temperature=0.3, epochs=0),
    )
    body = on.network.anatomy.constants  # type: ignore[attr-defined]
    weight, bias = (next(leaf for leaf in body.values() if leaf.dim() == size).double() for size in (2, 1))
    real = on.real(KEY.fold("real"), 7)
    theirs, ours = ((inputs.flatten(1) @ weight.T + bias).relu() for inputs in (real.inputs, shown(on).batch.inputs))
    gram = ours @ ours.T
    probe = ours.T @ torch.inverse(gram + 0.02 * gram.trace() / 20 * torch.eye(20)) @ soft(20)
    expected = cross_entropy(theirs @ probe / 0.3, real.classes)
    linear_probe.encoder_of.cache_clear()
    found = objective.loss(objective.init(on, KEY), on, shown(on), KEY)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)
    assert (linear_probe.encoder_of(replace(on, compiled=False), 0).real is None) == (room == 0)


def test_smoothed_labels_are_the_published_start_of_the_pool_from_one_over_c_up() -> None:
    """Centred labels over the root of a tenth of the classes, as Zhou et al. begin, where there are a hundred."""
    share = recipe_for("frepo", "cifar100", 1, True).start.share  # type: ignore[attr-defined]
    one = one_hot(torch.tensor(3), 100).double()
    smoothed = (1 - share) * one + share / 100
    torch.testing.assert_close(smoothed - 0.01, (one - 0.01) / 10**0.5, rtol=1e-4, atol=1e-6)
    on = problem()
    found, plain = SmoothedLabels(share=0.4).pick(on, 2, KEY), Real().pick(on, 2, KEY)
    torch.testing.assert_close(found.targets, 0.6 * plain.targets + 0.04)
    assert torch.equal(found.inputs, plain.inputs)
