"""Episodes are those that a task is scored by, and their picture has them in real time."""

from __future__ import annotations

import re

import torch

from limbeck.computations import Mixture, Played, Steps, Training
from limbeck.computations.contract import BatchSet, ProbeContext
from limbeck.core.contracts import NoCache, Problem
from limbeck.core.key import Key
from limbeck.learn.environments import CartPole, played, returns
from limbeck.learn.population import read
from limbeck.protocols import Epochs
from limbeck.report.charts import Look, Run, cartpole
from limbeck.tasks import load

KEY = Key(("episodes",))


def test_moments_sum_to_returns_and_none_is_alive_once_it_is_over() -> None:
    world = CartPole()
    start = world.start(6, KEY)

    def policy(seen: torch.Tensor) -> torch.Tensor:
        return torch.stack([seen[..., 2], -seen[..., 2]], -1)

    moments = list(played(world, policy, start, KEY))
    alive = torch.stack([moment.alive for moment in moments])
    rewards = torch.stack([moment.reward for moment in moments])
    assert torch.equal(rewards.sum(0), returns(world, policy, start, KEY))
    assert torch.equal(rewards, alive.float()), "of the cart-pole the reward is 1 a step"
    assert torch.equal(alive, alive.cummin(0).values) and bool(alive[0].all())


def test_a_policy_s_episodes_are_those_of_its_score_and_the_first_is_the_one_that_is_kept() -> None:
    task = load("cartpole")
    problem = Problem(task, task.network("mlp-w4-tanh-policy"), torch.device("cpu"), NoCache())
    batch = problem.real(KEY, 2)
    context = ProbeContext(problem, "", BatchSet("a", batch, Epochs(epochs=3).schedule(None, 4, KEY)))
    training = Training(Mixture(), 0, Steps(5), reads=(-1,), keeps=(0, -1))
    outcome = Played(training).run(context)
    learner = training.kept(context)
    scored = task.evaluate(lambda inputs: read(problem, learner, inputs).outputs, "test", KEY)
    assert float(outcome["returns"].mean()) == scored["return"]
    assert len(outcome["seen"]) == len(outcome["actions"]) == int(outcome["steps"][0])
    # What it saw follows from what it did.
    world, state = CartPole(), outcome["seen"][:1].float().reshape(1, 1, 4)
    for action, after in zip(outcome["actions"][:-1], outcome["seen"][1:], strict=True):
        state = world.step(state, action[None]).state
        assert torch.allclose(state.flatten().double(), after, atol=1e-5)


def test_the_picture_of_an_episode_is_at_each_moment_where_the_cart_is() -> None:
    runs = [
        Run("one", Look(0), [0.0, 0.02, 0.04], [[(0.0, 0.0), (1.0, 0.1), (-2.4, -0.2)]], "3 steps"),
        Run("two", Look(1), [0.0, 1.0], [[(0.0, 0.0), (0.5, 0.0)]], "51 steps"),
    ]
    drawn = cartpole(runs, "acting")
    places = [re.findall(r"(?<=values=\")[^\"]+", part) for part in drawn.split("animateTransform")[1:]]
    turns, moves = places[0][0].split(";"), [float(place.split()[0]) for place in places[2][0].split(";")]
    assert [float(turn) for turn in turns] == [0.0, 5.73, -11.46, -11.46]
    middle = moves[0]
    assert (moves[1] - middle) / (moves[2] - middle) == 1.0 / -2.4 and moves[3] == moves[2]
    durations = set(re.findall(r"dur=\"([^\"]+)\"", drawn))
    assert durations == {"2s"}, "all begin anew a second after the end of the longest"
    times = re.findall(r"keyTimes=\"([^\"]+)\"", drawn)
    assert times[0] == "0.0000;0.0100;0.0200;1" and all(each.startswith("0") for each in times)
