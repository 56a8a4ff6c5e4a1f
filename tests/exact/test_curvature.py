"""Products, traces and spectra of Hessians equal those of the dense matrix."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.curvature import Hessian, flat, hessian, shaped
from limbeck.learn.sensitivity import mean_loss
from limbeck.learn.spectra import Symmetric, lanczos, quadrature, signs, smoothed
from limbeck.learn.traces import Stop, Trace, hutchinson, xtrace
from limbeck.tasks import load

KEY = Key(("curvature",))
CPU = torch.device("cpu")


class Dense(Symmetric):
    """A matrix that is there, as an operator."""

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix
        self.products = 0

    @property
    def dimension(self) -> int:
        return len(self.matrix)

    @property
    def like(self) -> Tensor:
        return self.matrix.new_empty(0)

    def __call__(self, block: Tensor) -> Tensor:
        self.products += len(block)
        return block @ self.matrix


def with_eigenvalues(values: Tensor, name: str = "basis") -> Dense:
    """A symmetric matrix of those eigenvalues."""
    basis = torch.linalg.qr(KEY.fold(name).normal(len(values), len(values)).double()).Q
    return Dense(basis @ torch.diag(values) @ basis.T)


@functools.lru_cache(maxsize=4)
def tiny(name: str) -> tuple[Hessian, Tensor]:
    """The Hessian of a small network on digits and soft targets in passes of 4, 4 and 3, and the dense one."""
    task = load("digits")
    network = task.network(name)
    params = tree.map(Tensor.double, network.init(KEY.fold("init")))
    found = task.load("train", torch.arange(11))
    targets = KEY.fold("targets").normal(11, 10).double().softmax(1)
    batch = Batch(found.inputs.double(), targets, found.classes)
    loss = mean_loss(task, network)
    cuts = ((0, 11),) if network.statistics() else ((0, 4), (4, 8), (8, 11))
    parts = [Batch(*(leaf[low:high] for leaf in batch)) for low, high in cuts]
    # Reverse over reverse: torch's forward derivative of a batch norm's own derivative is wrong (by 7 % here).
    slope = torch.func.grad(lambda vector: loss(shaped(params, vector), batch))
    dense = torch.func.jacrev(slope)(flat(params))
    return Hessian(loss, params, parts), dense


@pytest.mark.parametrize("name", ["convnet-w2-d2-tanh", "convnet-w2-d1", "convnet-w2-d1-gelu-batch"])
def test_products_are_those_of_the_dense_hessian_and_symmetric(name: str) -> None:
    operator, dense = tiny(name)
    assert operator.dimension == len(dense)
    block = KEY.fold("block").normal(3, len(dense)).double()
    torch.testing.assert_close(operator(block), block @ dense, rtol=1e-9, atol=1e-11)
    gram = operator(block) @ block.T
    torch.testing.assert_close(gram, gram.T, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["convnet-w8-d2", "convnet-w8-d2-batch"])
def test_a_problem_s_hessian_is_that_of_the_whole_batch(name: str) -> None:
    # 1600 images of digits are more than one pass; batch statistics have to be those of all.
    task = load("digits")
    problem = Problem(task, task.network(name), CPU, NoCache())
    batch = task.load("train", torch.arange(800)).to(CPU)
    batch = Batch(batch.inputs.double(), batch.targets.double(), batch.classes)
    big = Batch(*(torch.cat([leaf] * 3) for leaf in batch))
    params = tree.map(Tensor.double, problem.network.init(KEY.fold("init")))
    block = KEY.fold("one").normal(1, tree.count(params)).double()
    operator = hessian(problem, params, big)
    assert len(operator.parts) == (1 if name.endswith("batch") else 2)
    whole = Hessian(mean_loss(task, problem.network), params, [batch])
    torch.testing.assert_close(operator(block), whole(block), rtol=1e-8, atol=1e-10)


@pytest.mark.filterwarnings("error:not compiled")
@pytest.mark.usefixtures("unchecked_shapes")
def test_compiled_products_are_the_eager_ones() -> None:
    task = load("digits")
    network = task.network("convnet-w2-d1")
    params = tree.map(Tensor.double, network.init(KEY.fold("init")))
    found = task.load("train", torch.arange(6))
    batch = Batch(found.inputs.double(), found.targets.double(), found.classes)
    block = KEY.fold("pair").normal(2, tree.count(params)).double()
    eager, compiles = (hessian(Problem(task, network, CPU, NoCache(), made), params, batch) for made in (False, True))
    torch.testing.assert_close(compiles(block), eager(block), rtol=1e-9, atol=1e-11)


def test_least_squares_has_the_hessian_of_its_closed_form() -> None:
    X, W = KEY.fold("X").normal(5, 3).double(), KEY.fold("W").normal(2, 3).double()
    batch = Batch(X, KEY.fold("Y").normal(5, 2).double(), torch.arange(5))

    def squares(params: Tree, part: Batch) -> Tensor:
        return (part.inputs @ params["W"].T - part.targets).square().sum(1).mean()

    parts = [Batch(*(leaf[rows] for leaf in batch)) for rows in (slice(0, 2), slice(2, 5))]
    operator = Hessian(squares, {"W": W}, parts)
    closed = 2 * torch.kron(torch.eye(2).double(), X.T @ X / 5)
    torch.testing.assert_close(operator(torch.eye(6).double()), closed, rtol=1e-12, atol=1e-13)
    # Its rank is 6 of 6: as many directions as rows make the exchanged trace exact.
    exact = xtrace(operator, Stop(relative=0.0, most=12), KEY.fold("exact"))
    assert exact.value == pytest.approx(float(closed.trace()), rel=1e-9)


@pytest.mark.parametrize("estimate", [hutchinson, xtrace])
def test_a_network_s_trace_lies_within_its_stated_errors(estimate: object) -> None:
    operator, dense = tiny("convnet-w2-d1")
    found = estimate(operator, Stop(relative=0.05, most=400), KEY.fold("trace"))  # type: ignore[operator]
    assert found.error <= 0.05 * abs(found.value)
    assert abs(found.value - float(dense.trace())) < 3.5 * found.error


def test_exchanged_traces_are_exact_with_as_many_directions_as_rows_and_at_low_rank() -> None:
    values = KEY.fold("values").normal(12).double()
    full = xtrace(with_eigenvalues(values), Stop(relative=0.0, most=10**6, block=5), KEY.fold("full"))
    assert full.value == pytest.approx(float(values.sum()), rel=1e-8)
    assert full.error < 1e-8 and full.products == 24
    low = torch.zeros(60).double()
    low[:3] = torch.tensor([5.0, -2.0, 1.0])
    found = xtrace(with_eigenvalues(low), Stop(relative=0.0, most=100), KEY.fold("low"))
    assert found.value == pytest.approx(4.0, rel=1e-8)
    assert found.error < 1e-8 and found.products <= 16
    assert xtrace(Dense(torch.zeros(9, 9).double()), Stop(), KEY.fold("none")).value == 0.0


def literal_leave_one_out(matrix: Tensor, directions: Tensor) -> Tensor:
    """t_i by a QR decomposition of its own for every i."""
    size, found = len(matrix), []
    for index in range(len(directions)):
        rest = torch.cat([directions[:index], directions[index + 1 :]])
        Q = torch.linalg.qr((rest @ matrix).T).Q
        r = directions[index] - Q @ (Q.T @ directions[index])
        found.append((Q.T @ matrix @ Q).trace() + (size - Q.shape[1]) / r.square().sum() * (r @ matrix @ r))
    return torch.stack(found)


def test_exchanged_estimates_equal_a_decomposition_for_every_direction() -> None:
    operator = with_eigenvalues(KEY.fold("spread").normal(30).double().pow(3))
    key = KEY.fold("leave")
    found = xtrace(operator, Stop(relative=0.0, most=14, block=4), key)
    directions = torch.cat([key.fold(0).normal(4, 30), key.fold(1).normal(3, 30)]).double()
    literal = literal_leave_one_out(operator.matrix, directions)
    assert found.value == pytest.approx(float(literal.mean()), rel=1e-8)
    assert found.error == pytest.approx(float(literal.std()) / 7**0.5, rel=1e-8)
    assert found.products == operator.products == 14


def test_hutchinson_is_the_mean_of_quadratic_forms_and_counts_its_products() -> None:
    operator = with_eigenvalues(torch.arange(1.0, 9.0).double())
    key = KEY.fold("forms")
    found = hutchinson(operator, Stop(relative=0.0, most=10, block=4), key)
    rows = torch.cat([signs(key.fold(at), count, 8) for at, count in ((0, 4), (4, 4), (8, 2))])
    forms = ((rows @ operator.matrix) * rows).sum(1)
    assert found.value == pytest.approx(float(forms.mean()))
    assert found.error == pytest.approx(float(forms.std()) / 10**0.5)
    assert found.products == found.estimates == operator.products == 10


def outlying() -> Dense:
    """A few large eigenvalues over a bulk, as in networks."""
    bulk = KEY.fold("bulk").normal(80).double() / 2
    return with_eigenvalues(torch.cat([torch.tensor([60.0, 30.0, 20.0, 10.0, 8.0]).double(), bulk + 0.5]))


@pytest.mark.parametrize(("estimate", "least"), [(hutchinson, 0.88), (xtrace, 0.85)])
def test_stated_intervals_cover_the_trace_about_as_often_as_they_say(estimate: object, least: float) -> None:
    operator = outlying()
    truth = float(operator.matrix.trace())
    stop = Stop(relative=0.1, least=16, most=500)
    found: list[Trace] = [estimate(operator, stop, KEY.fold("cover", index)) for index in range(200)]  # type: ignore[operator]
    assert all(each.error <= 0.1 * abs(each.value) for each in found)
    covered = sum(each.fact("").low <= truth <= each.fact("").high for each in found) / len(found)
    assert least <= covered <= 0.99
    mean = sum(each.value for each in found) / len(found)
    assert mean == pytest.approx(truth, rel=0.02)


def test_exchanged_traces_take_fewer_products_where_few_eigenvalues_make_the_norm() -> None:
    operator, stop = outlying(), Stop(relative=0.02, most=2000)
    taken = {
        estimate: sum(estimate(operator, stop, KEY.fold("few", index)).products for index in range(10))
        for estimate in (hutchinson, xtrace)
    }
    assert taken[xtrace] * 4 < taken[hutchinson]


def test_stopping_keeps_to_its_floor_its_least_and_its_most() -> None:
    operator = with_eigenvalues(torch.linspace(-1, 1, 40).double())  # Of trace zero: no relative error is small.
    assert hutchinson(operator, Stop(relative=0.1, most=24), KEY).products == 24
    floored = hutchinson(operator, Stop(relative=0.1, floor=2.0, most=2000), KEY)
    assert floored.error <= 2.0 and floored.products < 24
    constant = Dense(torch.eye(6).double())
    assert hutchinson(constant, Stop(least=12), KEY).products == 12
    assert hutchinson(constant, Stop(least=1, block=1), KEY).products == 2


def test_lanczos_quadrature_is_exact_to_degree_two_k_minus_one() -> None:
    operator = with_eigenvalues(KEY.fold("polynomial").normal(25).double())
    steps, key = 4, KEY.fold("gauss")
    found = quadrature(operator, 2, steps, key)
    units = signs(key, 2, 25) / 5.0
    for power in range(2 * steps):
        direct = ((units @ torch.linalg.matrix_power(operator.matrix, power)) * units).sum(1)
        torch.testing.assert_close(found.moment(power), direct, rtol=1e-9, atol=1e-11)
    beyond = ((units @ torch.linalg.matrix_power(operator.matrix, 2 * steps)) * units).sum(1)
    assert ((found.moment(2 * steps) - beyond).abs() > 1e-4 * beyond.abs()).all()


def test_moments_times_the_dimension_converge_to_trace_and_squared_norm() -> None:
    operator, dense = tiny("convnet-w2-d1")
    found, size = quadrature(operator, 100, 3, KEY.fold("moments")), len(dense)
    for power, truth in ((1, dense.trace()), (2, dense.square().sum())):
        values = size * found.moment(power)
        error = float(values.std()) / len(values) ** 0.5
        assert abs(float(values.mean() - truth)) < 3.5 * error
        assert error < 0.1 * abs(float(truth))


def test_lanczos_breaks_down_where_the_krylov_space_ends() -> None:
    values = torch.tensor([3.0] * 6 + [-1.0] * 4 + [0.0] * 10).double()
    operator = with_eigenvalues(values)
    found = quadrature(operator, 3, 15, KEY.fold("early"))
    assert lanczos(operator, signs(KEY, 3, 20), 15)[2] == [3, 3, 3]
    assert (found.weights.sum(1) - 1).abs().max() < 1e-10
    whole = found.nodes[:, :3].sort().values
    torch.testing.assert_close(whole, torch.tensor([[-1.0, 0.0, 3.0]] * 3).double(), rtol=0, atol=1e-9)
    assert not found.weights[:, 3:].any()
    assert found.bounds[:, :3].max() < 1e-10 and found.bounds[:, 3:].isinf().all()
    torch.testing.assert_close(found.ends(1)[:, 0], torch.tensor([-1.0, 3.0]).double())
    zeros = quadrature(Dense(torch.zeros(5, 5).double()), 1, 5, KEY)
    assert zeros.weights[0, 0] == 1 and not zeros.nodes.any()


def test_a_density_integrates_to_one_and_has_the_moments_of_its_nodes() -> None:
    found = quadrature(outlying(), 4, 20, KEY.fold("density"))
    grid, density = smoothed(found, points=4001, width=0.01)
    assert float(torch.trapezoid(density, grid)) == pytest.approx(1.0, abs=1e-5)
    assert float(torch.trapezoid(density * grid, grid)) == pytest.approx(float(found.moment(1).mean()), rel=1e-5)


def test_the_ends_of_a_quadrature_are_as_near_to_eigenvalues_as_they_say() -> None:
    operator = outlying()
    values = torch.linalg.eigvalsh(operator.matrix)
    found = quadrature(operator, 1, 15, KEY.fold("within")).ends(4)
    away = (found[:, :1] - values).abs().min(1).values
    assert (away <= found[:, 1] + 1e-9).all()
    torch.testing.assert_close(found[-4:, 0], values[-4:], rtol=1e-5, atol=0)
    assert found[:4, 1].max() > 1e-3  # The bulk is not found yet, and is said not to be.
