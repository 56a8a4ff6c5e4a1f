"""Convex training of a network that is linear in its parameters: its loss and both derivatives, by dense algebra."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev
from torch.nn.functional import cross_entropy, softplus

from doubled_digits import DoubledTask
from doubled_digits import double as double
from limbeck.core import tree
from limbeck.core.contracts import AbstractNetwork, Batch, NoCache, Problem, Readout, Synthetic
from limbeck.core.key import Key
from limbeck.learn.conjugate_gradients import conjugate_gradients
from limbeck.learn.losses import SquaredError
from limbeck.learn.optim import Adam
from limbeck.learn.tangents import Tangents
from limbeck.learn.training import Learner
from limbeck.objectives import TangentRidge
from limbeck.objectives.tangent_ridge import best_scale
from limbeck.schedules import Fixed
from limbeck.tasks import load

KEY = Key(("tangent ridge",))
TASK = load("digits")
NETWORK = "mlp-w6-tanh"
RIDGE = 0.1
ITEMS = 10
CONVERGED = TangentRidge(per_class=3, pool=2, steps=150, most=0.0, ridge=RIDGE)


def problem(network: str | AbstractNetwork = NETWORK, mirror: bool = False) -> Problem:
    made = TASK.network(network) if isinstance(network, str) else network
    return Problem(DoubledTask(mirror), made, torch.device("cpu"), NoCache())  # type: ignore[arg-type]


def learner_of(on: Problem) -> Learner:
    """A network whose outputs are not small, so that what is dropped of them would show."""
    return Learner(tree.map(lambda leaf: 2 * leaf.double(), on.network.init(KEY.fold("network"))), {})


def batch_of(on: Problem, learned: bool = True) -> Batch:
    batch = on.real(KEY.fold("start"), 1)
    soft = (KEY.fold("soft").normal(ITEMS, 10).double() + 3 * batch.targets).softmax(1)
    return batch._replace(inputs=batch.inputs.requires_grad_(learned), targets=soft.requires_grad_(learned))


def shown(batch: Batch) -> Synthetic:
    return Synthetic.of(batch, Fixed(steps=1, loss=SquaredError()).render({}, batch.classes, KEY))


def body_of(params: dict[str, Tensor]) -> list[str]:
    return sorted(name for name in params if not name.startswith("head"))


def jacobian(on: Problem, learner: Learner, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """The derivative of outputs in the parameters below the last layer, (example, output, parameter), and features."""
    params = learner.params
    slopes = jacrev(lambda body: on.network.apply({**params, **body}, inputs).outputs)(
        {name: params[name] for name in body_of(params)}
    )
    flat = torch.cat([slopes[name].flatten(2) for name in body_of(params)], 2)
    features = on.network.apply(params, inputs).features
    return flat, torch.cat([features, torch.ones(len(features), 1)], 1)


def dense(on: Problem, learner: Learner, batch: Batch, real: Batch, still: bool = False) -> Tensor:
    """The loss by one ridge regression on everything that the linear network has, written out as a matrix.

    With `still` the part of its solution below the last layer is a constant, and the last layer fitted to the rest.
    """
    both = [jacobian(on, learner, each.inputs) for each in (batch, real)]

    def design(jacobians: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        return jacobians.flatten(0, 1), torch.kron(features, torch.eye(10))

    (ours, heads), (theirs, their_heads) = (design(*each) for each in both)
    aims, decay = (batch.targets - 0.1).flatten(), RIDGE * ITEMS
    whole = torch.cat([ours, heads], 1)
    solution = torch.linalg.solve(whole.T @ whole + decay * torch.eye(whole.shape[1]), whole.T @ aims)
    tangent = solution[: ours.shape[1]]
    head = solution[ours.shape[1] :]
    if still:
        tangent = tangent.detach()
        head = torch.linalg.solve(
            heads.T @ heads + decay * torch.eye(heads.shape[1]), heads.T @ (aims - ours @ tangent)
        )
    outputs = (theirs @ tangent + their_heads @ head).view(-1, 10)
    largest = batch.targets.sort(1, descending=True).values
    margin = torch.minimum(largest[:, 0] - largest[:, 1], torch.tensor(0.05)).mean()
    return cross_entropy(newton(outputs.detach(), real.classes) * outputs, real.classes) - margin


def newton(outputs: Tensor, classes: Tensor) -> Tensor:
    """The scale of least cross-entropy."""
    scale = torch.tensor(1.0)
    for _ in range(50):
        scale = scale.requires_grad_()
        (slope,) = torch.autograd.grad(cross_entropy(scale * outputs, classes), scale, create_graph=True)
        (bend,) = torch.autograd.grad(slope, scale)
        scale = (scale - slope / bend).detach()
    return scale


def test_products_are_those_of_the_jacobian_of_the_body() -> None:
    on = problem("convnet-w2-d1-softplus")
    learner, inputs = learner_of(on), on.real(KEY, 1).inputs[:3].requires_grad_()
    tangents = Tangents(on.network, learner.params, inputs)
    expected, features = jacobian(on, learner, inputs)
    assert list(tangents.paths) == body_of(learner.params)
    torch.testing.assert_close(tangents.features, features[:, :-1])
    direction, weights = KEY.fold("direction").normal(expected.shape[2]), KEY.fold("weights").normal(3, 10)
    changed = tangents.change(direction.double(), create_graph=True)
    torch.testing.assert_close(changed, expected @ direction.double(), rtol=1e-9, atol=1e-11)
    pulled = torch.einsum("eo,eop->p", weights.double(), expected)
    torch.testing.assert_close(tangents.back(weights.double()), pulled, rtol=1e-9, atol=1e-11)
    found, wanted = (
        torch.autograd.grad((each * weights).sum(), inputs)[0] for each in (changed, expected @ direction.double())
    )
    torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-10)


def test_conjugate_gradients_come_nearer_with_each_step_and_stay_where_they_arrive() -> None:
    root = KEY.fold("root").normal(7, 7).double()
    matrix, right = root @ root.T + torch.eye(7), KEY.fold("right").normal(7).double()
    found = [conjugate_gradients(lambda u: matrix @ u, right, steps) for steps in range(9)]
    energies = torch.stack([u @ matrix @ u / 2 - right @ u for u in found])
    assert not found[0].any() and bool((energies[1:8] < energies[:7]).all())
    solution = torch.linalg.solve(matrix, right)
    torch.testing.assert_close(found[7], solution, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(conjugate_gradients(lambda u: matrix @ u, right, 200), solution, rtol=1e-10, atol=1e-12)
    nothing = torch.zeros(7)
    assert torch.equal(conjugate_gradients(lambda u: matrix @ u, nothing, 3), nothing)


@pytest.mark.parametrize("mirror", [False, True])
def test_the_loss_and_both_derivatives_are_those_of_dense_algebra(mirror: bool) -> None:
    """Of the whole ridge regression through its solution, and with what lies below the last layer held."""
    on = problem(mirror=mirror)
    learner, batch, real = learner_of(on), batch_of(on), on.real(KEY.fold("real"), 3)
    value, slopes = CONVERGED.value_and_slopes(learner, on, batch, real)
    seen = batch
    if mirror:
        seen = batch._replace(
            inputs=torch.cat([batch.inputs, batch.inputs.flip(3)]), targets=torch.cat([batch.targets, batch.targets])
        )
    whole, still = dense(on, learner, seen, real), dense(on, learner, seen, real, still=True)
    torch.testing.assert_close(value, whole.detach(), rtol=1e-9, atol=1e-11)
    leaves = [batch.inputs, batch.targets]
    for path, total, direct in zip(
        ("inputs", "targets"), torch.autograd.grad(whole, leaves), torch.autograd.grad(still, leaves), strict=True
    ):
        torch.testing.assert_close(slopes.direct[path], direct, rtol=1e-5, atol=1e-7)
        torch.testing.assert_close(slopes.implicit[path], total - direct, rtol=1e-5, atol=1e-7)
        assert float(slopes.implicit[path].norm()) > 1e-4


def test_the_gradient_of_the_loss_is_the_direct_one_and_the_implicit_one_no_longer_than_it_may_be() -> None:
    on = problem()
    batch = batch_of(on)
    state = CONVERGED.init(on, KEY)
    learner = state.members[state.drawn(KEY)].learner
    _, slopes = CONVERGED.value_and_slopes(learner, on, batch, on.real(KEY.fold("real"), 3))
    ratios = {path: float(slopes.implicit[path].norm() / slopes.direct[path].norm()) for path in ("inputs", "targets")}
    assert abs(ratios["inputs"] / ratios["targets"] - 1) > 0.1
    for most in (0.0, sum(ratios.values()) / 2, 0.3 * min(ratios.values()), 10.0):
        loss = replace(CONVERGED, most=most).loss(state, on, shown(batch), KEY)
        found = torch.autograd.grad(loss, [batch.inputs, batch.targets])
        for path, gradient in zip(("inputs", "targets"), found, strict=True):
            share = min(1.0, most / ratios[path]) if most else 1.0
            expected = slopes.direct[path] + share * slopes.implicit[path]
            torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-12)


def test_without_steps_it_is_a_ridge_regression_on_features() -> None:
    on = problem()
    learner, batch, real = learner_of(on), batch_of(on), on.real(KEY.fold("real"), 3)
    value, slopes = replace(CONVERGED, steps=0).value_and_slopes(learner, on, batch, real)
    ours, theirs = (jacobian(on, learner, each.inputs)[1] for each in (batch, real))
    gram = ours @ ours.T + RIDGE * ITEMS * torch.eye(ITEMS)
    outputs = theirs @ ours.T @ torch.inverse(gram) @ (batch.targets - 0.1)
    loss = cross_entropy(newton(outputs.detach(), real.classes) * outputs, real.classes)
    largest = batch.targets.topk(2, dim=1).values
    loss = loss - (largest[:, 0] - largest[:, 1]).clamp(max=0.05).mean()
    torch.testing.assert_close(value, loss.detach(), rtol=1e-9, atol=1e-11)
    expected = torch.autograd.grad(loss, [batch.inputs, batch.targets])
    for path, gradient in zip(("inputs", "targets"), expected, strict=True):
        torch.testing.assert_close(slopes.direct[path], gradient, rtol=1e-5, atol=1e-7)
        assert not slopes.implicit[path].any()


@dataclass(frozen=True)
class Linear(AbstractNetwork):
    """A network whose features are fixed linear functions of the pixels: it has nothing below its last layer."""

    name: str = "linear"

    def init(self, key: Key) -> Any:
        return {"head": torch.zeros(10, 12)}

    def statistics(self) -> Any:
        return {}

    def apply(self, params: Any, inputs: Any, statistics: Any = None) -> Readout:
        features = inputs.flatten(1) @ PIXELS.double() / 8
        return Readout(features, features @ params["head"].T)

    def layers(self, params: Any, inputs: Any, statistics: Any = None) -> tuple[Tensor, ...]:
        return (self.apply(params, inputs).features,)

    def track(self, params: Any, inputs: Any, statistics: Any) -> tuple[Readout, Any]:
        return self.apply(params, inputs), {}


PIXELS = KEY.fold("pixels").normal(64, 12)


def test_as_many_learned_items_as_classes_reach_the_ridge_regression_on_all_real_data() -> None:
    """With W, b that of all data: items whose features are columns of W over b, under targets A diag(b)."""
    on = problem(Linear())
    learner, real = Learner(on.network.init(KEY), {}), on.real(KEY, 10_000)
    features = on.network.apply(learner.params, real.inputs).features
    features = torch.cat([features, torch.ones(len(features), 1)], 1)
    best = torch.linalg.solve(features.T @ features + 0.5 * torch.eye(13), features.T @ (real.targets - 0.1))
    outputs = features @ best
    least = cross_entropy(newton(outputs, real.classes) * outputs, real.classes)
    wanted = (best[:-1] / best[-1]).T
    inputs = (wanted @ torch.linalg.pinv(PIXELS.double() / 8)).reshape(10, 1, 8, 8)
    gram = wanted @ wanted.T + 1 + RIDGE * ITEMS * torch.eye(10)
    targets = gram * best[-1] + 0.1
    value, _ = CONVERGED.value_and_slopes(learner, on, Batch(inputs, targets, torch.arange(10)), real)
    largest = targets.topk(2, dim=1).values
    margin = (largest[:, 0] - largest[:, 1]).clamp(max=0.05).mean()
    torch.testing.assert_close(value, least - margin, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(("least", "expected"), [(0.3, 0.3), (7.0, 7.0), (1e4, 100.0), (-2.0, 0.01)])
def test_the_best_scale_is_where_a_convex_loss_is_least_within_its_bounds(least: float, expected: float) -> None:
    found = best_scale(lambda scale: (scale - least).square(), torch.zeros(3, 2))
    assert float(found) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("mirror", [False, True])
def test_a_drawn_network_learns_from_the_set_for_some_steps_and_gives_way_in_time(mirror: bool) -> None:
    on = problem(mirror=mirror)
    objective = replace(CONVERGED, pool=1, updates=3, longest=10, optimizer=Adam(0.01))
    state, batch = objective.init(on, KEY), batch_of(on, learned=False)
    inputs, targets = batch.inputs, batch.targets
    if mirror:
        inputs, targets = torch.cat([inputs, inputs.flip(3)]), torch.cat([targets, targets])
    drawn, age, replaced = set(), 0, 0
    for step in range(12):
        if not age:
            params = {name: leaf.clone() for name, leaf in state.members[0].learner.params.items()}
            params = {name: leaf.requires_grad_() for name, leaf in params.items()}
            adam = torch.optim.Adam(params.values(), 0.01)
        key = KEY.fold(step)
        state = objective.advance(state, on, shown(batch), key)
        updates = 1 + int(key.fold("updates").integers(3))
        drawn.add(updates)
        age += updates
        if age >= 10:
            age, replaced = 0, replaced + 1
            fresh = on.network.init(key.fold("respawn").fold("network"))
            torch.testing.assert_close(state.members[0].learner.params, fresh)
        else:
            for _ in range(updates):
                adam.zero_grad()
                nn.functional.mse_loss(on.network.apply(params, inputs).outputs, targets).backward()
                adam.step()
            torch.testing.assert_close(state.members[0].learner.params, tree.detach(params), rtol=1e-7, atol=1e-9)
        assert int(state.ages[0]) == age
    assert drawn == {1, 2, 3} and replaced > 0


def test_softplus_of_its_sharpness_is_nearly_a_relu_that_bends() -> None:
    network = TASK.network("mlp-w6-softplus")
    params, inputs = tree.map(Tensor.double, network.init(KEY)), KEY.fold("inputs").normal(5, 1, 8, 8).double()
    plain = TASK.network("mlp-w6-relu")
    found, near = (each.apply(params, inputs).features for each in (network, plain))
    assert 0 < float((found - near).abs().max()) < 0.03
    one = torch.tensor(0.0, requires_grad=True)
    activation = next(part for part in network.factory().modules() if isinstance(part, nn.Softplus))
    (slope,) = torch.autograd.grad(functional_call(activation, {}, (one,)), one, create_graph=True)
    (bend,) = torch.autograd.grad(slope, one)
    assert float(slope.detach()) == pytest.approx(0.5) and float(bend) == pytest.approx(15.0)
    assert float(softplus(torch.tensor(0.0), 60.0)) == pytest.approx(0.011552, abs=1e-6)
