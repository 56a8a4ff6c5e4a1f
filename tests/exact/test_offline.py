"""Recorded transitions: what is read of them, how policies are judged, and what cloning them goes down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor

import recordings
from limbeck.core.contracts import AbstractObjective, Batch, NoCache, Problem, Synthetic
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn.implicit import Expert, ImplicitQ
from limbeck.learn.transitions import Transitions
from limbeck.objectives import Cloned, PolicyCloned, ValueCloned
from limbeck.recipes import recipe_for
from limbeck.schedules import Fixed
from limbeck.tasks import load, reload
from limbeck.tasks.offline import OfflineTask
from limbeck.tasks.readers.transitions import read

KEY, CPU = Key(("offline",)), torch.device("cpu")


@pytest.fixture
def double() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def task_of(path: Path, arrays: dict[str, Any], environment: str = "", **changed: Any) -> OfflineTask:
    name = recordings.write(path / "recorded.npz", arrays, **changed)
    task = load(name, **({"environment": environment} if environment else {}))
    assert isinstance(task, OfflineTask)
    return task


def of_cartpole(path: Path) -> OfflineTask:
    return task_of(path, recordings.choices(), "cartpole")


def test_rows_are_what_was_recorded_and_what_followed(tmp_path: Path) -> None:
    seen = numpy.arange(12.0).reshape(6, 2)
    arrays = {"observations": seen, "actions": numpy.array([0, 1, 1, 0, 2, 0]), "rewards": numpy.arange(6)}
    ends = {"terminals": numpy.array([0, 0, 1, 0, 0, 0]), "timeouts": numpy.array([0, 0, 0, 1, 0, 0])}
    recordings.write(tmp_path / "six.npz", {**arrays, **ends})
    found = read(tmp_path / "six.npz")
    assert found.discrete and found.actions.tolist() == torch.eye(3)[[0, 1, 1, 0, 2, 0]].tolist()
    # Row 2 is over for good, 3 is cut off and 5 where the recording stops: what followed those two, nobody knows.
    assert found.over.tolist() == [False, False, True, False, False, False]
    assert found.last.tolist() == [False, False, True, True, False, True]
    assert found.followed.tolist() == [True, True, True, False, True, False]
    assert found.after[[0, 1, 4]].tolist() == seen[[1, 2, 5]].tolist()
    assert found.returns(0.5).tolist() == [0 + 0.5 * 1 + 0.25 * 2, 1 + 0.5 * 2, 2, 3, 4 + 0.5 * 5, 5]
    recordings.write(tmp_path / "next.npz", {**arrays, **ends}, next_observations=seen + 100)
    more = read(tmp_path / "next.npz")
    assert bool(more.followed.all()) and more.after.tolist() == (seen + 100).tolist()


def test_whole_episodes_are_held_out(tmp_path: Path) -> None:
    task, arrays = of_cartpole(tmp_path), recordings.choices()
    lasts = {split: int(part.last.sum()) for split, part in task.recorded.items()}
    assert lasts == {"train": 42, "validation": 6, "test": 12}
    every = torch.cat([part.observations for part in task.recorded.values()])
    assert sorted(every.tolist()) == sorted(arrays["observations"].tolist())
    for part in task.recorded.values():
        follows = part.followed & ~part.over
        inside = follows[:-1] & ~part.last[:-1]
        assert torch.equal(part.after[:-1][inside], part.observations[1:][inside])
        assert bool((part.over | (part.returns(1.0) > 1) | part.last).all())


def test_of_a_few_long_episodes_stretches_are_held_out(tmp_path: Path) -> None:
    ends = numpy.zeros(240)
    task = task_of(tmp_path, recordings.numbers(), terminals=ends, timeouts=ends)
    assert [len(part.rewards) for part in task.recorded.values()] == [168, 24, 48]
    assert [int(part.last.sum()) for part in task.recorded.values()] == [7, 1, 2]
    assert "stretches of rows, there being fewer than 10 episodes" in task.notes[1]


def test_a_policy_is_judged_where_it_was_recorded_as_a_control_task_judges_it(tmp_path: Path) -> None:
    task, world = of_cartpole(tmp_path), load("cartpole")
    assert (task.metrics, task.classes, task.shape) == (world.metrics, world.classes, world.shape)

    def leaning(seen: Tensor) -> Tensor:
        urge = 8 * seen[:, 2] + 2 * seen[:, 3]
        return torch.stack([-urge, urge], -1)

    found = task.evaluate(leaning, "test", KEY)
    assert found == world.evaluate(leaning, "test", KEY) and 20 < found["return"] < 500
    assert task.measure(torch.zeros(1, 2), task.load("test", torch.tensor([0]))) is None
    assert "it acts in cartpole" in task.notes[0]


def test_without_an_environment_held_out_transitions_judge(tmp_path: Path) -> None:
    choosing, pushing = task_of(tmp_path, recordings.choices()), task_of(tmp_path, recordings.numbers())
    right = choosing.load("test").classes
    assert choosing.evaluate(lambda seen: (seen[:, :1] > 0) * torch.tensor([[-1.0, 1.0]]), "test", KEY) == {
        "accuracy": float(((choosing.load("test").inputs[:, 0] > 0) & (right == 1)).double().mean())
        + float(((choosing.load("test").inputs[:, 0] <= 0) & (right == 0)).double().mean())
    }
    aims = pushing.load("test").targets
    assert pushing.evaluate(lambda seen: torch.zeros(len(seen), 2), "test", KEY)["squared error"] == pytest.approx(
        float(aims.square().mean())
    )
    slope = torch.tensor([[-0.5, 0.0], [0.2, -0.4], [0.0, 0.3]])
    assert pushing.evaluate(lambda seen: seen @ slope, "test", KEY)["squared error"] < 1e-12
    assert pushing.classes == ("all",) and pushing.network("").init(KEY)["head.weight"].shape == (2, 64)
    assert all("says nothing of returns" in task.notes[0] for task in (choosing, pushing))


def test_a_reference_finds_its_archive_and_its_environment(tmp_path: Path) -> None:
    task = of_cartpole(tmp_path)
    again = reload(task.reference, None)
    assert task.reference["name"] == "npz:recorded.npz" and again.fingerprint == task.fingerprint
    assert again.metrics == task.metrics
    assert (
        len({task.fingerprint, load(task.name).fingerprint, task_of(tmp_path, recordings.numbers()).fingerprint}) == 3
    )


SEEN, DONE = recordings.choices()["observations"], recordings.choices()["actions"]
HOLED = SEEN.copy()
HOLED[3, 1] = numpy.nan


@pytest.mark.parametrize(
    ("changed", "environment", "message"),
    [
        ({"rewards": None, "terminals": None}, "", "no rewards, terminals; expected arrays observations, actions,"),
        ({"observations": None}, "", "and no observations; expected arrays observations"),
        ({"observations": HOLED}, "", "observations has NaN or infinite numbers in 1 rows, expected none"),
        ({"rewards": recordings.choices()["rewards"][:-1]}, "", r"observations has \d+ rows and rewards \d+, expected"),
        ({"observations": SEEN[:, :, None]}, "", r"observations has shape .*, expected \(row, number\)"),
        ({"actions": DONE + 0.5}, "cartpole", "found continuous actions, and actions in cartpole are discrete"),
        ({"actions": 2 * DONE}, "", "action 1 of 3 is taken nowhere in the training episodes"),
        ({"actions": DONE - 1}, "", "actions go from -1 to 0, expected choices 0, 1, ... below 1000"),
        ({"actions": DONE.astype("U1")}, "", "actions is of type <U1, expected numbers"),
        ({"terminals": 3 * recordings.choices()["terminals"]}, "", "terminals has numbers other than 0 and 1"),
        ({"policy": SEEN}, "", "policy has shape .*, expected what an expert would do at each observation"),
        ({}, "cartpole-2d", "found observations of 4 numbers and 2 actions, expected 8 and 4 of cartpole-2d"),
        ({}, "cartpol", "unknown environment 'cartpol': did you mean 'cartpole'"),
        ({"observations": numpy.array([{}] * len(DONE))}, "", "pickled objects, which are never loaded"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(
    changed: dict[str, Any], environment: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message) as refused:
        task_of(tmp_path, recordings.choices(), environment, **changed)
    assert "\n" not in str(refused.value)


def test_images_in_an_archive_take_no_environment(tmp_path: Path) -> None:
    numpy.savez(tmp_path / "x.npz", x=numpy.zeros((40, 4, 4), numpy.uint8), y=numpy.arange(40) % 2)
    with pytest.raises(InputError, match="unknown option of npz: 'environment'"):
        load(f"npz:{tmp_path}/x.npz", environment="cartpole")


# A chain of four states. Action 1 goes on and gains 1 at the end, action 0 ends at once and gains a little.
LITTLE, DISCOUNT = (0.1, 0.3, 0.2, 0.4), 0.8
SHARES = ((1, 3), (2, 1), (1, 1), (3, 1))
"""How often each state saw action 0 and action 1."""


def chain() -> OfflineTask:
    rows = [
        (state, action, LITTLE[state] if action == 0 else float(state == 3), action == 0 or state == 3)
        for state in range(4)
        for action in (0, 1)
        for _ in range(SHARES[state][action])
    ]
    states, actions, rewards, over = map(torch.tensor, zip(*rows, strict=True))
    eye, always = torch.eye(5), torch.ones(len(rows), dtype=torch.bool)
    recorded = Transitions(
        eye[states], eye[:2, :2][actions], rewards.to(eye), eye[states + 1], always, over, always, True
    )
    return OfflineTask("chain", {"train": recorded}, None, "", True)


def fixed_point(expectile: float) -> tuple[Tensor, Tensor]:
    """Q and V, going back through the chain: V is the expectile of two values under their shares."""
    values, worth = torch.zeros(4, 2), torch.zeros(5)
    for state in reversed(range(4)):
        pair = torch.tensor([LITTLE[state], 1.0 if state == 3 else DISCOUNT * float(worth[state + 1])])
        weights = torch.tensor(SHARES[state]) * torch.where(pair == pair.max(), expectile, 1 - expectile)
        values[state], worth[state] = pair, (weights * pair).sum() / weights.sum()
    return values, worth[:4]


def test_an_expert_of_a_chain_has_the_values_and_the_policy_of_its_fixed_point(double: None) -> None:
    task, expectile = chain(), 0.9
    recorded, policy = task.transitions, task.network("mlp-w32")
    learner = ImplicitQ(
        steps=200, batch=0, learning_rate=0.05, discount=DISCOUNT, expectile=expectile, memory=0.9, width=32
    )
    found = learner.learn(recorded, task, policy, KEY, CPU)
    values, worth = fixed_point(expectile)
    scale = float(recorded.rewards.std(correction=0))
    ahead = (values - worth[:, None]) / scale
    weights = torch.tensor(SHARES) * (learner.sharpness * ahead).exp().clamp(max=100)
    chosen = weights / weights.sum(1, keepdim=True)
    states = recorded.observations.argmax(1)
    torch.testing.assert_close(found.values, (chosen * values).sum(1)[states], rtol=0, atol=0.01)
    torch.testing.assert_close(found.policy, chosen[states], rtol=0, atol=0.01)


def test_an_expert_of_numbers_is_the_weighted_mean_of_what_was_done(double: None) -> None:
    """One observation, and a reward that is most at an action of 1: V is the mean, and the policy the mean by exp."""
    done = torch.linspace(-1, 2, 9)[:, None]
    rewards, always = -(done[:, 0] - 1).square(), torch.ones(9, dtype=torch.bool)
    seen = torch.ones(9, 1)
    recorded = Transitions(seen, done, rewards, seen, always, always, always, False)
    task = OfflineTask("one", {"train": recorded}, None, "", True)
    learner = ImplicitQ(steps=200, batch=0, learning_rate=0.02, expectile=0.5, sharpness=1.0, memory=0.8, width=32)
    found = learner.learn(recorded, task, task.network("mlp-w32"), KEY, CPU)
    ahead = (rewards - rewards.mean()) / rewards.std(correction=0)
    weights = (learner.sharpness * ahead).exp()
    expected = float((weights * done[:, 0]).sum() / weights.sum())
    torch.testing.assert_close(found.policy, torch.full((9, 1), expected), rtol=0, atol=2e-3)
    # Between the actions that were recorded the critic is what its network makes of them.
    torch.testing.assert_close(found.values, torch.full((9,), -((expected - 1) ** 2)), rtol=0, atol=0.01)


def problem_of(task: OfflineTask) -> Problem:
    return Problem(task, task.network("mlp-w8-tanh-orthogonal"), CPU, NoCache())


def doubled(task: OfflineTask) -> OfflineTask:
    def one(part: Transitions) -> Transitions:
        return replace(
            part,
            **{
                name: leaf.double()
                for name, leaf in vars(part).items()
                if torch.is_tensor(leaf) and leaf.is_floating_point()
            },
        )

    return replace(task, recorded={split: one(part) for split, part in task.recorded.items()})


def told(task: OfflineTask, policy: Tensor, values: Tensor | None) -> OfflineTask:
    """The task whose training transitions bring an expert."""
    return replace(task, recorded={**task.recorded, "train": replace(task.transitions, policy=policy, values=values)})


def expert_of(task: OfflineTask) -> Expert:
    policy = KEY.fold("policy").normal(*task.transitions.actions.shape)
    values = KEY.fold("values").normal(len(policy)) - 0.2
    return Expert(policy.softmax(-1) if task.transitions.discrete else policy, values)


def loss_of(objective: AbstractObjective, on: Problem, leaves: dict[str, Tensor]) -> Tensor:
    schedule = Fixed(steps=3, learning_rate=0.2, binding=True)
    batch = Batch(leaves["inputs"], leaves["targets"], torch.zeros(len(leaves["inputs"]), dtype=torch.int64))
    state = objective.init(on, KEY)
    return objective.loss(state, on, Synthetic.of(batch, schedule.render({}, batch.classes, KEY)), KEY)


def some(task: OfflineTask) -> dict[str, Tensor]:
    outputs = task.transitions.actions.shape[1]
    return {"inputs": KEY.fold("in").normal(3, *task.shape), "targets": KEY.fold("out").normal(3, outputs)}


@pytest.mark.parametrize("arrays", [recordings.choices(), recordings.numbers()], ids=["choices", "numbers"])
@pytest.mark.parametrize("kind", [Cloned, PolicyCloned, ValueCloned])
def test_a_loss_is_that_of_a_trained_policy_and_its_slope_that_by_differences(
    double: None, kind: Any, arrays: dict[str, Any], tmp_path: Path
) -> None:
    task = doubled(task_of(tmp_path, arrays))
    expert = expert_of(task)
    on = problem_of(told(task, *expert))
    leaves = {name: leaf.requires_grad_() for name, leaf in some(task).items()}
    loss = loss_of(kind(batch=20), on, leaves)
    # Heavy-ball steps on the set, written out.
    params = on.network.init(KEY.fold("network"))
    velocity = {name: torch.zeros_like(leaf) for name, leaf in params.items()}
    for _ in range(3):
        at = {name: leaf.requires_grad_() for name, leaf in params.items()}
        inner = task.loss(on.network.apply(at, leaves["inputs"]).outputs, leaves["targets"]).mean()
        slopes = dict(zip(at, torch.autograd.grad(inner, list(at.values())), strict=True))
        velocity = {name: 0.9 * velocity[name] + slopes[name] for name in at}
        params = {name: (leaf - 0.2 * velocity[name]).detach() for name, leaf in at.items()}
    rows = KEY.fold("rows").integers(len(task.transitions.rewards), 20)
    outputs = on.network.apply(params, task.transitions.observations[rows]).outputs
    aims = (task.transitions.actions if kind is Cloned else expert.policy)[rows]
    each = -(aims * outputs.log_softmax(-1)).sum(-1) if task.transitions.discrete else (outputs - aims).square().mean(1)
    above = expert.values - expert.values.min()
    weights = (above / above.mean())[rows] if kind is ValueCloned else torch.ones(20)
    torch.testing.assert_close(loss.detach(), (weights * each).mean(), rtol=1e-6, atol=1e-9)
    slopes = torch.autograd.grad(loss, list(leaves.values()))
    for name, slope in zip(leaves, slopes, strict=True):
        along, step = KEY.fold("along", name).normal(*slope.shape), 1e-5
        ends = [
            float(loss_of(kind(batch=20), on, {**leaves, name: leaves[name].detach() + sign * step * along}).detach())
            for sign in (1, -1)
        ]
        assert float((slope * along).sum()) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5, abs=1e-8), name


def test_an_expert_that_does_what_was_done_and_values_all_alike_are_plain_cloning(tmp_path: Path) -> None:
    task = task_of(tmp_path, recordings.choices(), policy=recordings.choices()["actions"])
    assert task.transitions.policy is not None and torch.equal(task.transitions.policy, task.transitions.actions)
    leaves = some(task)
    plain = loss_of(Cloned(), problem_of(task), leaves)
    assert torch.equal(loss_of(PolicyCloned(), problem_of(task), leaves), plain)
    alike = told(task, task.transitions.actions, torch.full_like(task.transitions.rewards, 7.0))
    torch.testing.assert_close(loss_of(ValueCloned(), problem_of(alike), leaves), plain)
    with pytest.raises(InputError, match="has an array policy and no values, expected both or neither"):
        ValueCloned().init(problem_of(task), KEY)


def test_an_expert_is_learned_once_for_the_data_whatever_the_run_draws(tmp_path: Path) -> None:
    on, quick = problem_of(of_cartpole(tmp_path)), ImplicitQ(steps=3, batch=16)
    one, other = (PolicyCloned(expert=quick).init(on, KEY.fold(run)) for run in range(2))
    valued = ValueCloned(expert=quick).init(on, KEY)
    assert torch.equal(one["policy"], other["policy"]) and torch.equal(one["policy"], valued["policy"])
    assert not torch.equal(one["policy"], PolicyCloned(expert=ImplicitQ(steps=4, batch=16)).init(on, KEY)["policy"])
    assert float(valued["weights"].mean()) == pytest.approx(1, abs=1e-4) and float(valued["weights"].min()) >= 0


def test_cloning_an_expert_asks_for_transitions() -> None:
    digits = load("digits")
    on = Problem(digits, digits.network("mlp-w16"), CPU, NoCache())
    for name in ("pbc", "av-pbc"):
        objective = recipe_for(name, "digits", 1).objective
        assert objective is not None
        with pytest.raises(InputError, match="digits has no transitions; expected recorded ones, npz:PATH with arrays"):
            objective.init(on, KEY)
