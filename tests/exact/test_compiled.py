"""What is compiled equals its eager twin, objective by objective, and says so where it cannot be compiled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem, Schedule, Synthetic
from limbeck.core.key import Key
from limbeck.learn import compiled
from limbeck.learn.compiled import CompiledLoss, Operations, features_of, gradient_function_of, pays, training_loss
from limbeck.learn.rules import Momentum
from limbeck.learn.sensitivity import gradient, sensitivity
from limbeck.learn.training import Learner
from limbeck.learn.unroll import initial_state, unroll
from limbeck.objectives import Gradient
from limbeck.tasks import load

KEY = Key(("compiled",))
CPU = torch.device("cpu")


def eager(network: str = "convnet-w3-d1") -> Problem:
    task = load("digits")
    return Problem(task, task.network(network), CPU, NoCache())


pytestmark = [pytest.mark.usefixtures("unchecked_shapes"), pytest.mark.filterwarnings("error:not compiled")]


@pytest.fixture(scope="module")
def pair() -> tuple[Problem, Problem]:
    """A problem, and the same compiled."""
    problem = eager()
    return problem, replace(problem, compiled=True)


def doubled(value: Any) -> Any:
    return tree.map(lambda leaf: leaf.double() if leaf.is_floating_point() else leaf, value)


def free(per_class: int = 1) -> Batch:
    classes = torch.arange(10).repeat_interleave(per_class)
    targets = KEY.fold("targets").normal(len(classes), 10).double().softmax(1).requires_grad_()
    return Batch(KEY.fold("inputs").normal(len(classes), 1, 8, 8).double().requires_grad_(), targets, classes)


def close(found: Any, expected: Any, tolerance: float = 1e-10) -> None:
    for one, other in zip(tree.leaves(found), tree.leaves(expected), strict=True):
        assert not one.requires_grad
        torch.testing.assert_close(one, other, rtol=tolerance, atol=1e-13)


def test_the_primitive_compiled_is_the_primitive(pair: tuple[Problem, Problem]) -> None:
    plain, compiles = (training_loss(problem) for problem in pair)
    assert isinstance(compiles, CompiledLoss) and not isinstance(plain, CompiledLoss)
    params = doubled(pair[0].network.init(KEY.fold("init")))
    direction = tree.map(lambda leaf: KEY.fold("direction").normal(*leaf.shape).double(), params)
    batch = free()
    close(gradient(compiles, params, batch), gradient(plain, params, batch))
    close(tuple(sensitivity(compiles, params, batch, direction)), tuple(sensitivity(plain, params, batch, direction)))
    # What does not require a gradient gets zeros.
    fixed = batch._replace(targets=batch.targets.detach())
    found = sensitivity(compiles, params, fixed, direction)
    close(tuple(found), tuple(sensitivity(plain, params, fixed, direction)))
    assert not found.batch.targets.any() and bool(found.batch.inputs.any())


def test_a_training_unrolled_through_compiled_steps_has_the_eager_hypergradient(pair: tuple[Problem, Problem]) -> None:
    def hypergradient(problem: Problem) -> list[Tensor]:
        batch, sizes = free(), torch.full((4,), 0.05, dtype=torch.float64, requires_grad=True)
        schedule = Schedule(sizes, torch.arange(10)[None], Momentum(0.9, 0.01).rule())
        start = doubled(problem.network.init(KEY.fold("init")))
        end = unroll(training_loss(problem), initial_state(start, schedule.rule), batch, schedule).params
        return list(torch.autograd.grad(tree.dot(end, end), [batch.inputs, batch.targets, sizes]))

    close(hypergradient(pair[1]), hypergradient(pair[0]))


def test_gradient_matching_compiled_is_gradient_matching(pair: tuple[Problem, Problem]) -> None:
    objective = Gradient(augment=None, per_class=5, inner=2)

    def step(problem: Problem) -> list[Tensor]:
        batch = free(2)
        batch = Batch(batch.inputs.detach().float().requires_grad_(), batch.targets.detach().float(), batch.classes)
        schedule = Schedule(torch.ones(1), torch.arange(20)[None], Momentum(0.0, 0.0).rule())
        state, synthetic = objective.init(problem, KEY), Synthetic.of(batch, schedule)
        loss = objective.loss(state, problem, synthetic, KEY)
        (gradient_of,) = torch.autograd.grad(loss, [batch.inputs])
        after = objective.advance(state, problem, Synthetic.of(Batch(*tree.detach(tuple(batch))), schedule), KEY)
        return [loss.detach(), gradient_of, *tree.leaves(after.learner.params)]

    close(step(pair[1]), step(pair[0]), tolerance=2e-3)


def test_features_compiled_are_the_features(pair: tuple[Problem, Problem]) -> None:
    params, inputs = doubled(pair[0].network.init(KEY)), free(3).inputs
    found, expected = (features_of(problem, params, inputs) for problem in pair)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(expected, pair[0].network.apply(params, inputs).features.detach())


def test_a_network_with_running_statistics_stays_eager() -> None:
    problem = replace(eager("convnet-w3-d1-batch"), compiled=True)
    assert not isinstance(training_loss(problem), CompiledLoss)
    learner = Learner(problem.network.init(KEY), problem.network.statistics())
    batch = Batch(*tree.map(lambda leaf: leaf.detach(), tuple(free()._replace(inputs=free().inputs.float()))))
    _, statistics = gradient_function_of(problem)(learner, batch._replace(targets=batch.targets.float()))
    assert any(bool((after != before).any()) for after, before in zip(
        tree.leaves(statistics), tree.leaves(problem.network.statistics()), strict=True
    ))  # fmt: skip


def test_what_cannot_be_compiled_says_so_once_and_runs_as_it_is() -> None:
    def untraceable(x: Tensor) -> Tensor:
        return x * float(x.sum().item() > 0) if bool(x.sum() > 0) else -x

    call = compiled.compiled(untraceable)
    with pytest.warns(UserWarning, match="not compiled, and so slower: "):
        assert torch.equal(call(torch.ones(3)), torch.ones(3))
    assert torch.equal(call(-torch.ones(3)), torch.ones(3))


def test_a_fault_of_the_function_is_raised_as_it_is() -> None:
    def faulty(x: Tensor) -> Tensor:
        raise ZeroDivisionError("by zero")

    call = compiled.compiled(faulty)
    with pytest.warns(UserWarning, match="not compiled"), pytest.raises(ZeroDivisionError, match="by zero"):
        call(torch.ones(3))


def test_a_function_is_compiled_for_a_few_shapes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(compiled, "SHAPES", 4)
    monkeypatch.setattr(torch, "compile", lambda function, **_: lambda x: (seen.append(len(x)), function(x))[1])
    call = compiled.compiled(lambda x: 2 * x)
    for length in (1, 2, 3, 4, 5, 6, 1, 4):
        assert torch.equal(call(torch.ones(length)), 2 * torch.ones(length))
    assert seen == [1, 2, 3, 4, 1, 4]


def test_operations_are_those_of_the_products_in_every_pass() -> None:
    x, w = torch.ones(5, 3, requires_grad=True), torch.ones(3, 4, requires_grad=True)
    with Operations() as forward:
        value = (x @ w).square().sum()
    with Operations() as backward:
        gradient_of, _ = torch.autograd.grad(value, (x, w), create_graph=True)
    with Operations() as second:
        torch.autograd.grad(gradient_of.sum(), w)
    assert forward.count == 2 * 5 * 3 * 4
    assert backward.count == 2 * forward.count
    # d(2 x w w')/dw: through w' directly, and through x w.
    assert second.count >= 2 * forward.count


def test_the_operations_of_a_hypergradient_are_counted() -> None:
    problem = eager()
    batch, sizes = free(), torch.full((2,), 0.05, dtype=torch.float64)
    schedule = Schedule(sizes, torch.arange(10)[None], Momentum(0.9, 0.0).rule())

    def counted(steps: int) -> int:
        start = initial_state(doubled(problem.network.init(KEY)), schedule.rule)
        with Operations() as operations:
            end = unroll(training_loss(problem), start, batch, schedule, range(steps)).params
            torch.autograd.grad(tree.dot(end, end), [batch.inputs])
        return operations.count

    assert counted(2) == 2 * counted(1) > 0


def test_long_runs_on_a_processor_pay() -> None:
    assert pays(1e15, CPU) and not pays(1e10, CPU)
    assert not pays(float("nan"), CPU) and not pays(1e15, torch.device("cuda"))
