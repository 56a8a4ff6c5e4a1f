"""The laws of estimators of gradients: exact for Backprop, in the mean for the others."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from limbeck.composition import Recipe
from limbeck.core import tree
from limbeck.core.contracts import AbstractEstimator, AbstractObjective, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.distillation import Distillation, distill
from limbeck.estimators import ESTIMATORS, Backprop, Evolution
from limbeck.learn.optim import SGD, Adam
from limbeck.objectives import Distribution, Unrolled
from limbeck.schedules import Fixed, LearnedRates
from limbeck.state import Unkept

KEY = Key(("estimators",))
every = pytest.mark.parametrize("estimator", [pytest.param(part(), id=name) for name, part in ESTIMATORS.parts.items()])
WHERE = {"a": KEY.fold("a").normal(2, 3).double(), "b": {"c": KEY.fold("c").normal(4).double()}, "none": {}}
MATRIX = KEY.fold("matrix").normal(10, 10).double()
ALONG = KEY.fold("along").normal(10).double()


def flat(at: Any) -> Tensor:
    return torch.cat([leaf.flatten() for leaf in tree.leaves(at)])


def linear(at: Any) -> Tensor:
    return ALONG @ flat(at)


def quadratic(at: Any) -> Tensor:
    return flat(at) @ MATRIX @ flat(at) / 2 + linear(at) + 3


def directions(estimator: Evolution, key: Key) -> Tensor:
    return torch.stack([flat(key.fold("pair", pair).normal_like(WHERE)) for pair in range(estimator.pairs)])


@every
def test_an_estimate_is_a_function_of_its_key_of_the_shape_of_what_is_learned(estimator: AbstractEstimator) -> None:
    value, gradients = estimator.gradient(quadratic, WHERE, KEY)
    assert not value.requires_grad and torch.equal(value, quadratic(WHERE))
    assert tree.flatten(gradients).keys() == tree.flatten(WHERE).keys()
    for leaf, at in zip(tree.leaves(gradients), tree.leaves(WHERE), strict=True):
        assert leaf.shape == at.shape and leaf.dtype == at.dtype and not leaf.requires_grad
    assert torch.equal(flat(estimator.gradient(quadratic, WHERE, KEY)[1]), flat(gradients))
    assert not any(leaf.requires_grad for leaf in tree.leaves(WHERE))


@every
@pytest.mark.parametrize("loss", [linear, quadratic])
def test_estimates_are_right_in_the_mean(estimator: AbstractEstimator, loss: Any) -> None:
    truth = ALONG + ((MATRIX + MATRIX.T) / 2 @ flat(WHERE) if loss is quadratic else 0)
    found = torch.stack([flat(estimator.gradient(loss, WHERE, KEY.fold(draw))[1]) for draw in range(200)])
    error = found.std(0) / math.sqrt(200)
    assert bool(((found.mean(0) - truth).abs() <= 5 * error + 1e-9).all())


def test_backprop_is_exact() -> None:
    _, gradients = Backprop().gradient(quadratic, WHERE, KEY)
    torch.testing.assert_close(flat(gradients), (MATRIX + MATRIX.T) / 2 @ flat(WHERE) + ALONG)


def test_backprop_gives_zeros_for_what_the_loss_does_not_touch_and_refuses_one_that_touches_nothing() -> None:
    _, gradients = Backprop().gradient(lambda at: at["a"].sum(), WHERE, KEY)
    assert torch.equal(gradients["a"], torch.ones(2, 3).double()) and not gradients["b"]["c"].any()
    with pytest.raises(InputError, match="backprop: the loss has no derivative .*--estimator evolution"):
        Backprop().gradient(lambda at: torch.tensor(1.0), WHERE, KEY)


@pytest.mark.parametrize("sigma", [1e-3, 0.5, 20.0])
def test_evolution_projects_the_gradient_of_a_quadratic_on_its_directions_whatever_sigma(sigma: float) -> None:
    estimator = Evolution(pairs=5, sigma=sigma)
    drawn = directions(estimator, KEY)
    truth = (MATRIX + MATRIX.T) / 2 @ flat(WHERE) + ALONG
    expected = drawn.T @ (drawn @ truth) / 5
    torch.testing.assert_close(flat(estimator.gradient(quadratic, WHERE, KEY)[1]), expected, rtol=1e-6, atol=1e-6)


def test_evolution_along_orthogonal_directions_of_norm_n_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    basis = math.sqrt(10) * torch.linalg.qr(MATRIX).Q
    paths = {path: leaf.shape for path, leaf in tree.flatten(WHERE).items()}

    def direction(self: Key, learned: Any) -> Any:
        parts = basis[int(self.path[-1])].split([shape.numel() for shape in paths.values()])
        return tree.unflatten(learned, {p: part.view(s) for (p, s), part in zip(paths.items(), parts, strict=True)})

    monkeypatch.setattr(Key, "normal_like", direction)
    found = flat(Evolution(pairs=10).gradient(linear, WHERE, KEY)[1])
    torch.testing.assert_close(found, ALONG)


def test_directions_are_standard_normal_and_differ_from_leaf_to_leaf_and_pair_to_pair() -> None:
    drawn = directions(Evolution(pairs=2000), KEY)
    assert bool((drawn.mean(0).abs() < 5 / math.sqrt(2000)).all())
    torch.testing.assert_close(drawn.T @ drawn / 2000, torch.eye(10).double(), rtol=0, atol=5 * math.sqrt(2 / 2000))
    twins = KEY.normal_like({"x": torch.zeros(3), "y": torch.zeros(3)})
    assert not torch.equal(twins["x"], twins["y"])


def test_evolution_goes_down_a_loss_that_has_no_derivative() -> None:
    at = {"x": torch.full((5,), 2.0)}
    steps = lambda at: (10 * at["x"]).round().abs().sum() / 10  # noqa: E731
    value, optimizer = steps(at), SGD(learning_rate=0.05)
    for step in range(120):
        _, gradients = Evolution(pairs=8, sigma=0.3).gradient(steps, at, KEY.fold(step))
        at, _ = optimizer.step(at, gradients, optimizer.init(at))
    assert float(steps(at)) < 0.15 * float(value)


@pytest.mark.parametrize("fields", [{"pairs": 0}, {"sigma": 0.0}, {"sigma": -1.0}, {"sigma": math.nan}])
def test_numbers_that_estimate_nothing_are_refused(fields: dict) -> None:
    with pytest.raises(InputError, match=r"evolution\.(pairs|sigma): found"):
        Evolution(**fields)


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(objective=Distribution(per_class=8)),
        Recipe(objective=Unrolled(per_class=4), schedule=LearnedRates(Fixed(steps=2, learning_rate=0.05))),
    ],
    ids=["distribution", "unrolled"],
)
def test_the_loop_asks_the_estimator(recipe: Recipe, problem: Problem) -> None:
    def moved(estimator: AbstractEstimator) -> Tensor:
        one = replace(recipe, estimator=estimator, steps=1, optimizer=SGD(1.0), schedule_optimizer=SGD(1.0))
        steps = Distillation(problem, one, per_class=1, key=KEY)
        begun = steps.begin()
        return flat(steps.step(begun).learned) - flat(begun.learned)

    truth, found = moved(Backprop()), moved(Evolution(pairs=3, sigma=1e-2))
    # The estimate is P g for P = E^T E / n, so <P g, g> = |E g|^2 / n is positive.
    assert float(truth @ found) > 0 and not torch.allclose(truth, found)


@dataclass(frozen=True)
class Sign(AbstractObjective):
    """The share of the inputs that are positive, which has no derivative."""

    def init(self, problem: Problem, key: Key) -> Any:
        return {}

    def loss(self, state: Any, problem: Problem, synthetic: Any, key: Key) -> Tensor:
        return (synthetic.batch.inputs > 0).float().mean()

    def advance(self, state: Any, problem: Problem, synthetic: Any, key: Key) -> Any:
        return state


def test_a_set_is_distilled_without_a_derivative(problem: Problem) -> None:
    recipe = Recipe(
        objective=Sign(), estimator=Evolution(pairs=32, sigma=0.2), optimizer=Adam(learning_rate=0.1), steps=30
    )
    done = distill(Distillation(problem, recipe, per_class=1, key=KEY, checks=1), Unkept(), lambda *_: None)
    assert float(done.losses[-1]) < 0.8 * float(done.losses[0])
    with pytest.raises(InputError, match="no derivative"):
        distill(
            Distillation(problem, replace(recipe, estimator=Backprop()), 1, KEY, checks=1), Unkept(), lambda *_: None
        )
