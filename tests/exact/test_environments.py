"""The cart-pole beside that of gymnasium, episodes that end when they should, and actions as probable as said."""

from __future__ import annotations

import gymnasium
import numpy
import pytest
import torch
from torch import Tensor

from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn.environments import CartPole, returns
from limbeck.learn.environments.rollouts import sampled
from limbeck.tasks import load

KEY = Key(("environments",))


def test_one_dimension_is_cartpole_of_gymnasium_step_for_step() -> None:
    theirs, ours, seen = gymnasium.make("CartPole-v1").unwrapped, CartPole(), 0
    for episode in range(20):
        theirs.reset(seed=episode)
        state = torch.tensor(numpy.array(theirs.state))[None, None]
        for step in range(100):
            action = int(KEY.fold(episode, step).integers(2))
            _, reward, over, _, _ = theirs.step(action)
            state, gained, ended = ours.step(state, torch.tensor([action]))
            torch.testing.assert_close(state[0, 0], torch.tensor(theirs.state, dtype=torch.float64), rtol=0, atol=1e-12)
            assert float(gained) == reward and bool(ended) == over
            seen += 1
            if over:
                break
    assert seen > 200


def test_an_episode_of_gymnasium_and_ours_gather_as_much() -> None:
    theirs = gymnasium.make("CartPole-v1")
    for seed in range(5):
        observation, _ = theirs.reset(seed=seed)
        start = torch.tensor(numpy.array(theirs.unwrapped.state))[None, None]
        total, over = 0.0, False
        while not over:
            observation, reward, ended, cut, _ = theirs.step(int(observation[2] > 0))
            total, over = total + float(reward), ended or cut
        found = returns(
            CartPole(), lambda seen: torch.stack([-seen[..., 2], seen[..., 2]], -1), start, KEY, greedy=True
        )
        assert found.tolist() == [total]


def test_directions_are_cart_poles_of_their_own_and_one_that_fails_ends_all() -> None:
    two, one = CartPole(2), CartPole()
    state = two.start(6, KEY).double()
    action = torch.tensor([0, 1, 2, 3, 0, 3])
    after = two.step(state, action)
    for run, pushed in enumerate(action.tolist()):
        along, still = pushed // 2, 1 - pushed // 2
        alone = one.step(state[run : run + 1, along : along + 1], torch.tensor([pushed % 2]))
        torch.testing.assert_close(after.state[run, along], alone.state[0, 0], rtol=0, atol=1e-15)
        # Nothing pushes along the other: as half of a push each way, the equations being linear in the force.
        both = [one.step(state[run : run + 1, still : still + 1], torch.tensor([way])).state for way in (0, 1)]
        torch.testing.assert_close(after.state[run, still], (both[0] + both[1])[0, 0] / 2, rtol=0, atol=1e-12)
    fallen = state.clone()
    fallen[0, 1, 2] = 0.3
    assert two.step(fallen, action).over.tolist() == [True] + [False] * 5


def test_starts_and_returns_take_any_leading_axes_and_luck_is_shared_by_policies() -> None:
    world = CartPole(3)
    start = world.start(4, KEY)
    assert start.shape == (4, 3, 4) and float(start.abs().max()) <= 0.05
    flat = returns(world, lambda seen: torch.zeros(*seen.shape[:-1], 6), start, KEY)
    many = returns(world, lambda seen: torch.zeros(*seen.shape[:-1], 6), start.expand(2, 5, 4, 3, 4), KEY)
    assert torch.equal(many, flat.expand(2, 5, 4))
    assert 5 < float(flat.mean()) < 100


def test_actions_are_drawn_with_their_probabilities() -> None:
    logits = torch.tensor([0.0, 1.0, -1.0])
    counts = sampled(logits.expand(40_000, 3), KEY).bincount(minlength=3) / 40_000
    error = (logits.softmax(0) * (1 - logits.softmax(0)) / 40_000).sqrt()
    assert bool(((counts - logits.softmax(0)).abs() < 4 * error).all())


@pytest.mark.parametrize("name", ["cartpole", "cartpole-2d", "cartpole-5d"])
def test_a_task_holds_recordings_of_a_controller_that_balances(name: str) -> None:
    task = load(name)
    batch = task.load("train")
    assert len(batch.classes) == 2000 and set(batch.classes.tolist()) == set(range(len(task.classes)))
    assert torch.equal(batch.targets.argmax(1), batch.classes)

    def again(seen: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(task.controller(seen), len(task.classes)).float()  # type: ignore[attr-defined]

    assert torch.equal(again(batch.inputs).argmax(1), batch.classes)
    assert task.evaluate(lambda seen: 1e9 * again(seen), "test", KEY) == {"return": 500.0, "greedy return": 500.0}
    assert load(name).fingerprint == task.fingerprint


def test_a_network_of_a_control_task_takes_vectors() -> None:
    task = load("cartpole")
    network = task.network("convnet")
    assert network.name == "mlp-w64-tanh-policy"
    params = network.init(KEY)
    shapes = {name: tuple(leaf.shape) for name, leaf in params.items() if name.endswith("weight")}
    assert sorted(shapes.values()) == [(2, 64), (64, 4), (64, 64)]
    hidden = next(leaf for leaf in params.values() if leaf.shape == (64, 64))
    torch.testing.assert_close(hidden @ hidden.T, 2 * torch.eye(64), rtol=0, atol=1e-5)
    assert float(network.apply(params, task.load("test").inputs).outputs.abs().max()) < 0.1
    with pytest.raises(InputError, match="takes images, and these inputs are vectors"):
        task.network("resnet18")
