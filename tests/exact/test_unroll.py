"""Hypergradients equal matrix recursions, closed forms, and double backward through the same training."""

from __future__ import annotations

import weakref
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractNetwork, AbstractTask, Batch, Readout, Schedule
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.augment import Siamese
from limbeck.learn.rules import HeavyBall
from limbeck.learn.sensitivity import Loss, mean_loss
from limbeck.learn.training import fit, row_loader, rows_of
from limbeck.learn.unroll import InnerState, View, advance, initial_state, rows_of_batch, spacing_for, unroll
from limbeck.tasks import load

KEY = Key(("unroll",))
CPU = torch.device("cpu")
Named = dict[str, Tensor]


def error(found: Tensor, expected: Tensor) -> float:
    """The relative error in norm."""
    return float((found - expected).norm() / expected.norm())


def normal(name: str, *shape: int) -> Tensor:
    return KEY.fold(name).normal(*shape).double()


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


class Linear(AbstractNetwork):
    """outputs = W x, with W (output, feature)."""

    name = "linear"

    def init(self, key: Key) -> Tree:
        return {"W": key.normal(2, 3).double()}

    def statistics(self) -> Tree:
        return {}

    def apply(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> Readout:
        return Readout(inputs, inputs @ params["W"].T)

    def layers(self, params: Tree, inputs: Tree, statistics: Tree | None = None) -> tuple[Tensor, ...]:
        return (inputs,)

    def track(self, params: Tree, inputs: Tree, statistics: Tree) -> tuple[Readout, Tree]:
        return self.apply(params, inputs), statistics


class Squares(AbstractTask):
    """The squared error, summed over outputs."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).square().sum(1)

    def groups(self, split: str, by: str = "class") -> tuple[Tensor, ...]:
        raise AssertionError("an unroll needs no data")

    def load(self, split: str, rows: Tensor | None = None) -> Batch:
        raise AssertionError("an unroll needs no data")

    def network(self, name: str) -> AbstractNetwork:
        return Linear()

    def evaluate(self, predict: Callable[[Tree], Tensor], split: str, key: Key) -> dict[str, float]:
        raise AssertionError("an unroll needs no judge")


LINEAR = mean_loss(Squares(), Linear())
PLAIN = HeavyBall(number(0.0), number(0.0))


def regression(items: int, targets: int = 2) -> Batch:
    return Batch(normal("X", items, 3), normal("Y", items, targets), torch.arange(items))


def constant(
    learning_rate: float, steps: int, items: int, momentum: float = 0.0, weight_decay: float = 0.0
) -> Schedule:
    """Full-batch training by steps of one size."""
    sizes = torch.full((steps,), learning_rate, dtype=torch.float64)
    return Schedule(sizes, torch.arange(items)[None], HeavyBall(number(momentum), number(weight_decay)))


def learned(start: InnerState, batch: Batch, schedule: Schedule) -> Named:
    """Every number that a training comes from, by name."""
    flat = tree.flatten({"start": start, "batch": batch, "schedule": schedule})
    return {path: leaf.requires_grad_() for path, leaf in flat.items() if leaf.is_floating_point()}


def by_hand(start: InnerState, batch: Batch, schedule: Schedule, moved: Callable[[str], Tensor]) -> Tensor:
    """The tangent of W_T in linear regression as everything moves by `moved`, by recursion over matrices.

    v <- m v + g + d W and W <- W - e v with g = 2/n (W X' - Y') X over the n rows of the step.
    """
    W, V = start.params["W"], start.optimizer_state["W"]
    m, d = schedule.rule
    dW, dV = moved("start/params/W"), moved("start/optimizer_state/W")
    dm, dd = moved("schedule/rule/momentum"), moved("schedule/rule/weight_decay")
    for step, e in enumerate(schedule.learning_rates):
        rows = [row for row in schedule.order[step % len(schedule.order)].tolist() if row >= 0]
        X, Y, n = batch.inputs[rows], batch.targets[rows], len(rows)
        dX, dY = moved("batch/inputs")[rows], moved("batch/targets")[rows]
        g = 2 / n * (W @ X.T - Y.T) @ X
        dg = 2 / n * ((dW @ X.T + W @ dX.T - dY.T) @ X + (W @ X.T - Y.T) @ dX)
        dV = dm * V + m * dV + dg + dd * W + d * dW
        V = m * V + g + d * W
        dW = dW - moved("schedule/learning_rates")[step] * V - e * dV
        W = W - e * V
    return dW


def test_linear_regression_equals_the_matrix_recursion_in_every_direction() -> None:
    start = InnerState({"W": normal("W", 2, 3)}, {"W": normal("V", 2, 3)})
    order = torch.tensor([[0, 3, 1], [2, 4, -1], [3, 3, 0]])
    schedule = Schedule(KEY.fold("sizes").uniform(8).double() * 0.1, order, HeavyBall(number(0.9), number(0.05)))
    batch, goal = regression(5), normal("goal", 2, 3)
    free = learned(start, batch, schedule)
    found = torch.autograd.grad((unroll(LINEAR, start, batch, schedule).params["W"] * goal).sum(), list(free.values()))
    plain = tree.detach((start, batch, schedule))
    assert len(free) == 7
    for (name, leaf), gradient in zip(free.items(), found, strict=True):
        expected = torch.zeros(leaf.numel(), dtype=torch.float64)
        for index in range(leaf.numel()):
            unit = torch.zeros_like(leaf.detach())
            unit.view(-1)[index] = 1

            def moved(path: str, name: str = name, unit: Tensor = unit) -> Tensor:
                return unit if path == name else torch.zeros_like(free[path].detach())

            expected[index] = (by_hand(*plain, moved) * goal).sum()
        assert error(gradient, expected.view_as(leaf)) < 1e-10, name


def test_without_momentum_the_closed_form_of_gradient_descent_holds() -> None:
    # W_T = W* + (W_0 - W*)(I - e H)^T with H = 2 X'X / N and W* = Y'X (X'X)^-1.
    steps, e, N = 12, 0.05, 6
    batch, goal = regression(N), normal("goal", 2, 3)
    start = initial_state({"W": normal("W", 2, 3)}, PLAIN)
    X, Y, W = batch.inputs.clone(), batch.targets.clone(), start.params["W"].clone()
    schedule = constant(e, steps, N)
    free = learned(start, batch, schedule)
    end = unroll(LINEAR, start, batch, schedule).params["W"]
    found = dict(zip(free, torch.autograd.grad((end * goal).sum(), list(free.values())), strict=True))
    identity = torch.eye(3, dtype=torch.float64)
    H, best = 2 * X.T @ X / N, Y.T @ X @ (X.T @ X).inverse()
    shrunk = torch.linalg.matrix_power(identity - e * H, steps)
    assert error(end.detach(), best + (W - best) @ shrunk) < 1e-12
    assert error(found["start/params/W"], goal @ shrunk) < 1e-10
    assert error(found["batch/targets"], X @ (X.T @ X).inverse() @ (identity - shrunk) @ goal.T) < 1e-10
    gradient_of = -(W - best) @ H @ torch.linalg.matrix_power(identity - e * H, steps - 1)
    assert error(found["schedule/learning_rates"], (gradient_of * goal).sum().expand(steps)) < 1e-10


def test_with_momentum_and_decay_the_companion_matrix_carries_the_start() -> None:
    # (W - W*, v)_T = A^T (W - W*, v)_0, in each eigendirection of H and together as one block matrix on columns.
    steps, e, m, d, N = 15, 0.04, 0.8, 0.1, 6
    batch = regression(N)
    start = InnerState({"W": normal("W", 2, 3).requires_grad_()}, {"W": normal("V", 2, 3).requires_grad_()})
    end = unroll(LINEAR, start, batch, constant(e, steps, N, m, d))
    to_params, to_velocity = normal("goal", 2, 3), normal("end velocity", 2, 3)
    objective = (end.params["W"] * to_params).sum() + (end.optimizer_state["W"] * to_velocity).sum()
    by_params, by_velocity = torch.autograd.grad(objective, [start.params["W"], start.optimizer_state["W"]])
    H, identity = 2 * batch.inputs.T @ batch.inputs / N, torch.eye(3, dtype=torch.float64)
    C = H + d * identity
    A = torch.cat([torch.cat([identity - e * C, -e * m * identity], 1), torch.cat([C, m * identity], 1)])
    adjoint = torch.cat([to_params, to_velocity], 1) @ torch.linalg.matrix_power(A, steps)
    assert error(torch.cat([by_params, by_velocity], 1), adjoint) < 1e-10


def test_a_long_unroll_with_decay_is_ridge_regression() -> None:
    N, d = 5, 0.3
    batch, goal = regression(N), normal("goal", 2, 3)
    inputs, targets = batch.inputs.requires_grad_(), batch.targets.requires_grad_()
    start = initial_state({"W": normal("W", 2, 3).requires_grad_()}, PLAIN)
    end = unroll(LINEAR, start, batch, constant(0.15, 250, N, 0.7, d), keep=1).params["W"]
    ridge = torch.linalg.solve(inputs.T @ inputs + N * d / 2 * torch.eye(3, dtype=torch.float64), inputs.T @ targets).T
    assert error(end.detach(), ridge.detach()) < 1e-10
    found = torch.autograd.grad((end * goal).sum(), [inputs, targets, start.params["W"]])
    expected = torch.autograd.grad((ridge * goal).sum(), [inputs, targets])
    assert error(found[0], expected[0]) < 1e-8
    assert error(found[1], expected[1]) < 1e-8
    assert float(found[2].norm()) < 1e-10


@pytest.mark.parametrize("items", [1, 2, 3])
def test_one_linear_step_from_any_start_is_exact_with_as_many_items_as_features(items: int) -> None:
    # Orthonormal items scaled to sqrt(M / 2e), one along the goal w, and targets X w: W_1 = w + (I - P)(W_0 - w).
    D, e = 3, 0.5
    basis, _ = torch.linalg.qr(normal("basis", D, D))
    goal = basis[:, 0] * 1.7
    inputs = (basis[:, :items].T * (items / (2 * e)) ** 0.5).contiguous().requires_grad_()
    targets = (inputs.detach() @ goal)[:, None].requires_grad_()
    batch, schedule = Batch(inputs, targets, torch.arange(items)), constant(e, 1, items)
    sizes = schedule.learning_rates.requires_grad_()
    # The 2 D starts +- sqrt(D) e_i have mean 0 and covariance I, so their mean is the expectation over W_0 ~ N(0, I).
    starts = [sign * D**0.5 * unit for sign in (1, -1) for unit in torch.eye(D, dtype=torch.float64)]
    ends = [unroll(LINEAR, initial_state({"W": start[None]}, PLAIN), batch, schedule).params["W"] for start in starts]
    miss = torch.stack([(end - goal).square().sum() for end in ends]).mean()
    assert float(miss.detach()) == pytest.approx(D - items, abs=1e-12)
    # No change of targets or learning rate does better, to first order; with M = D none of the items either.
    by_inputs, by_targets, by_sizes = torch.autograd.grad(miss, [inputs, targets, sizes])
    assert float(by_targets.norm()) < 1e-10
    assert float(by_sizes.norm()) < 1e-10
    assert float(by_inputs.norm()) < 1e-10


def literal(
    loss: Loss,
    start: InnerState,
    batch: Batch,
    schedule: Schedule,
    steps: range | None = None,
    view: View = rows_of_batch,
) -> InnerState:
    """The same training with a graph through every step, for double backward."""
    params, velocity = dict(start.params), dict(start.optimizer_state)
    for step in range(len(schedule.learning_rates)) if steps is None else steps:
        seen = view(batch, rows_of(schedule, step), step)
        held = {name: leaf if leaf.requires_grad else leaf.requires_grad_() for name, leaf in params.items()}
        gradients = torch.autograd.grad(loss(held, seen), list(held.values()), create_graph=True)
        for (name, leaf), gradient_of in zip(held.items(), gradients, strict=True):
            velocity[name] = schedule.rule.momentum * velocity[name] + gradient_of + schedule.rule.weight_decay * leaf
            params[name] = leaf - schedule.learning_rates[step] * velocity[name]
    return InnerState(params, velocity)


def convolutional(name: str, dtype: torch.dtype = torch.float64) -> tuple[Loss, InnerState, Batch, Schedule]:
    """Seven steps of a small network on minibatches of two lengths, with momentum and weight decay."""
    task = load("digits")
    network = task.network(name)
    params = network.init(KEY.fold("init"))
    state = InnerState(params, tree.map(lambda leaf: 0.1 * KEY.fold("velocity").normal(*leaf.shape), params))
    targets = normal("targets", 7, 10).softmax(1)
    batch = Batch(normal("images", 7, 1, 8, 8), targets, torch.arange(7))
    order = torch.tensor([[0, 3, 1, 6], [2, 4, 5, -1]])
    schedule = Schedule(
        0.05 + 0.1 * KEY.fold("sizes").uniform(7), order, HeavyBall(torch.tensor(0.8), torch.tensor(0.05))
    )

    def cast(leaf: Tensor) -> Tensor:
        return leaf.to(dtype) if leaf.is_floating_point() else leaf

    return mean_loss(task, network), *tree.map(cast, (state, batch, schedule))


def siamese(source: Tree, rows: Tensor, step: int) -> Batch:
    """An operation for each image of each step."""
    seen = rows_of_batch(source, rows, step)
    return seen._replace(inputs=Siamese().apply(seen.inputs, KEY.fold("view", step), torch.arange(len(rows))))


def score(state: InnerState) -> Tensor:
    """A smooth number of parameters and velocities."""
    return tree.dot(state.params, state.params) + tree.norm(state.optimizer_state).sin()


def hypergradient(train: Callable[..., InnerState], arguments: tuple, **options: object) -> Named:
    loss, start, batch, schedule = arguments
    free = learned(start, batch, schedule)
    value = score(train(loss, start, batch, schedule, **options))
    return dict(zip(free, torch.autograd.grad(value, list(free.values())), strict=True))


@pytest.mark.parametrize("name", ["convnet-w4-d2-tanh", "convnet-w3-d1-gelu-batch"])
@pytest.mark.parametrize("view", [rows_of_batch, siamese], ids=["plain", "siamese"])
def test_a_convnet_equals_double_backward_through_its_training(name: str, view: View) -> None:
    found = hypergradient(unroll, convolutional(name), view=view)
    expected = hypergradient(literal, convolutional(name), view=view)
    norm = {path: float(leaf.norm()) for path, leaf in expected.items()}
    for path, leaf in found.items():
        # The bias of a convolution before a norm changes nothing: its gradient is rounding alone.
        if norm[path] > 1e-10:
            assert error(leaf, expected[path]) < 1e-8, path
        else:
            assert float(leaf.norm()) < 1e-10, path
    assert min(norm[path] for path in norm if not path.startswith("start")) > 1e-3


@pytest.mark.parametrize("name", ["convnet-w8-d2", "convnet-w8-d2-max"])
def test_in_single_precision_with_kinks_it_is_what_double_backward_gives(name: str) -> None:
    found = hypergradient(unroll, convolutional(name, torch.float32))
    expected = hypergradient(literal, convolutional(name, torch.float32))
    for path in (
        "batch/inputs",
        "batch/targets",
        "schedule/learning_rates",
        "schedule/rule/momentum",
        "schedule/rule/weight_decay",
    ):
        assert error(found[path], expected[path]) < 1e-4, path


def test_what_is_kept_changes_no_bit() -> None:
    whole = hypergradient(unroll, convolutional("convnet-w4-d1"), view=siamese)
    for keep in (1, 4, 5, 7):
        found = hypergradient(unroll, convolutional("convnet-w4-d1"), view=siamese, keep=keep)
        assert all(torch.equal(found[path], whole[path]) for path in whole), keep


@pytest.mark.parametrize("stop", [0, 1, 3, 7])
def test_windows_compose_to_the_whole(stop: int) -> None:
    def in_two(loss: Loss, start: InnerState, batch: Batch, schedule: Schedule) -> InnerState:
        between = unroll(loss, start, batch, schedule, range(stop))
        return unroll(loss, between, batch, schedule, range(stop, 7))

    whole = hypergradient(unroll, convolutional("convnet-w4-d1-tanh"))
    found = hypergradient(in_two, convolutional("convnet-w4-d1-tanh"))
    for path, leaf in whole.items():
        torch.testing.assert_close(found[path], leaf, rtol=1e-10, atol=1e-12)


def test_a_truncated_window_is_double_backward_that_stops_there() -> None:
    def truncated(train: Callable[..., InnerState]) -> Callable[..., InnerState]:
        def run(loss: Loss, start: InnerState, batch: Batch, schedule: Schedule) -> InnerState:
            before = advance(loss, start, batch, schedule, range(3), siamese)
            assert not any(leaf.requires_grad for leaf in tree.leaves(before))
            end = train(loss, before, batch, schedule, range(3, 6), siamese)
            return end._replace(params={**end.params, "start": tree.norm(start) * 0})

        return run

    found = hypergradient(truncated(unroll), convolutional("convnet-w4-d1-tanh"))
    expected = hypergradient(truncated(literal), convolutional("convnet-w4-d1-tanh"))
    for path in (
        "batch/inputs",
        "batch/targets",
        "schedule/learning_rates",
        "schedule/rule/momentum",
        "schedule/rule/weight_decay",
    ):
        assert error(found[path], expected[path]) < 1e-8, path
    assert found["schedule/learning_rates"].nonzero().flatten().tolist() == [3, 4, 5]


def test_advancing_and_unrolling_train_as_fitting_does_to_the_bit() -> None:
    task = load("digits")
    network, batch = task.network("convnet-w8-d2"), task.load("train", torch.arange(30))
    schedule = Schedule(
        torch.full((6,), 0.05), torch.arange(30).view(3, 10).flip(1), HeavyBall(torch.tensor(0.9), torch.tensor(0.01))
    )

    def view(source: Tree, rows: Tensor, step: int) -> Batch:
        seen, each = rows_of_batch(source, rows, step), torch.arange(len(rows))
        return task.augment(seen, KEY.fold("augment", step), each, Siamese())

    learner = fit(task, network, row_loader(task, batch), schedule, KEY, CPU, Siamese())
    start = initial_state(network.init(KEY.fold("init")), schedule.rule)
    for train in (advance, unroll):
        end = train(mean_loss(task, network), start, batch, schedule, view=view)
        assert all(torch.equal(end.params[path], leaf) for path, leaf in learner.params.items())
    part = advance(mean_loss(task, network), start, batch, schedule, range(4), view)
    end = advance(mean_loss(task, network), part, batch, schedule, range(4, 6), view)
    assert all(torch.equal(end.params[path], leaf) for path, leaf in learner.params.items())


def test_gradcheck_passes_in_everything_that_a_training_comes_from() -> None:
    start = InnerState({"W": normal("W", 2, 3)}, {"W": normal("V", 2, 3)})
    schedule = Schedule(
        KEY.fold("sizes").uniform(4).double() * 0.1,
        torch.tensor([[0, 1], [2, -1]]),
        HeavyBall(number(0.9), number(0.1)),
    )
    batch = regression(3)

    def loss(params: Tree, batch: Batch) -> Tensor:
        return -(batch.targets * (batch.inputs @ params["W"].T).tanh()).exp().mean()

    def view(source: Tree, rows: Tensor, step: int) -> Batch:
        seen = rows_of_batch(source, rows, step)
        return seen._replace(inputs=seen.inputs.sin() * (step + 1))

    # In the order of the names in `learned`: batch, schedule, start.
    def end(X: Tensor, Y: Tensor, e: Tensor, m: Tensor, d: Tensor, W: Tensor, V: Tensor) -> tuple[Tensor, Tensor]:
        moved = unroll(
            loss,
            InnerState({"W": W}, {"W": V}),
            Batch(X, Y, batch.classes),
            Schedule(e, schedule.order, HeavyBall(m, d)),
            view=view,
            keep=2,
        )
        return moved.params["W"], moved.optimizer_state["W"]

    assert torch.autograd.gradcheck(end, tuple(learned(start, batch, schedule).values()))


@pytest.mark.parametrize(("train", "most"), [(unroll, 1), (literal, 7)])
def test_the_activations_of_one_step_are_held_at_a_time(train: Callable[..., InnerState], most: int) -> None:
    loss, start, batch, schedule = convolutional("convnet-w4-d1")
    seen: list[weakref.ref] = []
    held: list[int] = []

    def watched(params: Tree, batch: Batch) -> Tensor:
        inner = loss(params, batch).exp()
        seen.append(weakref.ref(inner))
        held.append(sum(reference() is not None for reference in seen))
        return inner.log()

    hypergradient(train, (watched, start, batch, schedule))
    assert max(held) == most
    assert len(held) == (14 if train is unroll else 7)


def test_a_learned_scalar_learning_rate_gets_the_sum_over_steps() -> None:
    batch, start = regression(4), initial_state({"W": normal("W", 2, 3)}, PLAIN)
    learning_rate, sizes = (
        number(0.05).requires_grad_(),
        torch.full((5,), 0.05, dtype=torch.float64, requires_grad=True),
    )
    schedule = constant(0.05, 5, 4)
    found = [
        torch.autograd.grad(score(unroll(LINEAR, start, batch, schedule._replace(learning_rates=chosen))), leaf)[0]
        for leaf, chosen in ((learning_rate, learning_rate.expand(5)), (sizes, sizes))
    ]
    assert float(found[0]) == pytest.approx(float(found[1].sum()), rel=1e-12)


def test_what_the_loss_does_not_touch_gets_zeros() -> None:
    start = initial_state(
        {"W": normal("W", 2, 3).requires_grad_(), "unused": normal("unused", 2).requires_grad_()}, PLAIN
    )
    batch = Batch(*regression(4)[:2], torch.arange(4))
    aside = Batch(torch.cat([batch.inputs, batch.inputs]).requires_grad_(), batch.targets.repeat(2, 1), torch.arange(8))
    end = unroll(LINEAR, start, aside, constant(0.1, 3, 4))
    assert torch.equal(end.params["unused"], start.params["unused"])
    by_unused, by_inputs = torch.autograd.grad(end.params["W"].sum(), [start.params["unused"], aside.inputs])
    assert not by_unused.any()
    assert by_inputs[:4].any()
    assert not by_inputs[4:].any()


def test_a_hypergradient_is_not_differentiated_again_in_silence() -> None:
    batch = regression(4)
    batch.inputs.requires_grad_()
    end = unroll(LINEAR, initial_state({"W": normal("W", 2, 3)}, PLAIN), batch, constant(0.1, 3, 4))
    (once,) = torch.autograd.grad(score(end), batch.inputs, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        once.sum().backward()


@pytest.mark.parametrize("steps", range(1, 40))
def test_no_more_states_are_held_than_may_be_kept_where_that_can_be(steps: int) -> None:
    fewest = min(-(-steps // spacing) + spacing - 1 for spacing in range(1, steps + 1))
    assert fewest <= 2 * steps**0.5 + 1
    for keep in range(1, steps + 2):
        spacing = spacing_for(steps, keep)
        assert -(-steps // spacing) + spacing - 1 <= max(keep, fewest)
        assert keep < steps or spacing == 1


@pytest.mark.parametrize("steps", [range(2, 9), range(-1, 3), range(0, 4, 2)])
def test_steps_that_a_schedule_does_not_have_are_refused(steps: range) -> None:
    for train in (advance, unroll):
        with pytest.raises(InputError, match="schedule of 5"):
            train(LINEAR, initial_state({"W": normal("W", 2, 3)}, PLAIN), regression(4), constant(0.1, 5, 4), steps)
