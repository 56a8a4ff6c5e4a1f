"""Label distillation: its two losses are those of the published loops, and only labels move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.distillation import Distillation
from limbeck.learn.optim import SGD, Adam, OnSimplex
from limbeck.learn.ridge import ridge_solution, with_ones
from limbeck.objectives import OneStepAhead, RidgeHead
from limbeck.objectives.alongside import Plateau, drawn_items
from limbeck.options import compose
from limbeck.parameterizations import FixedInputs
from limbeck.recipes import recipe_for
from limbeck.schedules import Fixed
from limbeck.starts import Real, UniformLabels
from limbeck.tasks import load

KEY = Key(("label",))
TASK = load("digits")
NETWORK = "mlp-w12-tanh"
CPU = torch.device("cpu")


@pytest.fixture
def double() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@dataclass(frozen=True)
class DoubledProblem(Problem):
    """A problem whose real examples are float64."""

    def real(self, key: Key, per_class: int) -> Batch:
        batch = super().real(key, per_class)
        return Batch(batch.inputs.double(), batch.targets.double(), batch.classes)


def doubled() -> DoubledProblem:
    return DoubledProblem(TASK, TASK.network(NETWORK), CPU, NoCache())


def plain(network: str = NETWORK) -> Problem:
    return Problem(TASK, TASK.network(network), CPU, NoCache())


def shown(on: Problem, targets: Tensor | None = None) -> Synthetic:
    batch = on.real(KEY.fold("start"), 2)
    batch = batch._replace(targets=soft(20) if targets is None else targets)
    return Synthetic.of(batch, Fixed(steps=1).render({}, batch.classes, KEY))


def soft(count: int) -> Tensor:
    return KEY.fold("soft").normal(count, 10).to(torch.get_default_dtype()).softmax(1)


def soft_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    return -(targets * outputs.log_softmax(1)).sum(1).mean()


@pytest.mark.parametrize("objective", [OneStepAhead(7, 11, 0.3), RidgeHead(7, 11, 0.5, 0.2)], ids=["ahead", "ridge"])
def test_derivatives_in_labels_are_those_by_differences(double: None, objective: OneStepAhead | RidgeHead) -> None:
    on = doubled()
    # A network that has learned a little, so that the regression has a past.
    state = objective.init(on, KEY)
    for step in range(3):
        state = objective.advance(state, on, shown(on), KEY.fold(step))
    targets = soft(20).requires_grad_()
    (slope,) = torch.autograd.grad(objective.loss(state, on, shown(on, targets), KEY), targets)
    seen = drawn_items(shown(on).batch, 11, KEY)
    assert sorted(slope.abs().sum(1).nonzero()[:, 0].tolist()) == sorted(seen.tolist())
    along = KEY.fold("along").normal(20, 10).double()
    ends = [float(objective.loss(state, on, shown(on, soft(20) + by * along), KEY)) for by in (1e-5, -1e-5)]
    assert float((slope * along).sum()) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6)


def test_a_network_one_step_ahead_is_that_of_the_published_loop() -> None:
    """The loss at fast weights, Adam on the weights themselves, and the error that decides on a fresh network."""
    on, objective = plain(), OneStepAhead(per_class=7, batch=11, learning_rate=0.3, window=2)
    state, synthetic = objective.init(on, KEY), shown(on)
    params = {name: leaf.clone().requires_grad_() for name, leaf in on.network.init(KEY.fold("network")).items()}
    adam, errors = torch.optim.Adam(params.values()), []
    for step in range(3):
        key = KEY.fold(step)
        rows = key.fold("items").permutation(20)[:11]
        loss = soft_entropy(
            on.network.apply(params, synthetic.batch.inputs[rows]).outputs, synthetic.batch.targets[rows]
        )
        slopes = torch.autograd.grad(loss, list(params.values()))
        fast = {name: leaf - 0.3 * slope for (name, leaf), slope in zip(params.items(), slopes, strict=True)}
        real = on.real(key.fold("real"), 7)
        outputs = on.network.apply(fast, real.inputs).outputs
        found = objective.loss(state, on, synthetic, key)
        torch.testing.assert_close(found, cross_entropy(outputs, real.classes).detach(), rtol=1e-5, atol=1e-6)
        for leaf, slope in zip(params.values(), slopes, strict=True):
            leaf.grad = slope
        adam.step()
        errors.append(float((outputs.argmax(1) != real.classes).double().mean()))
        state = objective.advance(state, on, synthetic, key)
        torch.testing.assert_close(state.params, {n: leaf.detach() for n, leaf in params.items()}, rtol=1e-5, atol=1e-6)
    assert state.plateau.errors.tolist() == pytest.approx(errors[1:])


def test_a_ridge_regression_is_the_least_of_its_sum(double: None) -> None:
    features, targets = with_ones(KEY.normal(6, 9).double()), KEY.fold("targets").normal(6, 3).double()
    found = ridge_solution(features, targets, 0.7)
    primal = torch.linalg.solve(features.T @ features + 0.7 * torch.eye(10), features.T @ targets)
    torch.testing.assert_close(found, primal, rtol=1e-10, atol=1e-12)
    assert float((features.T @ (features @ found - targets) + 0.7 * found).abs().max()) < 1e-12


def test_the_first_order_gradient_has_its_closed_form(double: None) -> None:
    """d loss / d Y = scale rate (Z Z' + ridge I)^-1 Z sum over real x of phi(x) (softmax(scale w'phi(x)) - y)' / n."""
    on, objective = doubled(), RidgeHead(per_class=5, batch=99, ridge=0.5, rate=0.2)
    state = objective.advance(objective.init(on, KEY), on, shown(on), KEY.fold("before"))
    scale, params = float(state.learned["scale"]), state.learned["params"]
    targets = soft(20).requires_grad_()
    loss = objective.loss(state, on, shown(on, targets), KEY)
    (found,) = torch.autograd.grad(loss, targets)
    real, rows = on.real(KEY.fold("real"), 5), KEY.fold("items").permutation(20)
    features = with_ones(on.network.apply(params, shown(on).batch.inputs).features)
    theirs = with_ones(on.network.apply(params, real.inputs).features)
    dual = torch.linalg.solve(features @ features.T + 0.5 * torch.eye(20), features)
    head = 0.8 * state.head + 0.2 * dual.T @ targets.detach()
    outputs = scale * theirs @ head
    expected = scale * 0.2 * dual @ theirs.T @ (outputs.softmax(1) - real.targets) / len(real.classes)
    assert sorted(rows.tolist()) == list(range(20)) and scale != 1.0
    torch.testing.assert_close(loss, cross_entropy(outputs, real.classes), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-12)


def test_a_network_and_its_regression_step_as_the_published_loop_does() -> None:
    on, objective = plain(), RidgeHead(per_class=5, batch=11, ridge=1.0, rate=0.2)
    state, synthetic = objective.init(on, KEY), shown(on)
    params = {name: leaf.clone().requires_grad_() for name, leaf in on.network.init(KEY.fold("network")).items()}
    scale, head = torch.ones(1, requires_grad=True), torch.zeros(13, 10)
    adam, scaled = torch.optim.Adam(params.values()), torch.optim.Adam([scale], 0.01)
    for step in range(3):
        rows = KEY.fold(step, "items").permutation(20)[:11]
        features = with_ones(on.network.apply(params, synthetic.batch.inputs[rows]).features)
        local = features.T @ torch.inverse(features @ features.T + torch.eye(11)) @ synthetic.batch.targets[rows]
        head = 0.8 * head.detach() + 0.2 * local
        adam.zero_grad()
        scaled.zero_grad()
        soft_entropy(scale * features @ head, synthetic.batch.targets[rows]).backward()
        for leaf in params.values():
            leaf.grad = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
        adam.step()
        scaled.step()
        state = objective.advance(state, on, synthetic, KEY.fold(step))
        torch.testing.assert_close(state.head, head.detach(), rtol=1e-4, atol=1e-5)
        found, expected = state.learned, {"params": tree.detach(params), "scale": scale.detach()}
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def published_resets(errors: list[float], gap: int) -> list[int]:
    """The steps after which the published loop has a fresh model, told from its description."""
    resets, recent, lowest, waited = [], [], 0.0, 0
    for step, error in enumerate(errors):
        full = len(recent) == gap
        recent = [*recent, error][-gap:]
        total = sum(recent)
        if not full or total < lowest:
            lowest, waited = total, 0
        elif waited < gap:
            waited += 1
        else:
            resets.append(step)
            recent = []
    return resets


def test_a_fresh_network_comes_when_the_published_one_does() -> None:
    errors = [round(float(each), 3) for each in KEY.fold("errors").uniform(300).double()]
    for gap in (1, 3, 7):
        found, plateau = [], Plateau.begun(gap)
        for step, error in enumerate(errors):
            plateau = plateau.after(error)
            if plateau.reached:
                found.append(step)
                plateau = Plateau.begun(gap)
        assert found == published_resets(errors, gap) and len(found) > 3


def test_a_fresh_network_has_no_past() -> None:
    on = plain()
    for objective in (OneStepAhead(per_class=3, window=1), RidgeHead(per_class=3, window=1)):
        state = objective.init(on, KEY)
        stuck = state._replace(plateau=Plateau(torch.zeros(1).double(), torch.tensor(-1.0).double(), torch.tensor(1)))
        after = objective.advance(stuck, on, shown(on), KEY.fold("step"))
        expected = objective.init(on, KEY.fold("step", "respawn"))
        pairs = zip(tree.leaves(after), tree.leaves(expected), strict=True)
        assert all(torch.equal(left.nan_to_num(), right.nan_to_num()) for left, right in pairs)


def test_rows_on_the_simplex_are_clamped_and_divided_by_their_sum() -> None:
    optimizer = OnSimplex(SGD(learning_rate=1.0))
    rows, slopes = soft(30), 2 * KEY.fold("slopes").normal(30, 10)
    after, _ = optimizer.step({"": rows}, {"": slopes}, optimizer.init({"": rows}))
    kept = (rows - slopes).clamp(0, 1)
    torch.testing.assert_close(after[""], kept / kept.sum(1, keepdim=True))
    still, _ = optimizer.step({"": rows}, {"": torch.zeros_like(rows)}, optimizer.init({"": rows}))
    torch.testing.assert_close(still[""], rows)
    empty, _ = optimizer.step({"": rows}, {"": torch.full_like(rows, 2.0)}, optimizer.init({"": rows}))
    torch.testing.assert_close(empty[""], torch.full_like(rows, 0.1))
    assert OnSimplex(Adam(halve_at=(3,))).at(3) == OnSimplex(Adam(learning_rate=0.0005, halve_at=(3,)))


@pytest.mark.parametrize("name", ["label", "label-ridge"])
def test_only_labels_move_and_they_stay_weights(name: str) -> None:
    on = plain()
    options = {"objective.per_class": 4, "steps": 4, "start.items": 5, "optimizer.inner.learning_rate": 0.3}
    run = Distillation(on, compose(recipe_for(name, "digits", 1), options), 1, KEY, checks=0)
    begun = state = run.begin()
    for _ in range(4):
        state = run.step(state)
    images = Real().pick(on, 1, KEY.fold("start"))
    made = run.show(state.learned, state.fixed, KEY).batch
    assert torch.equal(made.inputs, images.inputs[:5]) and made.classes.tolist() == [0, 1, 2, 3, 4]
    assert torch.equal(begun.learned["targets"], torch.full((5, 10), 0.1))
    assert bool((made.targets >= 0).all()) and not torch.equal(made.targets, begun.learned["targets"])
    torch.testing.assert_close(made.targets.sum(1), torch.ones(5))


def test_five_labelled_images_tell_of_ten_classes() -> None:
    """Where labels are learned, images of five classes say something of the other five: hard labels cannot."""
    on = plain()
    options = {"objective.per_class": 16, "steps": 120, "start.items": 5, "start.start": "class-means"}
    learned = {"optimizer.inner.learning_rate": 0.02, "objective.learning_rate": 0.5}
    run = Distillation(on, compose(recipe_for("label", "digits", 1), {**options, **learned}), 1, KEY, checks=0)
    state = run.begin()
    for _ in range(120):
        state = run.step(state)
    absent = state.learned["targets"][:, 5:]
    assert float(absent.sum()) > 0.25 * 5 and float((absent / 5).max()) < 1


def test_targets_of_another_kind_are_refused() -> None:
    on = plain()
    start = shown(on).batch
    with pytest.raises(InputError, match="fixed-inputs: found targets of another type than floating"):
        FixedInputs().init(on, start._replace(targets=start.classes), KEY)
    short = torch.ones(20, 3)
    with pytest.raises(InputError, match=r"ridge-head: found targets \(20, 3\), expected one number for each output"):
        RidgeHead(per_class=3).loss(RidgeHead(per_class=3).init(on, KEY), on, shown(on, short), KEY)
    with pytest.raises(InputError, match=r"uniform-labels: found targets \(1, 2\), expected a weight for each of 1"):
        UniformLabels(Two()).pick(replace(plain(), task=OneClass()), 1, KEY)  # type: ignore[arg-type]


@dataclass(frozen=True)
class OneClass:
    """As much of a task as a start asks for."""

    classes: tuple[str, ...] = ("all",)


@dataclass(frozen=True)
class Two(Real):
    """One item with two numbers to say."""

    def pick(self, problem: Problem, per_class: int, key: Key) -> Batch:
        return Batch(torch.zeros(1, 3), torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64))
