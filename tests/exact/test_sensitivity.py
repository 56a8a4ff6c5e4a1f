"""The primitive equals its closed forms, and torch's dense second derivatives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import Batch
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.sensitivity import Loss, gradient, mean_loss, sensitivity
from limbeck.tasks import load

KEY = Key(("sensitivity",))
ITEMS, SIDE, CLASSES = 5, 8, 10


def error(found: Tensor, expected: Tensor) -> float:
    """The relative error in norm."""
    return float((found - expected).norm() / expected.norm())


def normal(name: str, *shape: int) -> Tensor:
    return KEY.fold(name).normal(*shape).double()


def free(*names: str) -> Batch:
    """A batch of images and soft targets, of which the named leaves require a gradient."""
    targets = normal("targets", ITEMS, CLASSES).softmax(1)
    batch = Batch(normal("inputs", ITEMS, 1, SIDE, SIDE), targets, torch.arange(ITEMS))
    for name in names:
        getattr(batch, name).requires_grad_()
    return batch


def network_loss(name: str) -> tuple[Loss, Tree, Tree]:
    task = load("digits")
    network = task.network(name)
    params = tree.map(torch.Tensor.double, network.init(KEY.fold("init")))
    direction = tree.map(lambda leaf: normal(f"direction of {leaf.shape}", *leaf.shape), params)
    return mean_loss(task, network), params, direction


@pytest.fixture(scope="module")
def regression() -> tuple[dict[str, Tensor], Tensor, Tensor, Tensor]:
    """Weights W (output, feature), items X and Y, and a direction."""
    return {"W": normal("W", 2, 3)}, normal("X", 4, 3), normal("Y", 4, 2), normal("D", 2, 3)


def squares(params: Tree, batch: Batch) -> Tensor:
    """mean over items of || W x - y ||^2."""
    return (batch.inputs @ params["W"].T - batch.targets).square().sum(1).mean()


def test_least_squares_has_the_derivatives_of_its_closed_form(
    regression: tuple[dict[str, Tensor], Tensor, Tensor, Tensor],
) -> None:
    params, X, Y, D = regression
    W, N = params["W"], len(X)
    batch = Batch(X.clone().requires_grad_(), Y.clone().requires_grad_(), torch.arange(N))
    found = sensitivity(squares, params, batch, {"W": D})
    residual = X @ W.T - Y
    # g = 2/N R'X with R = X W' - Y, so <g, D> = 2/N sum(R * X D').
    assert error(gradient(squares, params, batch)["W"], 2 / N * residual.T @ X) < 1e-12
    assert error(found.params["W"], 2 / N * D @ X.T @ X) < 1e-12
    assert error(found.batch.inputs, 2 / N * (X @ D.T @ W + residual @ D)) < 1e-12
    assert error(found.batch.targets, -2 / N * X @ D.T) < 1e-12
    assert not found.batch.classes.any()


@pytest.mark.parametrize("name", ["convnet-w3-d2-tanh", "convnet-w3-d1-gelu-batch", "lenet"])
def test_a_network_has_the_dense_second_derivatives(name: str) -> None:
    loss, params, direction = network_loss(name)
    batch = free("inputs", "targets")
    found = sensitivity(loss, params, batch, direction)

    def gradient_of(params: Tree, inputs: Tensor, targets: Tensor) -> Tensor:
        """<g, direction> by torch's own functional transforms."""
        g = torch.func.grad(lambda params: loss(params, Batch(inputs, targets, batch.classes)))(params)
        return tree.dot(g, direction)

    at = (params, batch.inputs.detach(), batch.targets.detach())
    by_params, by_inputs, by_targets = torch.func.grad(gradient_of, (0, 1, 2))(*at)
    for path, leaf in tree.flatten(found.params).items():
        torch.testing.assert_close(leaf, by_params[path], rtol=1e-8, atol=1e-12)
    assert error(found.batch.inputs, by_inputs) < 1e-10
    assert error(found.batch.targets, by_targets) < 1e-10
    first = torch.func.grad(lambda params: loss(params, tree.detach(batch)))(params)
    for path, leaf in gradient(loss, params, batch).items():
        torch.testing.assert_close(leaf, first[path], rtol=1e-10, atol=1e-14)
    assert not any(leaf.requires_grad for leaf in tree.leaves(tuple(found)))


def test_the_hessian_is_symmetric() -> None:
    loss, params, direction = network_loss("convnet-w3-d2-gelu")
    other = tree.map(lambda leaf: leaf.flip(0) * 0.5 + leaf, direction)
    one, two = (sensitivity(loss, params, free(), along).params for along in (direction, other))
    assert float(tree.dot(one, other)) == pytest.approx(float(tree.dot(two, direction)), rel=1e-10)


def test_the_mixed_derivative_is_the_change_of_the_gradient() -> None:
    # <d<g, D>/dS, E> = <D, dg/dS E>: the transposed map, by torch's forward differentiation of the gradient.
    loss, params, direction = network_loss("convnet-w3-d1-tanh-none")
    batch, along = free("inputs", "targets"), normal("E", ITEMS, 1, SIDE, SIDE)
    found = sensitivity(loss, params, batch, direction)
    fixed = tree.detach(batch)
    _, moved = torch.func.jvp(
        lambda inputs: torch.func.grad(loss)(params, fixed._replace(inputs=inputs)), (fixed.inputs,), (along,)
    )
    assert float((found.batch.inputs * along).sum()) == pytest.approx(float(tree.dot(moved, direction)), rel=1e-10)


@pytest.mark.parametrize("named", [(), ("inputs",), ("targets",), ("inputs", "targets")])
def test_only_what_requires_a_gradient_gets_one(named: tuple[str, ...]) -> None:
    loss, params, direction = network_loss("convnet-w3-d1-tanh-none")
    found = sensitivity(loss, params, free(*named), direction)
    whole = sensitivity(loss, params, free("inputs", "targets"), direction)
    for name in ("inputs", "targets"):
        expected = getattr(whole.batch, name) if name in named else torch.zeros_like(getattr(whole.batch, name))
        assert torch.equal(getattr(found.batch, name), expected)
    assert all(torch.equal(found.params[path], whole.params[path]) for path in params)


def test_what_a_loss_does_not_touch_gets_zeros() -> None:
    params = {"used": normal("used", 3), "unused": normal("unused", 2)}
    ones = tree.map(torch.ones_like, params)
    batch = Batch(normal("x", 4, 3).requires_grad_(), normal("y", 4, 1).requires_grad_(), torch.arange(4))

    def straight(params: Tree, batch: Batch) -> Tensor:
        return (batch.inputs @ params["used"]).mean()

    found = sensitivity(straight, params, batch, ones)
    gradients = gradient(straight, params, batch)
    assert error(gradients["used"], batch.inputs.detach().mean(0)) < 1e-12
    assert torch.equal(found.batch.inputs, torch.full((4, 3), 0.25).double())
    zeros = [gradients["unused"], found.params["used"], found.params["unused"], found.batch.targets]
    assert not any(leaf.any() for leaf in zeros)
    constant = sensitivity(lambda params, batch: batch.inputs.detach().sum(), params, batch, ones)
    assert not any(leaf.any() for leaf in tree.leaves(tuple(constant)))


def test_inputs_may_be_a_tree() -> None:
    params = {"W": normal("W", 2)}
    inputs = {"x": normal("x", 4, 2).requires_grad_(), "edges": torch.tensor([[0, 1]] * 4)}
    batch = Batch(inputs, normal("y", 4, 1), torch.arange(4))

    def loss(params: Tree, batch: Batch) -> Tensor:
        return (batch.inputs["x"].gather(1, batch.inputs["edges"]) * params["W"]).square().sum() / 2

    found = sensitivity(loss, params, batch, {"W": torch.ones(2).double()})
    assert error(found.batch.inputs["x"], 2 * inputs["x"].detach() * params["W"]) < 1e-12
    assert not found.batch.inputs["edges"].any()
