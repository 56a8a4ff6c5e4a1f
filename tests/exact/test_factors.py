"""Thin factors: the truncated decomposition of the start, and that no rank of it is dead."""

from __future__ import annotations

import pytest
import torch

import strange_tasks
from coloured import KEY, real, rendered
from limbeck.core.contracts import Parameters
from limbeck.core.errors import InputError
from limbeck.parameterizations import Factors
from limbeck.parameterizations.budgets import items_within
from limbeck.tasks import load


@pytest.mark.parametrize("rank", [1, 2, 3, 4])
def test_what_is_missing_of_the_start_is_the_tail_of_the_spectrum_of_each_channel(rank: int) -> None:
    start = real(5)
    made, params = rendered(Factors(rank), start)
    lost = (made - start.inputs).square().sum((2, 3))
    tail = torch.linalg.svdvals(start.inputs)[..., rank:].square().sum(2)
    torch.testing.assert_close(lost, tail, rtol=1e-10, atol=1e-20)
    shapes = {name: tuple(leaf.shape) for name, leaf in params.learned.items()}
    assert shapes == {"columns": (5, 3, 6, rank), "rows": (5, 3, rank, 4)}
    # A singular value is shared evenly.
    sizes = params.learned["columns"].norm(dim=2), params.learned["rows"].norm(dim=3)
    values = torch.linalg.svdvals(start.inputs)[..., :rank]
    even = values > 0.01 * values[..., :1]
    torch.testing.assert_close(sizes[0] * sizes[1], values, rtol=1e-10, atol=0)
    torch.testing.assert_close(sizes[0][even], sizes[1][even], rtol=1e-10, atol=0)
    assert float(even.double().mean()) > 0.8


def test_an_image_is_the_sum_of_products_of_its_columns_and_rows() -> None:
    params = rendered(Factors(2), real(3))[1]
    columns, rows = KEY.fold("c").normal(3, 3, 6, 2).double(), KEY.fold("r").normal(3, 3, 2, 4).double()
    made = Factors(2).render(Parameters({"columns": columns, "rows": rows}, params.fixed), KEY).inputs
    torch.testing.assert_close(made, torch.einsum("ichr,icrw->ichw", columns, rows), rtol=0, atol=1e-13)


def test_a_gradient_reaches_every_rank_also_of_black_and_of_striped_images() -> None:
    start = real(3)
    flat = torch.zeros_like(start.inputs)
    flat[1] = torch.arange(4.0)
    made, params = rendered(Factors(3), start._replace(inputs=flat))
    torch.testing.assert_close(made, flat, rtol=0, atol=1e-12)
    leaves = {name: leaf.requires_grad_() for name, leaf in params.learned.items()}
    pull = KEY.fold("pull").normal(*flat.shape).double()
    (Factors(3).render(Parameters(leaves, params.fixed), KEY).inputs * pull).sum().backward()
    assert bool((leaves["columns"].grad.norm(dim=2) > 0.01).all())  # type: ignore[union-attr]


def test_the_storage_of_a_plain_image_holds_those_of_a_lower_rank() -> None:
    assert [items_within(Factors(rank), load("digits"), 2) for rank in (1, 2, 4)] == [8, 4, 2]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match=r"factors\.rank: found 0"):
        Factors(0)
    with pytest.raises(InputError, match=r"factors\.rank: found 5, expected at most 4, the shorter side"):
        rendered(Factors(5), real(3))
    with pytest.raises(InputError, match="factors: found inputs of the shape several tensors, expected images"):
        items_within(Factors(), strange_tasks.LOADERS["pairs"](None), 1)
