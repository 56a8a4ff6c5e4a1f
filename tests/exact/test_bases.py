"""Shared bases: identity addresses, sums of enlarged bases, the start they are nearest to, and the published count."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import interpolate

from coloured import KEY, PROBLEM, TASK, Coloured, real, rendered
from limbeck.core.contracts import Budget, Parameters
from limbeck.core.errors import InputError
from limbeck.parameterizations import Bases, Multiformation
from limbeck.parameterizations.budgets import items_within


def test_a_basis_for_each_item_is_the_pixels() -> None:
    start = real(5)
    part, fixed = Bases(5, 1), rendered(Bases(5, 1), start)[1].fixed
    own = Parameters({"addresses": torch.eye(5).double(), "bases": start.inputs}, fixed)
    assert torch.equal(part.render(own, KEY).inputs, start.inputs)
    torch.testing.assert_close(rendered(part, start)[0], start.inputs, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("factor", "sides"), [(1, (6, 4)), (2, (3, 2)), (4, (2, 1)), (9, (1, 1))])
def test_an_item_is_the_sum_of_the_enlarged_bases_by_its_address(factor: int, sides: tuple[int, int]) -> None:
    start, part = real(7), Bases(3, factor)
    params = rendered(part, start)[1]
    assert {name: tuple(leaf.shape) for name, leaf in params.learned.items()} == {
        "addresses": (7, 3), "bases": (3, 3, *sides),
    }  # fmt: skip
    addresses, bases = KEY.fold("a").normal(7, 3).double(), KEY.fold("b").normal(3, 3, *sides).double()
    made = part.render(Parameters({"addresses": addresses, "bases": bases}, params.fixed), KEY)
    small = torch.einsum("ik,kchw->ichw", addresses, bases)
    torch.testing.assert_close(made.inputs, interpolate(small, (6, 4), mode="bilinear"), rtol=0, atol=1e-12)
    assert torch.equal(made.classes, start.classes) and torch.equal(made.targets, start.targets)


@pytest.mark.parametrize("count", [1, 4, 9, 10, 15])
def test_what_is_missing_of_the_start_is_the_tail_of_its_spectrum(count: int) -> None:
    start = real(10)
    made, params = rendered(Bases(count, 1), start)
    values = torch.linalg.svdvals(start.inputs.flatten(1))
    lost = (made - start.inputs).square().sum()
    torch.testing.assert_close(lost, values[count:].square().sum(), rtol=1e-10, atol=1e-20)
    # Of the bases that are too many no address makes use, and a gradient reaches all of them.
    assert bool((params.learned["addresses"][:, 10:] == 0).all())
    leaves = {name: leaf.requires_grad_() for name, leaf in params.learned.items()}
    Bases(count, 1).render(Parameters(leaves, params.fixed), KEY).inputs.square().sum().backward()
    assert bool((leaves["addresses"].grad.abs() > 1e-9).all())  # type: ignore[union-attr]


def test_with_bases_enough_it_renders_as_a_page_of_small_images_does() -> None:
    start = real(8)
    torch.testing.assert_close(rendered(Bases(8, 2), start)[0], rendered(Multiformation(2), start)[0])


def test_the_size_of_one_image_a_class_makes_as_many_items_as_the_source_says() -> None:
    rgb = Coloured(classes=tuple("abcdefghij"), shape=(3, 32, 32))
    # (32 * 32 * 3 * 10 - 16 * 16 * 16 * 3) / (10 * 16) = 115.2.
    assert items_within(Bases(), rgb, 1) == 115
    for part in (Bases(3), Bases(2, 4)):
        stored = part.stored(rendered(part, real(6))[1]).learned
        assert part.cost(TASK, 2) == Budget.of(stored).bytes
        assert part.cost(TASK, 9) - part.cost(TASK, 7) == 2 * 3 * 4 * part.count
    with pytest.raises(InputError, match="bases: one item of each class takes 1,344 bytes to store, and there are 864"):
        items_within(Bases(), TASK, 1)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match=r"bases\.count: found 0"):
        Bases(0)
    with pytest.raises(InputError, match=r"bases\.factor: found 0"):
        Bases(factor=0)
    with pytest.raises(InputError, match="bases: found inputs of the shape several tensors, expected images"):
        Bases().init(PROBLEM, real(3)._replace(inputs={"left": torch.zeros(3, 2)}), KEY)
