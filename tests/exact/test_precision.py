"""Networks whose convolutions are in bfloat16: the same learners but for the rounding of their products."""

from __future__ import annotations

import pytest
import torch
from torch.func import grad, vmap
from torch.nn import functional

from limbeck.core import tree
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn.compiled import _compiled_features
from limbeck.learn.networks import ARCHITECTURES, Network, build

KEY = Key(("precision",))
SHAPE = (3, 8, 8)
ROUNDING = 2.0**-8
"""The relative error of a number in bfloat16, at most."""


def twins(name: str = "convnet-w4-d2") -> tuple[Network, Network]:
    """The network and the same in bfloat16."""
    return build(name, SHAPE, 3), build(f"{name}-bf16", SHAPE, 3)


def off(found: object, expected: object) -> float:
    """The distance of two trees, as a share of the norm of the second."""
    apart = tree.map(torch.sub, found, expected)
    return float((tree.dot(apart, apart) / tree.dot(expected, expected)).sqrt())


@pytest.mark.parametrize("family", [name for name, each in ARCHITECTURES.items() if each.convolves])
def test_its_learners_begin_where_others_do_and_read_alike(family: str) -> None:
    plain, short = build(family, (3, 32, 32), 3), build(f"{family}-bf16", (3, 32, 32), 3)
    assert short.name == f"{family}-bf16" and plain.name == family
    params = plain.init(KEY)
    assert tree.flatten(short.init(KEY)).keys() == params.keys() and off(short.init(KEY), params) == 0
    images = KEY.normal(2, 3, 32, 32)
    one, other = plain.apply(params, images).outputs, short.apply(params, images).outputs
    assert other.dtype == torch.float32 and 0 < off(other, one) < 30 * ROUNDING


def test_small_whole_numbers_lose_nothing() -> None:
    _, short = twins()
    convolution = short.factory().get_submodule("block1.convolution")
    weight = KEY.fold("weight").integers(7, 4, 3, 3, 3).float() - 3
    images = KEY.fold("images").integers(2, 2, *SHAPE).float()
    bias = torch.tensor([0.1, 1 / 3, 1000.001, -7.0])
    with torch.no_grad():
        convolution.weight.copy_(weight)
        convolution.bias.copy_(bias)
        found = convolution(images)
    # All sums are below 2^8, and the bias is added unrounded.
    assert torch.equal(found, functional.conv2d(images, weight, padding=1) + bias[:, None, None])


def test_its_derivatives_are_those_of_the_network_but_for_rounding() -> None:
    plain, short = twins("convnet-w4-d2-tanh")
    params, images, labels = plain.init(KEY), KEY.normal(6, *SHAPE), torch.arange(6) % 3

    def loss(network: Network, at: dict[str, torch.Tensor], of: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(network.apply(at, of).outputs, labels)

    def first(network: Network) -> object:
        return grad(loss, argnums=(1, 2))(network, params, images)

    def second(network: Network) -> object:
        def sharpness(of: torch.Tensor) -> torch.Tensor:
            slope = grad(loss, argnums=1)(network, params, of)
            return tree.dot(slope, slope)

        return grad(sharpness)(images)

    assert 0 < off(first(short), first(plain)) < 10 * ROUNDING
    assert 0 < off(second(short), second(plain)) < 30 * ROUNDING
    stacked = tree.map(lambda leaf: torch.stack([leaf, 2 * leaf]), params)
    side_by_side = vmap(lambda at: short.apply(at, images).outputs)(stacked)
    alone = torch.stack([short.apply(tree.row(stacked, index), images).outputs for index in range(2)])
    assert off(side_by_side, alone) < 4 * ROUNDING


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.filterwarnings("error:not compiled")
def test_compiled_it_reads_the_same() -> None:
    _, short = twins("convnet-w4-d1")
    params, images = short.init(KEY), KEY.normal(2, *SHAPE)
    found = _compiled_features(short)(params, images)
    assert off(found, short.apply(params, images).features) < 4 * ROUNDING


@pytest.mark.parametrize("name", ["mlp-bf16", "vit-bf16", "convnet-bf16-bf16"])
def test_networks_without_convolutions_have_no_such_option(name: str) -> None:
    with pytest.raises(InputError, match=r"unknown option of network|its precision is given twice"):
        build(name, (3, 32, 32), 3)
