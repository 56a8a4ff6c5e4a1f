"""Images that are functions of a place: their formulas one place at a time, their symmetries, the fit, any size."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import waves
from checkpoints import Kept, quiet
from limbeck.composition import Recipe
from limbeck.core.contracts import Batch, Budget, NoCache, Parameters, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.distillation import Distillation, distill
from limbeck.learn.optim import Adam
from limbeck.objectives import Distribution
from limbeck.parameterizations import Field, Gaussians, OverTime, SoftTargets, fitted
from limbeck.parameterizations.budgets import items_within
from limbeck.parameterizations.painted import AbstractPainted
from limbeck.state import State
from limbeck.tasks import load

KEY = Key(("painted",))
TASK = load("digits")
PROBLEM = Problem(TASK, TASK.network("mlp-w4"), torch.device("cpu"), NoCache())
both = pytest.mark.parametrize("part", [Field(), Gaussians()], ids=["field", "gaussians"])


def drawn(part: AbstractPainted, channels: int, height: int, width: int) -> tuple[Parameters, dict[str, Tensor]]:
    """Three images of random numbers, in float64, and these numbers by name."""
    labels = torch.arange(3)
    start = Batch(torch.zeros(3, channels, height, width, dtype=torch.float64), torch.eye(3).double(), labels)
    params = replace(part, fit_steps=0).init(PROBLEM, start, KEY)
    numbers = {name: 0.5 * KEY.fold(name).normal(3, *shape).double() for name, shape in part.shapes(channels).items()}
    return Parameters({"inputs": torch.cat([leaf.flatten(1) for leaf in numbers.values()], 1)}, params.fixed), numbers


def place(row: int, column: int, height: int, width: int) -> Tensor:
    return torch.tensor([2 * row / (height - 1) - 1, 2 * column / (width - 1) - 1], dtype=torch.float64)


def test_a_field_is_the_network_at_each_place() -> None:
    part = Field(width=4, layers=3, first_frequency=7.0, frequency=3.0)
    params, numbers = drawn(part, 2, 5, 3)
    images = part.render(params, KEY).inputs
    for item in range(3):
        of = {name: leaf[item] for name, leaf in numbers.items()}
        for row in range(5):
            for column in range(3):
                seen = torch.sin(7 * (of["b0"] + place(row, column, 5, 3) @ of["w0"]))
                seen = torch.sin(3 * (of["b1"] + seen @ of["w1"]))
                seen = torch.sin(3 * (of["b2"] + seen @ of["w2"]))
                torch.testing.assert_close(images[item, :, row, column], of["b3"] + seen @ of["w3"])


def series(count: int = 3, channels: int = 2, times: int = 40) -> Batch:
    """Waves of a few periods, in float64."""
    at = torch.linspace(0, 2 * math.pi, times, dtype=torch.float64)
    phases = 6 * KEY.fold("phases").uniform(count, channels, 1).double()
    rates = 1 + torch.arange(count, dtype=torch.float64)[:, None, None]
    labels = torch.arange(count)
    return Batch(torch.sin(rates * at + phases), torch.eye(count).double(), labels)


def test_a_field_of_one_axis_is_the_network_at_each_time() -> None:
    part, start = Field(width=4, layers=2, first_frequency=7.0, frequency=3.0, fit_steps=0), series(times=9)
    params = part.init(PROBLEM, start, KEY)
    numbers = {name: 0.5 * KEY.fold(name).normal(3, *shape).double() for name, shape in part.shapes(2, 1).items()}
    params.learned["inputs"] = torch.cat([leaf.flatten(1) for leaf in numbers.values()], 1)
    rendered = part.render(params, KEY).inputs
    assert rendered.shape == (3, 2, 9)
    for item, time in itertools.product(range(3), range(9)):
        of = {name: leaf[item] for name, leaf in numbers.items()}
        seen = torch.sin(7 * (of["b0"] + (2 * time / 8 - 1) * of["w0"][0]))
        seen = torch.sin(3 * (of["b1"] + seen @ of["w1"]))
        torch.testing.assert_close(rendered[item, :, time], of["b2"] + seen @ of["w2"])
    # It goes through the times that it has, at any number of them; nothing but numbers and labels is stored.
    torch.testing.assert_close(part.at(params, 33)[:, :, ::4], rendered)
    stored = part.stored(params)
    assert Budget.of(stored.learned).bytes == 3 * 4 * part.numbers((2, 9)) == 3 * 4 * (2 * 4 + 5 * 4 + 5 * 2)
    # As in a SIREN of one input, the first layer is uniform within 1.
    assert 0.9 < float(part.begun(torch.zeros(60, 2, 9), KEY)["w0"].abs().max()) <= 1


@pytest.mark.parametrize("part", [Field(fit_steps=3), OverTime(Field(fit_steps=3))], ids=["field", "over-time"])
def test_what_is_over_one_axis_is_differentiated_exactly_and_shown_in_finer_steps(part: Any) -> None:
    start = series(times=6)
    if isinstance(part, OverTime):
        start = start._replace(inputs=start.inputs[:, None])
    params = part.init(PROBLEM, start, KEY)
    numbers = params.learned["inputs"].requires_grad_()
    assert numbers.dtype == torch.float64

    def render(numbers: Tensor) -> Tensor:
        return part.render(Parameters({"inputs": numbers}, params.fixed), KEY).inputs

    assert render(numbers).shape == start.inputs.shape
    assert torch.autograd.gradcheck(render, numbers, fast_mode=True)
    (shown,) = part.pictured(Parameters({"inputs": numbers.detach()}, params.fixed), "abc")
    assert shown.name == "finer" and "at 21 times in place of 6" in shown.line and len(shown.pictures) == 3


def test_a_field_over_time_is_a_field_of_all_that_is_at_a_time() -> None:
    start = PROBLEM.real(KEY, 1)
    field = Field(width=6, fit_steps=5)
    whole = OverTime(field)
    params = whole.init(PROBLEM, start, KEY)
    lines = start._replace(inputs=start.inputs[:, 0])
    plain = field.init(PROBLEM, lines, KEY)
    assert torch.equal(params.learned["inputs"], plain.learned["inputs"])
    assert torch.equal(whole.render(params, KEY).inputs[:, 0], field.render(plain, KEY).inputs)
    assert (
        whole.cost(TASK, 2) == 2 * 10 * 4 * field.numbers((8, 8)) == Budget.of(whole.stored(params).learned).bytes * 2
    )
    with pytest.raises(
        InputError, match=r"over-time: found inputs of the shape \(192,\), expected images .* or series"
    ):
        whole.init(PROBLEM, Batch(torch.zeros(2, 192), torch.eye(2), torch.arange(2)), KEY)


def test_series_come_back_to_a_stated_error_and_a_run_goes_on_to_the_bit(tmp_path: Path) -> None:
    start, part = series(), Field(width=8, fit_steps=300)
    made = part.render(part.init(PROBLEM, start, KEY), KEY).inputs
    errors = -10 * (made - start.inputs).square().mean((1, 2)).log10()
    # Waves of one to three periods, of power 1 / 2.
    assert (errors > 20).all()
    task = load(f"series:{waves.folder(tmp_path / 'waves')}")
    problem = Problem(task, task.network("convnet1d-w4-d1"), torch.device("cpu"), NoCache())
    recipe = Recipe(
        parameterization=Field(width=3, fit_steps=2), objective=Distribution(per_class=4), optimizer=Adam(0.01), steps=4
    )
    run = Distillation(problem, recipe, per_class=1, key=KEY, checks=0)
    whole, kept = distill(run, Kept(), quiet), Kept()

    def interrupt(state: State) -> None:
        if int(state.step) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        distill(run, kept, interrupt)
    resumed = distill(run, kept, quiet)
    assert torch.equal(resumed.params.learned["inputs"], whole.params.learned["inputs"])
    assert torch.equal(resumed.losses, whole.losses)


def test_a_field_begins_as_the_networks_of_its_authors_do() -> None:
    part = Field(width=50, frequency=20.0)
    begun = part.begun(torch.zeros(40, 3, 2, 2), KEY)
    for name, leaf in begun.items():
        bound = 0.5 if name in ("b0", "w0") else math.sqrt(6 / 50) / 20
        assert 0.97 * bound < float(leaf.abs().max()) <= bound
        assert float(leaf.mean().abs()) < 0.1 * bound
    # As published for CIFAR-10: 37 images in the storage of one.
    assert 3 * 32 * 32 // sum(map(math.prod, Field(width=6).shapes(3).values())) == 37


def test_an_image_of_gaussians_is_their_sum_at_each_place() -> None:
    part = Gaussians(count=4)
    params, numbers = drawn(part, 2, 5, 3)
    images = part.render(params, KEY).inputs
    for item in range(3):
        for row in range(5):
            for column in range(3):
                expected = torch.zeros(2, dtype=torch.float64)
                for each in range(4):
                    of = {name: leaf[item, each] for name, leaf in numbers.items()}
                    cos, sin = math.cos(of["turn"]), math.sin(of["turn"])
                    rotation = torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)
                    apart = (rotation.T @ (place(row, column, 5, 3) - of["mean"])) / of["scale"].exp()
                    expected += of["colour"] * torch.exp(-apart.square().sum() / 2)
                torch.testing.assert_close(images[item, :, row, column], expected)


def test_gaussians_know_no_order_no_half_turn_and_move_with_their_means() -> None:
    part = Gaussians(count=5)
    _, numbers = drawn(part, 3, 4, 4)
    at = 2 * KEY.fold("at").uniform(30, 2).double() - 1
    seen = part.colours(numbers, at)
    order, by = torch.tensor([3, 0, 4, 1, 2]), torch.tensor([0.3, -0.7], dtype=torch.float64)
    others = [
        part.colours({name: leaf[:, order] for name, leaf in numbers.items()}, at),
        part.colours({**numbers, "turn": numbers["turn"] + math.pi}, at),
        part.colours({**numbers, "turn": numbers["turn"] + math.pi / 2, "scale": numbers["scale"].flip(2)}, at),
        part.colours({**numbers, "mean": numbers["mean"] + by}, at + by),
    ]
    for other in others:
        torch.testing.assert_close(other, seen)
    assert not torch.allclose(part.colours({**numbers, "turn": numbers["turn"] + 0.5}, at), seen)


@both
def test_at_any_size_an_image_goes_through_the_pixels_that_it_has(part: AbstractPainted) -> None:
    params, _ = drawn(part, 2, 8, 5)
    rendered = part.render(params, KEY).inputs
    assert torch.equal(part.at(params, 8, 5), rendered)
    # Between two pixels there is room for one more, or for three.
    for times in (2, 4):
        finer = part.at(params, 7 * times + 1, 4 * times + 1)
        torch.testing.assert_close(finer[:, :, ::times, ::times], rendered)
    assert part.at(params, 3, 11).shape == (3, 2, 3, 11)


@both
def test_it_is_as_smooth_as_its_numbers_say(part: AbstractPainted) -> None:
    params, of = drawn(part, 1, 8, 8)
    if isinstance(part, Field):
        # A layer changes no more than its matrix does, times its frequency.
        norms = [torch.linalg.matrix_norm(of[f"w{number}"], 2) for number in range(3)]
        steepest = part.first_frequency * norms[0] * part.frequency * norms[1] * norms[2]
    else:
        # The slope of a Gaussian is at most exp(-1/2) / scale.
        narrow = of["scale"].exp().amin(2)
        steepest = (of["colour"].norm(dim=2) / narrow).sum(1) * math.exp(-0.5)
    ratios = []
    for size in (225, 449):
        apart = part.at(params, size, size).diff(dim=3).abs().amax((1, 2, 3))
        bound = steepest * 2 / (size - 1)
        assert (apart <= bound).all()
        ratios.append(apart / bound)
    # At twice the size neighbours are twice as near: the steepest slope is known by then.
    torch.testing.assert_close(ratios[0], ratios[1], rtol=0.1, atol=0)


@pytest.mark.parametrize(("part", "decibels"), [(Field(), 26), (Gaussians(), 28)], ids=["field", "gaussians"])
def test_start_images_come_back_to_a_stated_error(part: AbstractPainted, decibels: float) -> None:
    start = PROBLEM.real(KEY, 1)

    def noise(part: AbstractPainted) -> Tensor:
        made = part.render(part.init(PROBLEM, start, KEY), KEY).inputs
        errors = (TASK.codec.decode(made) - TASK.codec.decode(start.inputs)).square().mean((1, 2, 3))
        return -10 * errors.log10()

    few, all_steps = noise(replace(part, fit_steps=30)), noise(part)
    assert float(all_steps.mean()) > decibels and (all_steps > few).all()


@both
def test_images_are_fitted_alike_whatever_is_fitted_beside_them(
    part: AbstractPainted, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, start = replace(part, fit_steps=3), PROBLEM.real(KEY, 1)
    start = start._replace(inputs=start.inputs.double())
    together = part.init(PROBLEM, start, KEY).learned["inputs"]
    monkeypatch.setattr(fitted, "AT_ONCE", 3 * 64)
    torch.testing.assert_close(part.init(PROBLEM, start, KEY).learned["inputs"], together)


def test_storage_holds_as_many_images_as_their_numbers_fit_into_it() -> None:
    # (2 + 1) 3 + (3 + 1) 3 + (3 + 1) 1 = 25 numbers; 3 (1 + 2 + 2 + 1) = 18.
    for part, numbers in ((Field(width=3), 25), (Gaussians(count=3), 18)):
        for around in (part, SoftTargets(part)):
            assert [items_within(around, TASK, count) for count in (1, 10)] == [64 // numbers, 640 // numbers]
    with pytest.raises(InputError, match=r"field: one item of each class takes .* bytes to store"):
        items_within(Field(width=20), TASK, 1)


@both
def test_what_is_no_image_is_refused(part: AbstractPainted) -> None:
    start = Batch(torch.zeros(2, 192), torch.eye(2), torch.arange(2))
    name = "field" if isinstance(part, Field) else "gaussians"
    with pytest.raises(InputError, match=rf"{name}: found inputs of the shape \(192,\), expected images"):
        part.init(PROBLEM, start, KEY)
    with pytest.raises(InputError, match=rf"{name}: found inputs of the shape \(4,\), expected images"):
        part.cost(load("cartpole"), 1)
    with pytest.raises(InputError, match=rf"{name}\.fit_rate: found 0\.0"):
        replace(part, fit_rate=0.0)
