"""The clipped policy gradient through a step of training: beside literal code, closed forms, and by differences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from limbeck.core import tree
from limbeck.core.contracts import Batch, NoCache, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.expect import FieldError
from limbeck.core.key import Key
from limbeck.distillation import Distillation
from limbeck.learn.environments.transitions import entropy, gather
from limbeck.learn.losses import SquaredError
from limbeck.learn.optim import Adam
from limbeck.learn.rules import Momentum
from limbeck.objectives import PolicyGradient
from limbeck.objectives.policy_gradient import PolicyState, Rows, clipped_loss, critic_of, worth
from limbeck.recipes import recipe_for
from limbeck.schedules import Fixed, LearnedRates
from limbeck.tasks import load

KEY = Key(("policy gradient",))
SCHEDULE = LearnedRates(Fixed(steps=1, learning_rate=0.8, optimizer=Momentum(0.0), loss=SquaredError()))
SMALL = PolicyGradient(environments=3, steps=8, epochs=2, minibatch=10, discount=0.9, trace=0.5, entropy=0.3)
"""24 rows in batches of 10, 10 and 4: six steps between two gatherings."""
PERIOD = 6
Leaves = dict[str, Tensor]


@pytest.fixture
def double() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def problem(name: str = "cartpole-2d", network: str = "mlp-w8-tanh-orthogonal") -> Problem:
    task = load(name)
    return Problem(task, task.network(network), torch.device("cpu"), NoCache())


def drawn(seed: str = "set") -> Leaves:
    """A set of five, and its learning rate's logarithm."""
    key = KEY.fold(seed)
    rates = SCHEDULE.init(5, KEY)["log_learning_rates"].to(torch.get_default_dtype())
    return {"inputs": key.fold("inputs").normal(5, 8), "targets": key.fold("targets").normal(5, 4), "rates": rates}


def shown(leaves: Leaves) -> Synthetic:
    classes = torch.arange(5) % 4
    schedule = SCHEDULE.render({"log_learning_rates": leaves["rates"]}, classes, KEY)
    return Synthetic.of(Batch(leaves["inputs"], leaves["targets"], classes), schedule)


def nudged(leaves: Leaves, by: float) -> Leaves:
    """Another set near by, whose policy is another."""
    return {name: leaf + by * KEY.fold("nudge", name).normal(*leaf.shape) for name, leaf in leaves.items()}


def acted(on: Problem, objective: PolicyGradient = SMALL) -> PolicyState:
    """The state after the first step, which has gathered with the set `drawn`."""
    return objective.advance(objective.init(on, KEY), on, shown(drawn()), KEY)


def policy_of(on: Problem, start: Any, leaves: Leaves) -> Any:
    """One step of squared error, written out, differentiable in the set."""
    start = {name: leaf.clone().requires_grad_() for name, leaf in start.items()}
    error = (on.network.apply(start, leaves["inputs"]).outputs - leaves["targets"]).square().mean()
    slopes = torch.autograd.grad(error, list(start.values()), create_graph=True)
    return {name: start[name] - leaves["rates"].exp() * slope for name, slope in zip(start, slopes, strict=True)}


def test_the_loss_is_that_of_ppo_written_out_and_so_is_its_gradient(double: None) -> None:
    on = problem()
    state = acted(on)
    leaves, beyond = {name: leaf.requires_grad_() for name, leaf in nudged(drawn(), 0.8).items()}, 0
    for age in (1, 3, PERIOD):
        aged = state._replace(age=torch.tensor(age))
        found = SMALL.loss(aged, on, shown(leaves), KEY)
        rows = state.gathered.seen(age)
        logits = on.network.apply(policy_of(on, state.gathered.start, leaves), rows.observation).outputs
        chances = torch.distributions.Categorical(logits=logits)
        ratio = (chances.log_prob(rows.action) - rows.log_probability).exp()
        beyond += int((((ratio - 1).abs() > 0.2) & ((ratio > 1) == (rows.advantage > 0))).sum())
        gains = [
            torch.minimum(r * a, min(max(r, torch.tensor(0.8)), torch.tensor(1.2)) * a)
            for r, a in zip(ratio, rows.advantage, strict=True)
        ]
        expected = -torch.stack(gains).mean() - 0.3 * chances.entropy().mean()
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
        for ours, literal in zip(
            *(torch.autograd.grad(each, leaves.values()) for each in (found, expected)), strict=True
        ):
            torch.testing.assert_close(ours, literal, rtol=1e-8, atol=1e-11)
            assert float(ours.norm()) > 1e-4
    assert beyond > 0, "some rows are to be clipped"


def test_derivatives_in_inputs_targets_and_rates_are_those_by_differences(double: None) -> None:
    on = problem()
    state, at = acted(on), nudged(drawn(), 0.2)

    def loss(leaves: Leaves) -> Tensor:
        return SMALL.loss(state, on, shown(leaves), KEY)

    leaves = {name: leaf.clone().requires_grad_() for name, leaf in at.items()}
    slopes = torch.autograd.grad(loss(leaves), list(leaves.values()))
    for (name, leaf), slope in zip(at.items(), slopes, strict=True):
        along, step = KEY.fold("along", name).normal(*leaf.shape), 1e-6
        ends = [float(loss({**at, name: leaf + sign * step * along})) for sign in (1, -1)]
        assert float((slope * along).sum()) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5, abs=1e-8), name


def test_ratios_are_one_for_the_policy_that_acted_and_the_gradient_is_the_plain_one(double: None) -> None:
    """The loss there is less the mean advantage, which is 0 over an epoch; its slope that of A log pi."""
    on, objective = problem(), replace(SMALL, entropy=0.0)
    state = acted(on, objective)
    leaves = {name: leaf.requires_grad_() for name, leaf in drawn().items()}
    parts = []
    for age in (1, 2, 3):
        rows = state.gathered.seen(age)
        loss = objective.loss(state._replace(age=torch.tensor(age)), on, shown(leaves), KEY)
        assert float(loss.detach()) == pytest.approx(-float(rows.advantage.mean()), abs=1e-13)
        outputs = on.network.apply(policy_of(on, state.gathered.start, leaves), rows.observation).outputs
        chosen = outputs.log_softmax(-1)[range(len(rows.action)), rows.action]
        torch.testing.assert_close(chosen, rows.log_probability, rtol=0, atol=1e-13)
        plain = -(rows.advantage * chosen).mean()
        for ours, literal in zip(*(torch.autograd.grad(each, leaves.values()) for each in (loss, plain)), strict=True):
            torch.testing.assert_close(ours, literal, rtol=1e-9, atol=1e-12)
        parts.append(float(loss.detach()) * len(rows.action))
    assert sum(parts) == pytest.approx(0.0, abs=1e-12)
    every = state.gathered.rows.advantage
    assert float(every.mean()) == pytest.approx(0.0, abs=1e-12)
    assert float(every.std(correction=0)) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("ratio", "advantage", "gain", "slope"),
    [
        (1.5, 2.0, 1.2 * 2, 0.0),
        (1.5, -2.0, 1.5 * -2, 1.5 * -2),
        (0.5, 2.0, 0.5 * 2, 0.5 * 2),
        (0.5, -2.0, 0.8 * -2, 0.0),
    ],
)
def test_what_goes_too_far_in_the_right_direction_gains_nothing_more(
    ratio: float, advantage: float, gain: float, slope: float, double: None
) -> None:
    """Also where a constant is added to all outputs of a row: probabilities are normalised."""
    outputs = torch.tensor([[0.3, -0.4, 0.1]])
    was = outputs.log_softmax(-1)[0, 1] - torch.tensor(ratio).log()
    rows = Rows(torch.zeros(1, 2), torch.tensor([1]), was[None], torch.tensor([advantage]), torch.zeros(1))
    for shift in (0.0, 7.0):
        at = (outputs + shift).requires_grad_()
        loss = clipped_loss(at, rows, 0.2)
        assert float(loss.detach()) == pytest.approx(-gain)
        # d log pi(a) / d outputs = (is it a) - pi.
        share = torch.tensor([0.0, 1.0, 0.0]) - outputs.softmax(-1)[0]
        torch.testing.assert_close(torch.autograd.grad(loss, at)[0][0], -slope * share)


def test_the_entropy_moves_the_set(double: None) -> None:
    on = problem()
    state, leaves = acted(on), {name: leaf.requires_grad_() for name, leaf in drawn().items()}
    losses = [replace(SMALL, entropy=weight).loss(state, on, shown(leaves), KEY) for weight in (0.7, 0.0)]
    seen = state.gathered.seen(1).observation
    spread = entropy(on.network.apply(policy_of(on, state.gathered.start, leaves), seen).outputs).mean()
    torch.testing.assert_close(losses[0] - losses[1], -0.7 * spread)
    slopes = [torch.autograd.grad(each, leaves.values()) for each in (*losses, spread)]
    for by_both, by_gain, by_spread in zip(*slopes, strict=True):
        torch.testing.assert_close(by_both - by_gain, -0.7 * by_spread, rtol=1e-7, atol=1e-11)
        assert float(by_spread.norm()) > 1e-6


@pytest.mark.parametrize(("discount", "trace"), [(0.9, 0.5), (0.5, 0.9), (0.99, 0.95)])
def test_advantages_have_discount_and_trace_in_their_places(discount: float, trace: float, double: None) -> None:
    on, objective = problem(), replace(SMALL, discount=discount, trace=trace, steps=40)
    before = objective.init(on, KEY)
    state = objective.advance(before, on, shown(drawn()), KEY)
    policy = tree.detach(policy_of(on, state.gathered.start, drawn()))
    world, act = on.task.environment, KEY.fold("act")  # type: ignore[attr-defined]
    made, runs = gather(world, lambda seen: on.network.apply(policy, seen).outputs, before.runs, 40, act)
    assert torch.equal(state.gathered.rows.action, made.action.flatten()) and torch.equal(state.runs.age, runs.age)
    assert bool(made.over.any())
    most = 1 / (1 - discount)
    value, following = (most * worth(before.critic, seen).detach() for seen in (made.observation, made.following))
    better, later = torch.zeros(40, 3), torch.zeros(3)
    for step in reversed(range(40)):
        ahead = torch.where(made.over[step], 0.0, discount * following[step])
        surprise = made.reward[step] + ahead - value[step]
        later = better[step] = surprise + torch.where(made.ended[step], 0.0, discount * trace * later)
    torch.testing.assert_close(state.gathered.rows.worth, ((better + value) / most).flatten(), rtol=1e-9, atol=1e-12)
    spread = (better - better.mean()) / better.std(correction=0)
    torch.testing.assert_close(state.gathered.rows.advantage, spread.flatten(), rtol=1e-6, atol=1e-9)


def test_the_critic_takes_steps_of_adam_on_the_rows_that_the_set_saw() -> None:
    on = problem()
    state = acted(on)
    network = critic_of(8)
    params = {name: leaf.clone().requires_grad_() for name, leaf in state.critic.items()}
    optimiser = torch.optim.Adam(params.values(), lr=1e-3)
    for age in (1, 2):
        rows = state.gathered.seen(age)
        optimiser.zero_grad()
        functional.mse_loss(network.apply(params, rows.observation).outputs[:, 0], rows.worth).backward()
        optimiser.step()
        state = SMALL.advance(state, on, shown(drawn("other")), KEY.fold(age))
    assert all(leaf.device == params[name].device for name, leaf in state.critic.items())
    for name, leaf in state.critic.items():
        torch.testing.assert_close(leaf, params[name].detach(), rtol=1e-5, atol=1e-7)


def test_another_gathering_comes_after_every_row_was_seen_once_an_epoch() -> None:
    on = problem()
    state = SMALL.init(on, KEY)
    gathered, starts = [], []
    for step in range(2 * PERIOD + 1):
        state = SMALL.advance(state, on, shown(drawn()), KEY.fold(step))
        gathered.append(state.gathered.rows.observation)
        starts.append(state.gathered.start["head.weight"])
        if step % PERIOD == 0:
            for epoch in range(2):
                order = state.gathered.order[3 * epoch : 3 * epoch + 3]
                assert sorted(order[order >= 0].tolist()) == list(range(24))
    changes = [not torch.equal(one, other) for one, other in zip(gathered, gathered[1:], strict=False)]
    assert changes == ([False] * (PERIOD - 1) + [True]) * 2
    assert [not torch.equal(one, other) for one, other in zip(starts, starts[1:], strict=False)] == changes


def test_the_first_step_gathers_for_itself(double: None) -> None:
    on, objective = problem(), replace(SMALL, entropy=0.0, minibatch=24)
    state, slopes = objective.init(on, KEY), []
    for key in (KEY, KEY, KEY.fold("other")):
        leaves = {name: leaf.requires_grad_() for name, leaf in drawn().items()}
        loss = objective.loss(state, on, shown(leaves), key)
        assert float(loss.detach()) == pytest.approx(0.0, abs=1e-13)
        slopes.append(torch.autograd.grad(loss, leaves.values()))
        assert all(float(slope.norm()) > 1e-4 for slope in slopes[-1])
    assert torch.equal(slopes[0][0], slopes[1][0]) and not torch.equal(slopes[0][0], slopes[2][0])


def test_a_run_is_a_function_of_its_key_and_goes_on_bit_for_bit() -> None:
    on = problem("cartpole", "mlp-w8-tanh-policy")
    recipe = replace(recipe_for("ppmo", "cartpole", 1), objective=replace(SMALL, epochs=1), steps=6)
    ends = []
    for key in (KEY, KEY, KEY.fold("other")):
        run = Distillation(on, recipe, 1, key, checks=0)
        state = run.begin()
        shapes = {path: leaf.shape for path, leaf in tree.flatten(state).items()}
        for step in range(6):
            if step in (2, 4):
                # As a checkpoint holds it.
                state = tree.unflatten(run.begin(), {path: leaf.clone() for path, leaf in tree.flatten(state).items()})
            state = run.step(state)
        assert {path: leaf.shape for path, leaf in tree.flatten(state).items()} == shapes
        ends.append(torch.cat([leaf.flatten() for leaf in tree.leaves(state.learned)]))
    assert torch.equal(ends[0], ends[1]) and not torch.equal(ends[0], ends[2])
    assert bool(state.losses.isfinite().all())


def test_what_it_cannot_be_made_of_is_refused() -> None:
    on = Problem(load("digits"), load("digits").network("mlp-w16"), torch.device("cpu"), NoCache())
    with pytest.raises(InputError, match="objective policy-gradient: digits has no episodes; expected a control task"):
        PolicyGradient().init(on, KEY)
    for field, value in (("trace", 1.5), ("discount", 1.0), ("clip", 0.0), ("minibatch", 0)):
        with pytest.raises(FieldError, match=field):
            replace(SMALL, **{field: value})
    assert replace(SMALL, critic=Adam(learning_rate=0.1), trace=1.0).critic.learning_rate == 0.1
