"""Environments of gymnasium: the cart-pole beside ours, episodes by their seeds, and what cannot be acted in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gymnasium
import numpy
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import NoCache, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.distillation import Distillation
from limbeck.learn.environments import CartPole, Gymnasium, returns
from limbeck.objectives import EpisodeReturn
from limbeck.recipes import recipe_for
from limbeck.tasks import load

KEY = Key(("gymnasium",))
NAME = "gym:CartPole-v1"


class Walk(gymnasium.Env[Any, Any]):
    """A walk of steps -1, 0 and 1 that is rewarded by its steps and over at 3; each start is drawn from -1, 0, 1."""

    metadata: dict[str, Any] = {"render_modes": []}

    def __init__(self, seen: Any = None, acted: Any = None) -> None:
        self.observation_space = seen or spaces.Box(-9, 9, (2,), numpy.float64)
        self.action_space = acted or spaces.Discrete(3, start=-1)
        self.place, self.done = 0, False

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.place, self.done = int(self.np_random.integers(-1, 2)), False
        return numpy.array([self.place, 0.5]), {}

    def step(self, action: int) -> Any:
        assert not self.done and action in self.action_space
        self.place += action
        self.done = self.place == 3
        return numpy.array([self.place, 0.5]), float(action), self.done, False, {}


@pytest.fixture
def walks() -> Iterator[None]:
    image, named = spaces.Box(0, 255, (8, 8, 3), numpy.uint8), spaces.Dict(a=spaces.Discrete(2))
    kinds = {"Walk": {}, "Images": {"seen": image}, "Named": {"seen": named}, "Broken": {"no": 1}}
    for kind, given in kinds.items():
        gymnasium.register(f"{kind}-v0", entry_point=Walk, kwargs=given)
    yield
    for kind in kinds:
        del gymnasium.registry[f"{kind}-v0"]


def test_the_cart_pole_of_gymnasium_is_ours_step_for_step_from_a_given_state() -> None:
    theirs, ours = Gymnasium("CartPole-v1"), CartPole()
    running = theirs.begin(theirs.start(8, KEY))
    state = torch.stack([torch.tensor(numpy.array(world.unwrapped.state)) for world in running.worlds])[:, None]
    lengths = torch.zeros(8)
    for step in range(120):
        torch.testing.assert_close(theirs.observe(running)[~running.over], ours.observe(state)[~running.over].float())
        action = KEY.fold(step).integers(2, 8)
        alive, (running, reward, over), after = ~running.over, theirs.step(running, action), ours.step(state, action)
        assert torch.equal(over[alive], after.over[alive]) and torch.equal(reward, alive.float())
        state, lengths = after.state, lengths + reward
    assert bool(over.all()) and len(set(lengths.tolist())) > 4


def leaning(seen: Tensor) -> Tensor:
    """A policy that mostly pushes after the pole: logits of one fixed linear function."""
    urge = 12 * seen[..., 2] + 3 * seen[..., 3]
    return torch.stack([-urge, urge], -1)


def test_a_fixed_policy_gathers_as_much_in_both() -> None:
    count = 120
    found = [returns(world, leaning, world.start(count, KEY), KEY) for world in (Gymnasium(), CartPole())]
    theirs, ours = (each.double() for each in found)
    error = ((theirs.var() + ours.var()) / count).sqrt()
    assert abs(float(theirs.mean() - ours.mean())) < 3 * float(error) and float(error) < 0.1 * float(ours.mean())
    task, same = load(NAME), load("cartpole")
    assert (task.metrics, task.shape, task.classes) == (same.metrics, same.shape, same.classes)
    assert task.notes[0] == same.notes[0]

    luck = Key(("control", NAME, "validation", "evaluate"))
    judged = [returns(Gymnasium(), leaning, Gymnasium().start(10, luck), luck, greedy) for greedy in (False, True)]
    expected = {"return": float(judged[0].mean()), "greedy return": float(judged[1].mean())}
    assert task.evaluate(leaning, "validation", KEY) == pytest.approx(expected)


def test_episodes_follow_their_seeds_whatever_stands_beside_them(walks: None) -> None:
    world = Gymnasium("Walk-v0")
    start = world.start(5, KEY)

    def wandering(seen: Tensor) -> Tensor:
        return torch.zeros(*seen.shape[:-1], 3)

    flat = returns(world, wandering, start, KEY)
    assert torch.equal(returns(world, wandering, start.expand(2, 3, 5), KEY), flat.expand(2, 3, 5))
    # An episode ends at 3, so its steps add up to 3 less where it started.
    begun = world.observe(world.begin(start))[:, 0]
    assert world.longest == 1000 and torch.equal(flat, 3 - begun) and len(set(begun.tolist())) > 1
    assert torch.equal(world.observe(world.begin(start))[:, 1], torch.full((5,), 0.5))


def test_what_is_over_stays_and_begins_again_where_it_is_told_to(walks: None) -> None:
    world, start = Gymnasium("Walk-v0"), torch.arange(6).reshape(2, 3)
    state = world.begin(start)
    for _ in range(4):
        after = world.step(state, torch.full((2, 3), 2))
        assert torch.equal(after.state.seen[state.over], state.seen[state.over])
        assert torch.equal(after.reward, (~state.over).float())
        state = after.state
    assert bool(state.over.all())
    chosen = torch.tensor([[True, False, True], [False, False, True]])
    fresh = world.again(state, chosen, start)
    assert torch.equal(fresh.over, ~chosen)
    assert bool((fresh.seen[..., 0][chosen].abs() <= 1).all()) and bool((fresh.seen[..., 0][~chosen] == 3).all())


def test_recordings_follow_their_name_and_their_actions_are_by_chance() -> None:
    task = load(NAME)
    batch = task.load("train")
    assert abs(float(batch.classes.double().mean()) - 0.5) < 3 * 0.5 / 2000**0.5
    # Random actions let the pole fall; a controller would keep it up.
    assert float(batch.inputs[:, 2].abs().max()) > 0.15 and "random action" in task.notes[1]


def test_candidates_in_gymnasium_go_together_as_one_by_one() -> None:
    task = load(NAME)
    on = Problem(task, task.network("mlp-w8-tanh-policy"), torch.device("cpu"), NoCache())
    objective = EpisodeReturn(learners=2, episodes=2)
    run = Distillation(on, replace(recipe_for("hades", NAME, 1), objective=objective), 1, KEY)
    state = run.begin()
    sets = [run.show(tree.map(lambda leaf, by=by: leaf + by, state.learned), state.fixed, KEY) for by in (0.0, 1.5)]
    together = objective.losses({}, on, sets, KEY)
    assert torch.equal(together, torch.stack([objective.loss({}, on, each, KEY) for each in sets]))
    assert len(set(together.tolist())) == 2 and bool(((together < 0) & (together >= -1)).all())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("CartPole-v9", r"unknown environment of gymnasium 'CartPole-v9': did you mean 'CartPole-v"),
        ("", "'gym:' names nothing; expected gym:NAME"),
        ("Pendulum-v1", "gym:Pendulum-v1: found continuous actions, .* expected discrete ones; choose another"),
        ("FrozenLake-v1", "gym:FrozenLake-v1: found observations of the kind Discrete, expected a row of numbers"),
        ("Images-v0", r"found observations images or the like, of shape \(8, 8, 3\), expected a row of numbers"),
        ("Named-v0", "found observations of the kind Dict, expected a row of numbers"),
        ("Broken-v0", "gym:Broken-v0: gymnasium cannot make it .* install what it needs, or choose another"),
    ],
)
def test_what_cannot_be_acted_in_is_refused_in_one_line(walks: None, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        load(f"gym:{name}")
    assert "\n" not in str(refused.value)


def test_an_option_of_images_and_a_missing_package_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="unknown option of gym:CartPole-v1 'zca'"):
        load(NAME, zca=True)
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(InputError, match=r'gymnasium, which is not installed; run pip install "limbeck\[gym\]"'):
        load(NAME)
