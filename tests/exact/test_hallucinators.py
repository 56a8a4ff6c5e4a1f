"""Hallucinators: what each makes of each basis, where they begin, what they cost, and what is counted as published."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d

from coloured import KEY, PROBLEM, TASK, Coloured, real, rendered
from limbeck.core.batch import holders
from limbeck.core.contracts import Batch, Budget, Parameters
from limbeck.core.errors import InputError
from limbeck.parameterizations import Hallucinators
from limbeck.parameterizations.budgets import items_within


def balanced(each: int) -> Batch:
    """So many items of every class."""
    pool = real()
    rows = [(pool.classes == label).nonzero()[:each, 0] for label in range(3)]
    return TASK.take(pool, torch.cat(rows))


def drawn(params: Parameters) -> Parameters:
    """Other numbers of the same shapes."""
    networks = {
        name: KEY.fold(name).normal(*leaf.shape).double() for name, leaf in params.learned["hallucinators"].items()
    }
    bases = KEY.fold("bases").normal(*params.learned["bases"].shape).double()
    return Parameters({"bases": bases, "hallucinators": networks}, params.fixed)


@pytest.mark.parametrize(("kernel", "channels"), [(1, 0), (3, 0), (4, 1), (2, 2)])
def test_an_item_is_what_its_hallucinator_makes_of_its_basis(kernel: int, channels: int) -> None:
    part, start = Hallucinators(2, kernel, channels), balanced(3)
    params = drawn(rendered(part, start)[1])
    networks, bases = params.learned["hallucinators"], params.learned["bases"]
    assert bases.shape == (6, channels or 3, 6, 4)
    made = part.render(params, KEY)
    # Each class has two bases: of the first both hallucinators make an item, of the second the first one.
    for item, (basis, number) in enumerate([(0, 0), (0, 1), (1, 0), (2, 0), (2, 1), (3, 0), (4, 0), (4, 1), (5, 0)]):
        one = {name: leaf[number] for name, leaf in networks.items()}
        seen = conv2d(bases[basis][None], one["encoder"], one["encoder_bias"])
        assert seen.shape == (1, 3, 7 - kernel, 5 - kernel)
        item_of = conv_transpose2d(one["scale"] * seen + one["shift"], one["decoder"], one["decoder_bias"])
        torch.testing.assert_close(made.inputs[item], item_of[0], rtol=1e-10, atol=1e-10)
    assert torch.equal(made.classes, start.classes) and torch.equal(made.targets, start.targets)
    assert part.origins(params).tolist() == [0, 0, 1, 2, 2, 3, 4, 4, 5]


def additive(images: Tensor, count: int) -> Tensor:
    """The least squares of images by a term of their basis and one of their hallucinator."""
    basis = torch.arange(len(images)) // count
    design = torch.cat([torch.eye(int(basis.max()) + 1)[basis], torch.eye(count).repeat(len(images) // count, 1)], 1)
    flat = images.flatten(1)
    fit = torch.linalg.lstsq(design.double(), flat, driver="gelsd").solution
    return (design.double() @ fit).unflatten(1, images.shape[1:])


def test_it_begins_at_the_sum_of_bases_and_hallucinators_that_is_nearest_to_the_start() -> None:
    start = balanced(6)
    nearest = additive(start.inputs, 3)
    torch.testing.assert_close(rendered(Hallucinators(3, 1), start)[0], nearest, rtol=0, atol=1e-10)
    made = rendered(Hallucinators(3, 3), start)[0]
    torch.testing.assert_close(made[:, :, 1:-1, 1:-1], nearest[:, :, 1:-1, 1:-1], rtol=0, atol=1e-10)
    rim = torch.ones(6, 4, dtype=torch.bool)
    rim[1:-1, 1:-1] = False
    level = start.inputs[:, :, rim].mean((0, 2))
    torch.testing.assert_close(made[:, :, rim], level[:, None].expand(18, 3, int(rim.sum())), rtol=0, atol=1e-10)


def test_grey_bases_begin_as_means_over_channels_and_what_is_missing_of_colour_is_shifted() -> None:
    start = balanced(4)
    made, params = rendered(Hallucinators(2, 1, channels=1), start)
    means = start.inputs.unflatten(0, (6, 2)).mean(1)
    torch.testing.assert_close(params.learned["bases"], means.mean(1, keepdim=True), rtol=0, atol=1e-12)
    grey = means.mean(1, keepdim=True)[torch.arange(12) // 2]
    shift = torch.stack([(start.inputs - grey)[number::2].mean(0) for number in range(2)])
    torch.testing.assert_close(made, grey + shift[torch.arange(12) % 2], rtol=0, atol=1e-10)


def test_of_one_item_of_each_class_the_other_hallucinators_make_nothing() -> None:
    part, start = Hallucinators(4, 1), balanced(1)
    made, params = rendered(part, start)
    torch.testing.assert_close(made, start.inputs, rtol=0, atol=1e-12)
    networks = {name: leaf.requires_grad_() for name, leaf in params.learned["hallucinators"].items()}
    learned = {"bases": params.learned["bases"].requires_grad_(), "hallucinators": networks}
    part.render(Parameters(learned, params.fixed), KEY).inputs.square().sum().backward()
    for leaf in networks.values():
        assert leaf.grad is not None and bool((leaf.grad[0] != 0).any()) and not bool(leaf.grad[1:].any())
    assert bool((learned["bases"].grad != 0).any())


def test_five_hallucinators_are_nearly_an_image_of_each_of_ten_classes_and_sizes_count_them() -> None:
    rgb = Coloured(classes=tuple("abcdefghij"), shape=(3, 32, 32))
    part = Hallucinators()
    each = sum(map(math.prod, part.shapes((3, 32, 32)).values()))
    # Two kernels of 3 x 3 x 3 x 3 with their biases, and 2 numbers for each of 3 x 30 x 30 places.
    assert each == 2 * (81 + 3) + 2 * 2700 and 5 * each == 27_840
    assert part.cost(rgb, 1) == 4 * (10 * 3072 + 27_840)
    # As published: 1, 10 and 50 bases of a class beside them.
    assert [items_within(part, rgb, images) for images in (2, 11, 51)] == [5, 50, 250]
    assert [items_within(part, rgb, images) for images in (10, 50)] == [45, 245]
    with pytest.raises(InputError, match="hallucinators: one item of each class takes 234,240 bytes to store"):
        items_within(part, rgb, 1)
    # Three of grey bases and as many items fit into the storage of one image of a class.
    assert items_within(Hallucinators(3, channels=1), rgb, 1) == 3
    for few in (part, Hallucinators(2, 2, 1)):
        stored = few.stored(rendered(few, balanced(3))[1]).learned
        assert few.cost(TASK, 3) == Budget.of(stored).bytes


def test_holders_are_filled_class_by_class_in_the_order_of_items() -> None:
    classes = torch.tensor([2, 0, 2, 2, 0, 2])
    held, place = holders(classes, 3)
    assert held.tolist() == [1, 0, 1, 1, 0, 2] and place.tolist() == [0, 0, 1, 2, 1, 0]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match=r"hallucinators\.count: found 0"):
        Hallucinators(0)
    with pytest.raises(InputError, match=r"kernel: found 5, expected at most 4, the shorter side of an image"):
        Hallucinators(kernel=5).init(PROBLEM, real(3), KEY)
    with pytest.raises(InputError, match=r"channels: found 4, expected at most 3, those of an image"):
        Hallucinators(channels=4).cost(TASK, 1)
    with pytest.raises(InputError, match="hallucinators: found inputs of the shape several tensors, expected images"):
        Hallucinators().init(PROBLEM, real(3)._replace(inputs={"left": torch.zeros(3, 2)}), KEY)
