"""Optimizers of sets against their equations, one number at a time."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.optim import AbstractOptimizer, AdaBelief, Lamb

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
