"""Kernels of infinite networks beside random wide ones, and ridge regression by them beside dense algebra."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn.kernels import EXPECTATIONS, GaussianProcess, NeuralTangent
from limbeck.learn.ridge import ridge_weights

KEY = Key(("kernels",))
KINDS = (GaussianProcess, NeuralTangent)
Kernel = GaussianProcess | NeuralTangent
kinds = pytest.mark.parametrize("kind", KINDS)
activations = pytest.mark.parametrize("activation", sorted(EXPECTATIONS))
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": torch.relu, "erf": torch.erf}
WEIGHT, BIAS = 1.3, 0.4


def inputs(count: int, numbers: int, *names: Any) -> Tensor:
    return KEY.fold(*names).normal(count, numbers).double()


def network(x: Tensor, depth: int, activation: str, width: int, key: Key) -> tuple[Tensor, Tensor]:
    """The outputs of a random network, and the inner products of their gradients in its standard normal parameters."""
    sides = [x.shape[1], *[width] * depth, 1]
    weights = [key.fold("w", i).normal(*pair).double() for i, pair in enumerate(zip(sides, sides[1:], strict=False))]
    biases = [key.fold("b", i).normal(side).double() for i, side in enumerate(sides[1:])]
    parameters = [leaf.requires_grad_() for leaf in (*weights, *biases)]
    at = x
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        at = ACTIVATIONS[activation](at) if layer else at
        at = WEIGHT / math.sqrt(len(weight)) * at @ weight + BIAS * bias
    rows = [torch.autograd.grad(each, parameters, retain_graph=True) for each in at[:, 0]]
    jacobian = torch.stack([torch.cat([leaf.flatten() for leaf in row]) for row in rows])
    return at[:, 0].detach(), jacobian @ jacobian.T


@activations
def test_kernels_of_one_hidden_layer_are_the_means_of_those_of_random_networks(activation: str) -> None:
    """Exact at any width: the hidden units are independent and alike. Within four standard errors of 200 networks."""
    x = inputs(4, 3, "few")
    x[3] = -0.5 * x[0]
    drawn = [network(x, 1, activation, 64, KEY.fold("drawn", draw)) for draw in range(200)]
    for kind, samples in (
        (GaussianProcess, [outputs[:, None] * outputs for outputs, _ in drawn]),
        (NeuralTangent, [gram for _, gram in drawn]),
    ):
        stacked = torch.stack(samples)
        error = stacked.std(0) / math.sqrt(len(stacked))
        found = kind(1, activation, WEIGHT, BIAS).between(x, x)
        assert float(error.max()) < 0.25 * float(found.abs().max())
        assert float(((stacked.mean(0) - found) / error).abs().max()) < 4


@activations
def test_the_tangent_kernel_is_that_of_one_wide_network(activation: str) -> None:
    """Its deviation falls as 1 / sqrt(width): here 1,000, of two hidden layers, and five such are allowed."""
    x = inputs(4, 3, "few")
    _, gram = network(x, 2, activation, 1000, KEY.fold("wide"))
    found = NeuralTangent(2, activation, WEIGHT, BIAS).between(x, x)
    own = found.diagonal().sqrt()
    assert float(((gram - found) / (own[:, None] * own)).abs().max()) < 5 / math.sqrt(1000)
    # So wide is telling: the kernel of one layer fewer is further off.
    fewer = NeuralTangent(1, activation, WEIGHT, BIAS).between(x, x)
    assert float(((gram - fewer) / (own[:, None] * own)).abs().max()) > 5 / math.sqrt(1000)


@kinds
@activations
def test_without_hidden_layers_a_kernel_is_linear(kind: type[Kernel], activation: str) -> None:
    left, right = inputs(5, 7, "left"), inputs(3, 7, "right")
    expected = WEIGHT**2 * left @ right.T / 7 + BIAS**2
    torch.testing.assert_close(kind(0, activation, WEIGHT, BIAS).between(left, right), expected, rtol=1e-13, atol=1e-13)


def test_two_tangent_layers_are_the_recursion_written_out() -> None:
    """Cho & Saul's kernels for single pairs, by angles of vectors, and the recursion of Jacot et al. unrolled."""
    x, z = inputs(2, 6, "pair")
    covariances = {"xx": x @ x, "zz": z @ z, "xz": x @ z}
    at = {name: float(WEIGHT**2 * value / 6 + BIAS**2) for name, value in covariances.items()}
    tangent, process = at["xz"], at
    for _ in range(2):
        angle = math.acos(process["xz"] / math.sqrt(process["xx"] * process["zz"]))
        bent = math.sqrt(process["xx"] * process["zz"]) * (math.sin(angle) + (math.pi - angle) * math.cos(angle))
        values = {"xx": process["xx"] / 2, "zz": process["zz"] / 2, "xz": bent / (2 * math.pi)}
        process = {name: WEIGHT**2 * value + BIAS**2 for name, value in values.items()}
        tangent = process["xz"] + WEIGHT**2 * (math.pi - angle) / (2 * math.pi) * tangent
    found = [kind(2, "relu", WEIGHT, BIAS).between(x[None], z[None]).item() for kind in KINDS]
    assert found == pytest.approx([process["xz"], tangent], rel=1e-12)


@kinds
@activations
def test_a_kernel_sees_no_rotation_and_takes_trees(kind: type[Kernel], activation: str) -> None:
    kernel, left, right = kind(2, activation), inputs(5, 8, "left"), inputs(3, 8, "right")
    rotation = torch.linalg.qr(inputs(8, 8, "rotation")).Q
    expected = kernel.between(left, right)
    torch.testing.assert_close(kernel.between(left @ rotation, right @ rotation), expected, rtol=1e-12, atol=1e-13)
    parted = [{"a": rows[:, :4].view(-1, 2, 2), "b": rows[:, 4:]} for rows in (left, right)]
    torch.testing.assert_close(kernel.between(*parted), expected, rtol=1e-13, atol=1e-14)
    assert kernel.between(left.float(), right.float()).dtype == torch.float32


@kinds
def test_without_biases_relu_is_homogeneous_also_at_nothing(kind: type[Kernel]) -> None:
    kernel, left, right = kind(3, "relu", WEIGHT, 0.0), inputs(5, 8, "left"), inputs(3, 8, "right")
    torch.testing.assert_close(kernel.between(7 * left, 0.1 * right), 0.7 * kernel.between(left, right))
    nothing = torch.zeros(2, 8, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(kernel.between(nothing, right).sum(), nothing)
    assert float(kernel.between(nothing, right).detach().abs().max()) < 1e-60 and bool(slope.isfinite().all())


@kinds
@activations
@pytest.mark.parametrize("depth", [1, 4])
def test_a_kernel_is_symmetric_and_positive_definite(kind: type[Kernel], activation: str, depth: int) -> None:
    x = inputs(40, 5, "many")
    gram = kind(depth, activation).between(x, x)
    torch.testing.assert_close(gram, gram.T, rtol=1e-12, atol=1e-12)
    # Where two inputs are one, the matrix is singular and no more than that.
    assert float(torch.linalg.eigvalsh(gram)[0]) > 1e-6
    doubled = torch.cat([x, x[:1]])
    least = torch.linalg.eigvalsh(kind(depth, activation).between(doubled, doubled))[0]
    assert abs(float(least)) < 1e-6 * float(gram.diagonal().max())


@kinds
@activations
@pytest.mark.parametrize("depth", [1, 3])
def test_derivatives_are_those_by_differences_also_where_inputs_coincide(
    kind: type[Kernel], activation: str, depth: int
) -> None:
    """On the diagonal, of two items that are one, of an item that is a real example, and of opposite ones."""
    kernel, fixed = kind(depth, activation), inputs(4, 6, "fixed")
    x = inputs(5, 6, "moved")
    x[1], x[2], x[3] = x[0], fixed[0], -fixed[1]
    weights = inputs(5, 9, "weights")

    def value(moved: Tensor) -> Tensor:
        return (weights * torch.cat([kernel.between(moved, moved), kernel.between(moved, fixed)], 1)).sum()

    moved = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(value(moved), moved)
    for draw in range(3):
        along = inputs(5, 6, "along", draw)
        step = 1e-5
        difference = float(value(x + step * along) - value(x - step * along)) / (2 * step)
        assert float((slope * along).sum()) == pytest.approx(difference, rel=1e-6, abs=1e-6)
    own = lambda rows: kernel.between(rows, rows).diagonal()  # noqa: E731
    assert torch.autograd.gradcheck(own, [moved])


@kinds
def test_rounding_neither_moves_the_diagonal_nor_makes_its_derivative(kind: type[Kernel]) -> None:
    """Of 3,072 numbers in float32 cosines of one input with itself are on both sides of 1."""
    x = inputs(30, 3072, "long").float().requires_grad_()
    kernel = kind(1, "relu", 2**0.5, 0.1)
    own = kernel.between(x, x).diagonal()
    entering = 2 * x.double().square().sum(1) / 3072 + 0.01
    tangent = {GaussianProcess: entering + 0.01, NeuralTangent: 2 * entering + 0.01}[kind]
    torch.testing.assert_close(own.double(), tangent, rtol=2e-6, atol=0.0)
    (slope,) = torch.autograd.grad(own.sum(), x)
    torch.testing.assert_close(slope, (2 if kind is NeuralTangent else 1) * 4 * x.detach() / 3072, rtol=1e-4, atol=1e-8)


def test_weights_of_a_ridge_regression_are_those_of_the_dense_formula() -> None:
    x, targets = inputs(6, 4, "items"), inputs(6, 3, "targets")
    gram = NeuralTangent().between(x, x)
    regularised = gram + 0.2 * torch.trace(gram) / 6 * torch.eye(6, dtype=torch.float64)
    found = ridge_weights(gram, targets, 0.2)
    torch.testing.assert_close(found, torch.linalg.inv(regularised) @ targets, rtol=1e-11, atol=1e-12)
    # It is the least of |K w - y|^2 / 2 + ridge tr K / 2n w'K w: there the derivative is K times nothing.
    torch.testing.assert_close(regularised @ found, targets, rtol=1e-11, atol=1e-12)


def test_as_many_items_as_outputs_reach_ridge_regression_on_all_data_by_their_labels() -> None:
    """By a linear kernel, of items that span the columns of the solution and labels that are learned."""
    x, y = inputs(200, 12, "all"), inputs(200, 5, "answers")
    solution = torch.linalg.solve(x.T @ x + 0.3 * torch.eye(12, dtype=torch.float64), x.T @ y)
    kernel = NeuralTangent(depth=0, weight=1.0, bias=0.0)
    items = inputs(5, 5, "mixing") @ solution.T
    assert int(torch.linalg.matrix_rank(items)) == 5
    # What a regression says is linear in the labels, so that the best of them are found by least squares.
    said = kernel.between(x, items) @ ridge_weights(
        kernel.between(items, items), torch.eye(5, dtype=torch.float64), 1e-6
    )
    labels = torch.linalg.lstsq(said, x @ solution).solution
    found = kernel.between(x, items) @ ridge_weights(kernel.between(items, items), labels, 1e-6)
    torch.testing.assert_close(found, x @ solution, rtol=0.0, atol=1e-8)
    # As many items that span something else do not.
    others = inputs(5, 12, "others")
    said = kernel.between(x, others) @ ridge_weights(
        kernel.between(others, others), torch.eye(5, dtype=torch.float64), 1e-6
    )
    labels = torch.linalg.lstsq(said, x @ solution).solution
    assert float((said @ labels - x @ solution).norm() / (x @ solution).norm()) > 0.1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NeuralTangent(depth=-1), "depth: found -1"),
        (lambda: NeuralTangent(activation="tanh"), "unknown activation of a kernel 'tanh'"),
        (lambda: GaussianProcess(weight=0.0), "weight: found 0.0, expected a number above 0"),
        (lambda: GaussianProcess(bias=-0.1), "bias: found -0.1"),
    ],
)
def test_nonsense_is_refused(make: Callable[[], Kernel], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()
