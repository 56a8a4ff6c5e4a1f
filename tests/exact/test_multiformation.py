"""Pages of small images: of one tile they are the images; what is laid down is read; sizes that do not divide."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import interpolate

from limbeck.core.contracts import Batch, NoCache, Parameters, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.parameterizations import Multiformation, Pixels, SoftTargets
from limbeck.parameterizations.budgets import items_within
from limbeck.tasks import load

KEY = Key(("multiformation",))
TASK = load("digits")
PROBLEM = Problem(TASK, TASK.network("mlp-w4"), torch.device("cpu"), NoCache())


def batch(classes: list[int], height: int = 8, width: int = 8) -> Batch:
    labels = torch.tensor(classes)
    return Batch(KEY.fold("images").normal(len(labels), 3, height, width), torch.eye(10)[labels], labels)


def test_pages_of_one_tile_are_the_images_themselves() -> None:
    start = batch([0, 0, 3, 1])
    made, plain = (part.render(part.init(PROBLEM, start, KEY), KEY) for part in (Multiformation(1), Pixels()))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(made, plain, strict=True))


@pytest.mark.parametrize(("height", "width", "factor"), [(8, 8, 2), (9, 9, 3), (8, 4, 2), (7, 8, 2), (8, 8, 3)])
def test_a_tile_is_the_part_of_its_page_enlarged(height: int, width: int, factor: int) -> None:
    # Class 2 has five items: of two factors, two pages; items of other classes lie between them.
    start = batch([2, 2, 0, 2, 2, 2], height, width)
    part = Multiformation(factor)
    params = part.init(PROBLEM, start, KEY)
    pages = params.learned["inputs"]
    per_page = factor**2
    assert pages.shape == (1 + -(-5 // per_page), 3, height, width)
    pages = KEY.fold("pages").normal(*pages.shape)
    made = part.render(Parameters({"inputs": pages}, params.fixed), KEY)
    assert torch.equal(made.classes, start.classes) and torch.equal(made.targets, start.targets)
    tall, wide = -(-height // factor), -(-width // factor)
    whole = torch.zeros(len(pages), 3, factor * tall, factor * wide)
    whole[:, :, :height, :width] = pages
    # Class 0 comes first, on page 0; the items of class 2 follow, in their order, row by row.
    places = [(1, 0), (1, 1), (0, 0), (1, 2), (1, 3), (1 + 4 // per_page, 4 % per_page)]
    for item, (page, tile) in enumerate(places):
        row, column = divmod(tile, factor)
        cut = whole[page, :, row * tall : (row + 1) * tall, column * wide : (column + 1) * wide]
        expected = interpolate(cut[None], (height, width), mode="bilinear")[0]
        torch.testing.assert_close(made.inputs[item], expected)


def test_constant_images_come_back_exactly_and_smooth_ones_nearly() -> None:
    start = batch([0, 0, 0, 0, 1])
    flat = start._replace(inputs=torch.arange(5.0).reshape(5, 1, 1, 1).expand(5, 3, 8, 8))
    part = Multiformation(2)
    torch.testing.assert_close(part.render(part.init(PROBLEM, flat, KEY), KEY).inputs, flat.inputs)
    across = torch.linspace(-1, 1, 8)
    ramps = start._replace(inputs=across.expand(5, 3, 8, 8) * torch.arange(1.0, 6).reshape(5, 1, 1, 1))
    inner = (slice(None), slice(None), slice(None), slice(2, 6))
    made = part.render(part.init(PROBLEM, ramps, KEY), KEY).inputs
    torch.testing.assert_close(made[inner], ramps.inputs[inner], atol=0.2, rtol=0)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_the_storage_of_a_plain_image_holds_factor_squared(factor: int) -> None:
    for part in (Multiformation(factor), SoftTargets(Multiformation(factor))):
        assert [items_within(part, TASK, count) for count in (1, 2, 10)] == [count * factor**2 for count in (1, 2, 10)]


def test_what_is_no_image_is_refused() -> None:
    start = batch([0, 1])
    with pytest.raises(InputError, match=r"multiformation: found inputs of the shape \(192,\), expected images"):
        Multiformation().init(PROBLEM, start._replace(inputs=start.inputs.flatten(1)), KEY)
    with pytest.raises(InputError, match=r"multiformation\.factor: found 0"):
        Multiformation(0)
