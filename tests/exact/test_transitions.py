"""What is gathered step by step, beside literal loops, and advantages in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from limbeck.core import tree
from limbeck.core.key import Key
from limbeck.learn.environments import AbstractEnvironment, CartPole, Step
from limbeck.learn.environments.transitions import (
    Transitions,
    advantages,
    begun,
    entropy,
    gather,
    log_probability,
)

KEY = Key(("transitions",))
LIKE = torch.zeros((), dtype=torch.float64)


@dataclass(frozen=True)
class Counter(AbstractEnvironment):
    """Each state counts its steps by its own pace; at 6 it is over, and after 4 steps it is cut off."""

    name: str = "counter"
    observation: int = 2
    actions: int = 2
    longest: int = 4

    def start(self, count: int, key: Key) -> Any:
        return {"at": torch.zeros(count), "pace": 1 + torch.arange(count) % 3 / 1.0}

    def observe(self, state: Any) -> Tensor:
        return torch.stack([state["at"], state["pace"]], -1)

    def step(self, state: Any, action: Tensor) -> Step:
        after = {"at": state["at"] + state["pace"], "pace": state["pace"]}
        return Step(after, after["at"], after["at"] >= 6)


def even(seen: Tensor) -> Tensor:
    return torch.zeros(*seen.shape[:-1], 2).to(seen)


def drawn(steps: int, runs: int) -> tuple[Transitions, Tensor, Tensor]:
    """Transitions of random numbers, many of them the last of an episode, and values."""
    numbers = [KEY.fold("drawn", index).normal(steps, runs).double() for index in range(3)]
    over = KEY.fold("over").uniform(steps, runs) < 0.1
    ended = over | (KEY.fold("cut").uniform(steps, runs) < 0.1)
    nothing = torch.zeros(steps, runs, 1, dtype=torch.float64)
    made = Transitions(nothing, over.long(), numbers[0], numbers[0], nothing, over, ended)
    return made, numbers[1], numbers[2]


def by_loop(made: Transitions, value: Tensor, following: Tensor, discount: float, trace: float) -> list[list[float]]:
    """Advantages from the last step to the first, as they are defined."""
    steps, runs = value.shape
    found = [[0.0] * runs for _ in range(steps)]
    for run in range(runs):
        later = 0.0
        for step in reversed(range(steps)):
            ahead = 0.0 if made.over[step, run] else discount * float(following[step, run])
            surprise = float(made.reward[step, run]) + ahead - float(value[step, run])
            later = surprise + (0.0 if made.ended[step, run] else discount * trace * later)
            found[step][run] = later
    return found


def test_advantages_are_those_of_the_literal_loop() -> None:
    made, value, following = drawn(40, 4)
    assert bool(made.over.any()) and bool((made.ended & ~made.over).any())
    for discount, trace in ((0.99, 0.95), (0.9, 0.5), (0.5, 1.0), (0.8, 0.0), (0.0, 0.7)):
        found = advantages(made, value, following, discount, trace)
        expected = torch.tensor(by_loop(made, value, following, discount, trace), dtype=torch.float64)
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_discount_and_trace_are_not_one_for_the_other() -> None:
    """With trace 0 the next value is discounted; with a discount of 0 only the reward counts, whatever the trace."""
    made, value, following = drawn(20, 3)
    torch.testing.assert_close(
        advantages(made, value, following, 0.7, 0.0), made.reward + 0.7 * following * ~made.over - value
    )
    torch.testing.assert_close(advantages(made, value, following, 0.0, 0.7), made.reward - value)


def test_a_critic_that_is_right_finds_nothing_better_or_worse_also_where_episodes_are_cut_off() -> None:
    discount = 0.9
    ended = torch.zeros(12, 2, dtype=torch.bool)
    ended[[3, 7], 0] = True
    for over, right in ((torch.zeros_like(ended), 1 / (1 - discount)), (torch.ones_like(ended), 1.0)):
        blank = torch.zeros(12, 2, 1)
        made = Transitions(blank, over.long(), blank[..., 0], torch.ones(12, 2), blank, over, ended | over)
        says = torch.full((12, 2), right)
        torch.testing.assert_close(advantages(made, says, says, discount, 0.95), torch.zeros(12, 2), rtol=0, atol=1e-5)


def test_episodes_follow_one_another_and_are_over_or_cut_off_when_they_should() -> None:
    made, runs = gather(Counter(), even, begun(Counter(), 3, KEY, LIKE), 9, KEY)
    # Pace 1 is cut off after 4 steps; pace 2 is over after 3 (2, 4, 6), pace 3 after 2 (3, 6).
    assert made.observation[..., 0].T.tolist() == [
        [0, 1, 2, 3, 0, 1, 2, 3, 0],
        [0, 2, 4, 0, 2, 4, 0, 2, 4],
        [0, 3, 0, 3, 0, 3, 0, 3, 0],
    ]
    assert (
        made.following[..., 0].T.tolist()
        == made.reward.T.tolist()
        == [
            [1, 2, 3, 4, 1, 2, 3, 4, 1],
            [2, 4, 6, 2, 4, 6, 2, 4, 6],
            [3, 6, 3, 6, 3, 6, 3, 6, 3],
        ]
    )
    assert made.over.T.tolist() == [[False] * 9, [False, False, True] * 3, ([False, True] * 5)[:9]]
    assert made.ended.T.tolist() == [([False] * 3 + [True]) * 2 + [False], *made.over.T.tolist()[1:]]
    assert runs.age.tolist() == [1, 0, 1] and runs.state["at"].tolist() == [1, 0, 3]


def test_episodes_go_on_from_one_gathering_to_the_next() -> None:
    start = begun(Counter(), 3, KEY, LIKE)
    whole, end = gather(Counter(), even, start, 9, KEY)
    first, between = gather(Counter(), even, start, 5, KEY)
    second, after = gather(Counter(), even, between, 4, KEY.fold("later"))
    for name in ("observation", "reward", "following", "over", "ended"):
        assert torch.equal(torch.cat([getattr(first, name), getattr(second, name)]), getattr(whole, name)), name
    assert all(torch.equal(*pair) for pair in zip(tree.leaves(after), tree.leaves(end), strict=True))


def test_what_is_gathered_on_the_cart_pole_is_what_its_steps_come_to() -> None:
    world = CartPole(2)

    def policy(seen: Tensor) -> Tensor:
        return 20 * seen[..., [2, 6, 3, 7]]

    made, runs = gather(world, policy, begun(world, 4, KEY, LIKE), 40, KEY)
    state = made.observation.unflatten(-1, (2, 4))
    after = world.step(state, made.action)
    assert torch.equal(made.following, after.state.flatten(-2)) and torch.equal(made.over, after.over)
    going = ~made.ended[:-1]
    assert torch.equal(made.observation[1:][going], made.following[:-1][going])
    assert bool(made.over.any()) and float(made.observation[1:][~going].abs().max()) <= 0.05
    expected = policy(made.observation).softmax(-1).gather(-1, made.action[..., None])[..., 0].log()
    torch.testing.assert_close(made.log_probability, expected, rtol=1e-12, atol=1e-12)
    assert {leaf.dtype for leaf in (made.observation, made.log_probability, made.reward, runs.state)} == {torch.float64}
    same, other = (gather(world, policy, begun(world, 4, KEY, LIKE), 40, key)[0] for key in (KEY, KEY.fold("other")))
    assert torch.equal(same.action, made.action) and not torch.equal(other.action, made.action)


def test_probabilities_are_normalised_and_the_entropy_has_its_derivative() -> None:
    outputs = KEY.fold("outputs").normal(6, 3).double()
    actions = torch.arange(6) % 3
    moved = outputs + KEY.fold("shift").normal(6, 1).double()
    torch.testing.assert_close(log_probability(moved, actions), log_probability(outputs, actions))
    every = torch.stack([log_probability(outputs, torch.full((6,), action)).exp() for action in range(3)])
    torch.testing.assert_close(every.sum(0), torch.ones(6, dtype=torch.float64))
    torch.testing.assert_close(entropy(torch.zeros(2, 5)), torch.full((2,), 5.0).log())
    at = outputs.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(entropy(at).sum(), at)
    share = outputs.softmax(-1)
    torch.testing.assert_close(slopes, -share * (share.log() + entropy(outputs)[:, None]))
