"""A student's loss, its gradient and the experts it follows are what the published loops say."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from limbeck.computations.contract import ProbeContext
from limbeck.computations.experts import FIRST_SEED, Experts
from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem, Schedule, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.augment import Siamese
from limbeck.learn.rules import Momentum
from limbeck.objectives.trajectory import Trajectory
from limbeck.tasks import load

KEY = Key(("trajectory",))
CPU = torch.device("cpu")
STEPS = 4
EXPERTS = Experts(count=3, epochs=6)


@dataclass(frozen=True)
class Snapshots:
    """A cache that holds the given snapshots of every expert by epoch, whatever it is asked to make."""

    experts: tuple[dict[int, Tree], ...]

    def remember(self, address: dict[str, Any], make: Callable[[], Tree], branch: str = "") -> Tree:
        expert = self.experts[address["computation"]["seed"] - FIRST_SEED]
        steps = {str(EXPERTS.step(problem(), epoch)): params for epoch, params in expert.items()}
        return tree.branch({"params": steps}, branch)


@functools.cache
def problem(network: str = "convnet-w3-d1-instance-avg-tanh") -> Problem:
    """Digits in float64, and experts that walk at random."""
    task = load("digits")
    net = task.network(network)
    start = tree.map(torch.Tensor.double, net.init(KEY.fold("init")))

    def moved(number: int, epoch: int) -> Tree:
        at = KEY.fold(number, epoch)
        return {name: leaf + 0.1 * at.fold(name).normal(*leaf.shape) for name, leaf in start.items()}

    walks = tuple({epoch: moved(number, epoch) for epoch in range(7)} for number in range(EXPERTS.count))
    return Problem(task, net, CPU, Snapshots(walks))


def shown() -> Synthetic:
    """Soft-labelled digits, another learning rate for every step, and minibatches that differ."""
    real = problem().real(KEY.fold("real"), 1)
    batch = Batch(
        real.inputs.double().requires_grad_(),
        KEY.fold("targets").normal(10, 10).double().softmax(1).requires_grad_(),
        real.classes,
    )
    order = torch.tensor([[0, 3, 4, 9], [1, 2, 5, -1], [8, 7, 6, 0]])
    sizes = torch.tensor([0.3, 0.1, 0.4, 0.2]).double().requires_grad_()
    return Synthetic.of(batch, Schedule(sizes, order, Momentum(0.0).rule()))


def literal(objective: Trajectory, on: Problem, synthetic: Synthetic, number: int, epoch: int) -> Tensor:
    """Step by step as published, keeping the whole graph, or that of each step from parameters as they are."""
    expert = on.cache.experts[number]  # type: ignore[attr-defined]
    start, goal = expert[epoch], expert[epoch + objective.reach]
    params = {name: leaf.clone().requires_grad_() for name, leaf in start.items()}
    for step in range(STEPS):
        at = {name: leaf.detach().requires_grad_() for name, leaf in params.items()} if objective.alone else params
        row = synthetic.schedule.order[step % 3]
        rows = row[row >= 0]
        inputs = synthetic.batch.inputs[rows]
        if objective.augment:
            inputs = torch.cat(
                [
                    objective.augment.without("flip").apply(
                        inputs[i : i + 1], KEY.fold("augment", step), torch.tensor([i])
                    )
                    for i in range(len(rows))
                ]
            )
        outputs = on.network.apply(at, inputs).outputs
        loss = torch.nn.functional.cross_entropy(outputs, synthetic.batch.targets[rows])
        gradients = torch.autograd.grad(loss, list(at.values()), create_graph=True)
        size = synthetic.schedule.learning_rates[step]
        params = {
            name: leaf - size * gradient_of for (name, leaf), gradient_of in zip(params.items(), gradients, strict=True)
        }
    ahead = torch.stack([((params[name] - goal[name]) ** 2).sum() for name in goal]).sum()
    apart = torch.stack([((start[name] - goal[name]) ** 2).sum() for name in goal]).sum()
    return ahead / apart


@pytest.mark.parametrize("augment", [None, Siamese(), Siamese(together=True)], ids=["plain", "augmented", "batchwise"])
@pytest.mark.parametrize("alone", [False, True], ids=["through", "alone"])
def test_loss_and_gradient_are_those_of_double_backward_through_the_literal_loop(
    augment: Siamese | None, alone: bool
) -> None:
    on, synthetic = problem(), shown()
    objective = Trajectory(experts=EXPERTS, latest=5, augment=augment, alone=alone)
    number, epoch = objective.drawn(0, KEY)
    found = objective.loss(objective.init(on, KEY), on, synthetic, KEY)
    expected = literal(objective, on, synthetic, number, epoch)
    assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=1e-12)
    free = [synthetic.batch.inputs, synthetic.batch.targets, synthetic.schedule.learning_rates]
    for mine, theirs in zip(torch.autograd.grad(found, free), torch.autograd.grad(expected, free), strict=True):
        assert float((mine - theirs).norm() / theirs.norm()) < 1e-8


def test_steps_alone_are_another_estimate_of_the_same_loss_unless_there_is_one() -> None:
    """As Cui et al. (2023) have it: the sum of the gradients, each bent by its own images, towards where they lead."""
    on, synthetic = problem(), shown()
    through, alone = (Trajectory(experts=EXPERTS, latest=5, augment=None, alone=alone) for alone in (False, True))
    state, images = through.init(on, KEY), synthetic.batch.inputs
    losses = [objective.loss(state, on, synthetic, KEY) for objective in (through, alone)]
    whole, part = (torch.autograd.grad(loss, images)[0] for loss in losses)
    assert losses[0] == losses[1] and not torch.allclose(whole, part)
    once = replace(synthetic, schedule=synthetic.schedule._replace(learning_rates=torch.full((1,), 0.1).double()))
    whole, part = (
        torch.autograd.grad(objective.loss(state, on, once, KEY), images)[0] for objective in (through, alone)
    )
    assert torch.equal(whole, part)


def test_a_student_that_stays_has_loss_one_and_one_that_arrives_has_none() -> None:
    on, synthetic = problem(), shown()
    objective = Trajectory(experts=replace(EXPERTS, count=1), latest=1, augment=None)
    still = synthetic.schedule._replace(learning_rates=torch.zeros(STEPS))
    state = {"step": torch.tensor(0)}
    assert float(objective.loss(state, on, replace(synthetic, schedule=still), KEY).detach()) == 1.0

    start = on.cache.experts[0][0]  # type: ignore[attr-defined]
    once = Schedule(torch.tensor([0.25]), torch.arange(10)[None], Momentum(0.0, 0.0).rule())
    params = {name: leaf.clone().requires_grad_() for name, leaf in start.items()}
    outputs = on.network.apply(params, synthetic.batch.inputs.detach()).outputs
    torch.nn.functional.cross_entropy(outputs, synthetic.batch.targets.detach()).backward()
    goal = {name: leaf.detach() - 0.25 * leaf.grad for name, leaf in params.items()}
    there = replace(on, cache=Snapshots(({0: start, 2: goal},)))
    arrived = objective.loss(state, there, Synthetic.of(synthetic.batch, once), KEY)
    assert float(arrived.detach()) < 1e-24


def test_expert_and_start_are_drawn_evenly_from_the_window() -> None:
    objective = Trajectory(experts=Experts(count=3, epochs=10), earliest=2, latest=6)
    drawn = Counter(objective.drawn(0, KEY.fold(step)) for step in range(2400))
    assert set(drawn) == {(number, epoch) for number in range(3) for epoch in range(2, 6)}
    # Binomial(2400, 1/12): mean 200, standard deviation 13.5.
    assert all(abs(count - 200) < 4 * 13.5 for count in drawn.values())


def test_the_window_grows_evenly_to_its_full_size() -> None:
    objective = Trajectory(experts=Experts(epochs=30), latest_at_first=10, latest=20, grow_over=1000)

    def end(step: int) -> int:
        return 1 + max(objective.drawn(step, KEY.fold("grow", draw))[1] for draw in range(400))

    assert [end(step) for step in (0, 99, 100, 550, 999, 1000, 5000)] == [10, 10, 11, 15, 19, 20, 20]
    assert int(objective.advance({"step": torch.tensor(4)}, problem(), shown(), KEY)["step"]) == 5


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (dict(latest=0), r"^trajectory\.latest: found 0, expected more than earliest, 0$"),
        (dict(earliest=3, latest_at_first=3, grow_over=5), r"latest_at_first: found 3, expected more than earliest, 3"),
        (dict(latest=50), "at most 49, as the 50 epochs of the experts end 2 after the last start"),
        (dict(reach=0), r"reach: found 0, expected a number of at least 1"),
    ],
)
def test_a_window_that_no_expert_has_is_refused(fields: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Trajectory(**fields)
    assert Trajectory(latest=49).reach == 2


@pytest.mark.parametrize("network", ["convnet-w4-d2", "convnet-w4-d2-batch"])
def test_an_expert_is_a_literal_loop_of_sgd_over_the_training_data(network: str) -> None:
    task = load("digits")
    on = Problem(task, task.network(network), CPU, NoCache())
    experts = Experts(epochs=2, batch=500, learning_rate=0.1)
    found = experts.training(on, 3).run(ProbeContext(on))["params"]
    assert list(found) == [str(experts.step(on, epoch)) for epoch in range(3)]

    key, augment = Key(("train", FIRST_SEED + 3)), Siamese(together=True)
    rows = torch.cat(task.groups("train"))
    params = {name: leaf.clone().requires_grad_() for name, leaf in on.network.init(key.fold("init")).items()}
    optimiser = torch.optim.SGD(params.values(), lr=0.1)
    step = 0
    for epoch in range(3):
        for name, leaf in found[str(experts.step(on, epoch))].items():
            torch.testing.assert_close(leaf, params[name].detach(), rtol=1e-4, atol=1e-5)
        for part in key.fold("order").fold(epoch).permutation(len(rows)).split(500):
            batch = task.load("train", rows[part])
            inputs = augment.without("flip").apply(batch.inputs, key.fold("augment", step), torch.arange(len(part)))
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(on.network.apply(params, inputs).outputs, batch.classes).backward()
            optimiser.step()
            step += 1


def test_an_expert_does_not_depend_on_how_many_there_are_and_starts_alike_however_long_it_trains() -> None:
    task = load("digits")
    on = Problem(task, task.network("convnet-w4-d1"), CPU, NoCache())
    few, many = Experts(count=1, epochs=1), Experts(count=9, epochs=2)
    assert few.training(on, 0) == replace(few, count=5).training(on, 0)
    assert few.training(on, 0) != few.training(on, 1) != many.training(on, 1)

    def snapshots(experts: Experts, number: int) -> Tree:
        return experts.training(on, number).run(ProbeContext(on))["params"]

    short, long, end = snapshots(few, 0), snapshots(many, 0), str(few.step(on, 1))
    assert all(torch.equal(short[end][name], long[end][name]) for name in short[end])
    assert not torch.equal(short["0"]["head.weight"], snapshots(many, 1)["0"]["head.weight"])


@pytest.mark.parametrize("fields", [dict(count=0), dict(epochs=0), dict(batch=-1), dict(learning_rate=0.0)])
def test_experts_that_cannot_be_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="expected a number"):
        Experts(**fields)
