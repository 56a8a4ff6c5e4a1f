"""Optimizers of sets against their equations, one number at a time."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from limbeck.composition import Recipe
from limbeck.core.contracts import NoCache, Problem
from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.distillation import Distillation
from limbeck.learn.optim import SGD, AbstractOptimizer, AdaBelief, Averaged, Lamb, OnSimplex
from limbeck.objectives import Distribution
from limbeck.schedules import Fixed
from limbeck.tasks import load

KEY = Key(("optimizers",))
STEPS = 7


def slopes(step: int, params: dict[str, Tensor]) -> dict[str, Tensor]:
    """A gradient that depends on where it is taken."""
    drawn = KEY.fold("slope", step).normal_like(params)
    return {name: drawn[name] + 0.3 * leaf for name, leaf in params.items()}


def start() -> dict[str, Tensor]:
    return {"a": KEY.fold("a").normal(3, 2).double(), "b": KEY.fold("b").normal(4).double()}


def stepped(optimizer: AbstractOptimizer, params: dict[str, Tensor]) -> list[Tree]:
    """The parameters after each step."""
    state, found = optimizer.init(params), []
    for step in range(STEPS):
        params, state = optimizer.step(params, slopes(step, params), state)
        found.append(params)
    return found


def numbers(params: dict[str, Tensor]) -> dict[str, list[float]]:
    return {name: leaf.flatten().tolist() for name, leaf in params.items()}


def test_adabelief_is_its_equations() -> None:
    params = start()
    shapes = {name: leaf.shape for name, leaf in params.items()}
    now, m, s = numbers(params), {}, {}
    for step, found in enumerate(stepped(AdaBelief(0.1, 0.8, 0.9, 1e-3), params)):
        tensors = {name: torch.tensor(now[name]).double().reshape(shapes[name]) for name in now}
        for name, gradient in numbers(slopes(step, tensors)).items():
            m.setdefault(name, [0.0] * len(gradient))
            s.setdefault(name, [0.0] * len(gradient))
            for i, g in enumerate(gradient):
                m[name][i] = 0.8 * m[name][i] + 0.2 * g
                s[name][i] = 0.9 * s[name][i] + 0.1 * (g - m[name][i]) ** 2 + 1e-3
                first, second = m[name][i] / (1 - 0.8 ** (step + 1)), s[name][i] / (1 - 0.9 ** (step + 1))
                now[name][i] -= 0.1 * first / (math.sqrt(second) + 1e-3)
        for name, leaf in found.items():
            assert leaf.flatten().tolist() == pytest.approx(now[name], rel=1e-6)


def test_lamb_is_its_equations() -> None:
    params = start()
    shapes = {name: leaf.shape for name, leaf in params.items()}
    now, m, s = numbers(params), {}, {}
    for step, found in enumerate(stepped(Lamb(0.1, 0.8, 0.9, 1e-3, weight_decay=0.2), params)):
        tensors = {name: torch.tensor(now[name]).double().reshape(shapes[name]) for name in now}
        for name, gradient in numbers(slopes(step, tensors)).items():
            m.setdefault(name, [0.0] * len(gradient))
            s.setdefault(name, [0.0] * len(gradient))
            way = []
            for i, g in enumerate(gradient):
                m[name][i] = 0.8 * m[name][i] + 0.2 * g
                s[name][i] = 0.9 * s[name][i] + 0.1 * g * g
                first, second = m[name][i] / (1 - 0.8 ** (step + 1)), s[name][i] / (1 - 0.9 ** (step + 1))
                way.append(first / (math.sqrt(second) + 1e-3) + 0.2 * now[name][i])
            quotient = math.hypot(*now[name]) / math.hypot(*way)
            now[name] = [p - 0.1 * quotient * u for p, u in zip(now[name], way, strict=True)]
        for name, leaf in found.items():
            assert leaf.flatten().tolist() == pytest.approx(now[name], rel=1e-6)


def test_a_step_of_lamb_is_a_share_of_each_tensor_whatever_their_scales() -> None:
    params, optimizer = {"large": 1e4 * start()["a"], "small": 1e-4 * start()["b"]}, Lamb(0.03)
    after, _ = optimizer.step(params, KEY.normal_like(params), optimizer.init(params))
    for name, leaf in params.items():
        assert float((after[name] - leaf).norm() / leaf.norm()) == pytest.approx(0.03, rel=1e-9)
    # Of a tensor of zeros there is no share: it moves as by Adam, and without a gradient not at all.
    zeros = {"moved": torch.zeros(3).double(), "still": torch.ones(3).double()}
    after, _ = optimizer.step(zeros, {"moved": torch.ones(3).double(), "still": torch.zeros(3)}, optimizer.init(zeros))
    torch.testing.assert_close(after["moved"], torch.full((3,), -0.03).double(), rtol=1e-5, atol=0)
    assert torch.equal(after["still"], zeros["still"])


def test_lamb_falls_by_half_a_cosine_to_its_floor_and_stays() -> None:
    optimizer = Lamb(2.0, falls_over=100, floor=0.1)
    rates = [optimizer.at(step).learning_rate for step in (0, 25, 50, 100, 1000)]
    quarter = 0.2 + 1.8 * (1 + math.sqrt(0.5)) / 2
    assert rates == pytest.approx([2.0, quarter, 1.1, 0.2, 0.2])
    assert Lamb(2.0).at(1000) == Lamb(2.0)


def test_what_is_averaged_steps_as_the_other_and_comes_to_the_weighted_mean_of_its_steps() -> None:
    inner = SGD(0.1, 0.5, halve_at=(2,))
    optimizer, params = Averaged(inner, 0.7), start()
    state = optimizer.init(params)
    assert optimizer.settled(params, state) is params and optimizer.at(3) == Averaged(inner.at(3), 0.7)
    trail = stepped(inner, params)
    for step, expected in enumerate(trail):
        params, state = optimizer.step(params, slopes(step, params), state)
        weights = torch.tensor([0.7 ** (step - earlier) for earlier in range(step + 1)]).double()
        for name, leaf in optimizer.settled(params, state).items():
            assert torch.equal(params[name], expected[name])
            whole = torch.stack([each[name] for each in trail[: step + 1]])
            torch.testing.assert_close(leaf, torch.tensordot(weights / weights.sum(), whole, 1))


def test_a_mean_of_what_left_the_simplex_is_brought_back() -> None:
    rows = {"targets": torch.eye(3)}
    optimizer = OnSimplex(Averaged(SGD(1.0)))
    stepped_to, state = optimizer.step(rows, {"targets": torch.full((3, 3), -0.5)}, optimizer.init(rows))
    # One step is the mean of its own: of 1.5 and two of 0.5 it is clamped to 1, and divided by 2.
    expected = torch.full((3, 3), 0.25).fill_diagonal_(0.5)
    assert torch.equal(optimizer.settled(stepped_to, state)["targets"], expected)
    assert torch.equal(stepped_to["targets"], expected)


def test_a_run_comes_to_the_mean_and_is_checked_by_it() -> None:
    task = load("digits")
    problem = Problem(task, task.network("mlp-w4"), torch.device("cpu"), NoCache())
    fields = {"objective": Distribution(per_class=2), "schedule": Fixed(steps=1, learning_rate=0.1), "steps": 3}
    runs = [
        Distillation(problem, Recipe(optimizer=optimizer, **fields), per_class=1, key=KEY, checks=1)
        for optimizer in (SGD(0.1), Averaged(SGD(0.1), 0.5))
    ]
    states = [[run.begin()] for run in runs]
    for run, seen in zip(runs, states, strict=True):
        for _ in range(3):
            seen.append(run.step(seen[-1]))
    plain = [state.learned["inputs"] for state in states[0]]
    assert all(torch.equal(left, right.learned["inputs"]) for left, right in zip(plain, states[1], strict=True))
    mean = (plain[1] + 2 * plain[2] + 4 * plain[3]) / 7
    torch.testing.assert_close(runs[1].outcome(states[1][-1]).params.learned["inputs"], mean)
    assert torch.equal(runs[0].outcome(states[0][-1]).params.learned["inputs"], plain[3])
    ((_, context),) = runs[1].to_check(states[1][1])
    assert torch.equal(context.set.batch.inputs, states[1][1].optimizers["inputs"]["mean"])
