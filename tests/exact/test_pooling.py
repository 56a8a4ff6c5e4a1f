"""Means over neighbours as products equal torch's own pooling, with all derivatives, and count as no products."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import grad, jacrev, vmap
from torch.nn import functional

from doubled_digits import double as double
from limbeck.core.key import Key
from limbeck.learn.compiled import Operations
from limbeck.learn.networks import build
from limbeck.learn.networks.modules import LONGEST, WIDEST, MeanPooling, averages

KEY = Key(("pooling",))
PICTURES = [(2, 3, 8, 8), (2, 3, 4, 6), (1, 1, 2, 2), (2, 3, 7, 8), (2, 3, 8, 5), (1, 2, 2, 2 * WIDEST)]
SERIES = [(2, 3, 8), (2, 3, 9), (1, 1, 2), (2, 2, 4 * LONGEST), (2, 2, 2 * 17), (2, 2, 131)]


def theirs(maps: Tensor) -> Tensor:
    return functional.avg_pool2d(maps, 2) if maps.dim() == 4 else functional.avg_pool1d(maps, 2)


@pytest.mark.parametrize("shape", PICTURES + SERIES, ids=str)
def test_means_are_those_of_torch(shape: tuple[int, ...]) -> None:
    maps = KEY.normal(*shape)
    assert MeanPooling()(maps).shape == theirs(maps).shape
    torch.testing.assert_close(MeanPooling()(maps), theirs(maps))
    # As of a view whose numbers lie elsewhere.
    torch.testing.assert_close(MeanPooling()(maps.transpose(0, 1)), theirs(maps.transpose(0, 1)))


@pytest.mark.parametrize("shape", [(2, 3, 4, 6), (2, 3, 9)], ids=str)
def test_derivatives_are_those_of_torch(shape: tuple[int, ...]) -> None:
    maps = KEY.normal(*shape).requires_grad_()

    def derivatives(pooling: Callable[[Tensor], Tensor]) -> tuple[Tensor, ...]:
        (first,) = torch.autograd.grad(pooling(maps).pow(3).sum(), maps, create_graph=True)
        return first, *torch.autograd.grad(first.pow(2).sum(), maps)

    for ours, other in zip(derivatives(MeanPooling()), derivatives(theirs), strict=True):
        torch.testing.assert_close(ours, other)


@pytest.mark.parametrize("shape", [(4, 2, 3, 4, 6), (4, 2, 3, 9)], ids=str)
def test_a_stack_is_pooled_one_by_one(shape: tuple[int, ...]) -> None:
    stack = KEY.normal(*shape)
    torch.testing.assert_close(vmap(MeanPooling())(stack), torch.stack(list(map(theirs, stack))))


def test_what_is_kept_of_a_call_within_a_transform_serves_every_other() -> None:
    maps, pooling = KEY.normal(2, 3, 6, 10), MeanPooling()
    averages.cache_clear()
    total = lambda maps: pooling(maps).square().sum()  # noqa: E731
    # Of y = w x: twice w' w, in which each number meets the four of its square, a sixteenth of each.
    dense = jacrev(grad(total))(maps[:1, :1]).reshape(60, 60)
    assert torch.equal(dense.sum(1), torch.full((60,), 2 * 4 / 16))
    torch.testing.assert_close(pooling(maps), theirs(maps))


def test_pooling_counts_as_no_operation_forward_or_back() -> None:
    network = build("convnet-w4-d2", (3, 8, 8), 2)
    params = {key: leaf.requires_grad_() for key, leaf in network.init(KEY).items()}
    with Operations() as operations:
        total = network.apply(params, KEY.normal(2, 3, 8, 8)).outputs.square().sum()
        torch.autograd.grad(total, list(params.values()))
    # Of 3 to 4 channels: forward and for the weights on 8 x 8; 4 to 4 on 4 x 4 three times, and the last layer. Both
    # derivatives of a convolution are one product to torch.
    first, second, last = 64 * 27 * 4, 16 * 36 * 4, 16 * 2
    assert operations.count == 2 * 2 * (2 * first + 3 * second + 3 * last)
    assert operations.products == 7
