"""Directions, lines and barriers against closed forms, and units of networks brought back into the order they had."""

from __future__ import annotations

import pytest
import torch

from limbeck.core import tree
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn.alignment import aligned, chain, permuted
from limbeck.learn.directions import along, barrier, between, curve, filter_normalised
from limbeck.learn.networks import build

KEY = Key(("directions",))
CHAINS = ["mlp-w12", "convnet-w8-d2", "convnet-w6-d2-none", "lenet"]


def params_of(name: str, key: Key = KEY) -> dict[str, torch.Tensor]:
    network = build(name, (1, 8, 8) if name != "lenet" else (1, 28, 28), 10)
    # Biases and scales other than 0 and 1 tell whether they are permuted, too.
    return {path: leaf + 0.1 * key.fold("beside", path).normal(*leaf.shape) for path, leaf in network.init(key).items()}


@pytest.mark.parametrize("biases", [False, True])
def test_every_filter_of_a_direction_has_the_norm_of_the_network_s(biases: bool) -> None:
    params = params_of("convnet-w8-d2")
    direction = filter_normalised(params, KEY, biases)
    for path, leaf in params.items():
        if leaf.dim() > 1:
            norms = [each.flatten(1).norm(dim=1) for each in (direction[path], leaf)]
            torch.testing.assert_close(*norms, rtol=1e-5, atol=1e-6)
        else:
            assert torch.equal(direction[path].abs(), leaf.abs() if biases else torch.zeros_like(leaf))
    other = filter_normalised(params, KEY.fold(1), biases)
    assert not any(torch.equal(direction[path], other[path]) for path, leaf in params.items() if leaf.dim() > 1)


def test_scaling_a_filter_scales_its_direction_and_leaves_the_surface_as_it_is() -> None:
    params = params_of("mlp-w12")
    name = chain(build("mlp-w12", (1, 8, 8), 10))[0].weight
    scaled = {**params, name: 3 * params[name]}
    one, two = filter_normalised(params, KEY), filter_normalised(scaled, KEY)
    torch.testing.assert_close(two[name], 3 * one[name])
    assert all(torch.equal(one[path], two[path]) for path in params if path != name)


def test_lines_and_curves_go_through_their_ends() -> None:
    start, middle, end = (params_of("mlp-w12", KEY.fold(index)) for index in range(3))
    for share, expected in ((0.0, start), (1.0, end)):
        for found in (between(start, end, share), curve(start, middle, end, share)):
            for path, leaf in expected.items():
                torch.testing.assert_close(found[path], leaf)
    difference = tree.map(torch.sub, end, start)
    for found in (along(start, [0.3], [difference]), curve(start, between(start, end, 0.5), end, 0.3)):
        for path, leaf in between(start, end, 0.3).items():
            torch.testing.assert_close(found[path], leaf)


def test_a_barrier_is_how_far_a_loss_rises_above_the_line_between_its_ends() -> None:
    shares = [index / 10 for index in range(11)]
    assert barrier(shares, [2 + 3 * share for share in shares]) == pytest.approx(0)
    assert barrier(shares, [share**2 for share in shares]) == pytest.approx(0)
    assert barrier(shares, [4 * share * (1 - share) + share for share in shares]) == pytest.approx(1)


@pytest.mark.parametrize("name", CHAINS)
def test_units_in_another_order_are_the_same_function_and_are_brought_back(name: str) -> None:
    shape = (1, 8, 8) if name != "lenet" else (1, 28, 28)
    network, params = build(name, shape, 10), params_of(name)
    inputs = KEY.fold("inputs").normal(6, *shape)
    layers = chain(network)
    orders = [KEY.fold("order", index).permutation(len(params[each.weight])) for index, each in enumerate(layers)]
    shuffled = permuted(layers, params, orders[:-1])
    assert not all(torch.equal(shuffled[path], leaf) for path, leaf in params.items())
    outputs = [network.apply(each, inputs).outputs for each in (params, shuffled)]
    torch.testing.assert_close(*outputs, rtol=1e-4, atol=1e-5)
    back = aligned(network, shuffled, params, inputs)
    assert all(torch.equal(back[path], leaf) for path, leaf in params.items())


def test_aligned_units_lie_nearer_and_are_the_same_function() -> None:
    network = build("mlp-w12", (1, 8, 8), 10)
    one, two = params_of("mlp-w12"), params_of("mlp-w12", KEY.fold("other"))
    inputs = KEY.fold("inputs").normal(6, 1, 8, 8)
    found = aligned(network, two, one, inputs)
    distances = [sum(float((one[path] - each[path]).square().sum()) for path in one) for each in (two, found)]
    assert distances[1] < distances[0]
    torch.testing.assert_close(network.apply(found, inputs).outputs, network.apply(two, inputs).outputs)


def test_a_network_that_is_no_chain_is_refused() -> None:
    network = build("resnet18-none", (1, 8, 8), 10)
    one, two = (network.init(KEY.fold(index)) for index in range(2))
    with pytest.raises(InputError, match="expected a chain of layers"):
        aligned(network, two, one, KEY.normal(4, 1, 8, 8))
