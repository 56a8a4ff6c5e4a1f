"""Permuting the units of a network so that its weights lie near those of another (Ainsworth et al., ICLR 2023)."""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.contracts import AbstractNetwork, AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.tree import Tree

KEY = Key(("alignment",))
ROUNDS = 100


class Layer(NamedTuple):
    """A layer of a chain: the name of its weight, and those of what else its outputs have a number each of."""

    weight: str
    beside: tuple[str, ...]


def chain(network: AbstractNetwork) -> list[Layer]:
    """The layers of a network that is a chain of them, in the order of its parameters."""
    layers: list[Layer] = []
    for name, leaf in network.init(KEY).items():
        if leaf.dim() > 1:
            layers.append(Layer(name, ()))
        elif layers:
            layers[-1] = layers[-1]._replace(beside=(*layers[-1].beside, name))
    return layers


@functools.lru_cache(maxsize=64)
def is_chain(task: AbstractTask, network: AbstractNetwork) -> bool:
    """Whether the units of a network can be reordered one layer after the other: tried on two random inputs."""
    if network.statistics() or tree.joined(task.shape):
        return False
    params = network.init(KEY)
    inputs = tree.build(task.shape, 2, lambda path, shape: KEY.fold("input", path).normal(*shape))
    layers, flat = chain(network), tree.flatten(params)
    orders = [KEY.fold("order", layer.weight).permutation(len(flat[layer.weight])) for layer in layers[:-1]]
    try:
        found = permuted(layers, params, orders)
        before, after = (network.apply(each, inputs).outputs for each in (params, found))
    except (RuntimeError, IndexError, ValueError):
        return False
    return len(layers) > 1 and _same(before, after)


def _same(before: Tensor, after: Tensor) -> bool:
    return torch.allclose(before, after, rtol=1e-3, atol=1e-4 * float(before.abs().max()))


def permuted(layers: list[Layer], params: Tree, orders: list[Tensor]) -> Tree:
    """The same function, the units of each layer but the last in another order.

    What a layer reads lies unit by unit, each with as many numbers as its map has pixels.
    """
    flat = dict(tree.flatten(params))
    for layer, following, order in zip(layers, layers[1:], orders, strict=False):
        for name in (layer.weight, *layer.beside):
            flat[name] = flat[name][order]
        read = flat[following.weight]
        flat[following.weight] = _by_unit(read, len(order))[:, order].reshape(read.shape)
    return tree.unflatten(params, flat)


def aligned(network: AbstractNetwork, params: Tree, onto: Tree, inputs: Tree) -> Tree:
    """`params` with the units of each layer reordered so that they lie as near as they get to those of `onto`.

    Layer by layer, in an order drawn anew for each round, the best assignment given the others is taken until none
    changes. Raises InputError for a network whose layers are no chain: where outputs for `inputs` do not stay.
    """
    from scipy.optimize import linear_sum_assignment

    layers, ours, theirs = chain(network), tree.flatten(params), tree.flatten(onto)
    orders = [torch.arange(len(ours[layer.weight])) for layer in layers[:-1]]
    read = [ours[layer.weight][0].numel() for layer in layers[1:]]
    if any(numbers % len(order) for numbers, order in zip(read, orders, strict=True)):
        raise _no_chain(network)
    for number in range(ROUNDS):
        changed = False
        for index in KEY.fold(number).permutation(len(orders)).tolist():
            alike = _alike(layers, ours, theirs, orders, index)
            order = torch.from_numpy(linear_sum_assignment(alike.numpy(), maximize=True)[1])
            changed |= not torch.equal(order, orders[index])
            orders[index] = order
        if not changed:
            break
    found = permuted(layers, params, orders)
    before, after = (network.apply(each, inputs).outputs for each in (params, found))
    if not _same(before, after):
        raise _no_chain(network)
    return found


def _no_chain(network: AbstractNetwork) -> InputError:
    return InputError(
        f"network {network.name}: its units cannot be reordered one layer after the other; expected a chain of layers, "
        "as mlp and convnet are"
    )


def _alike(
    layers: list[Layer], ours: Tree, theirs: Tree, orders: list[Tensor], index: int
) -> Float[Tensor, "theirs ours"]:
    """How alike each unit of a layer is to each of the other network's, given the orders of the other layers."""
    layer, following = layers[index], layers[index + 1]
    one, two = theirs[layer.weight].double(), ours[layer.weight].double()
    if index:
        count = len(orders[index - 1])
        two = _by_unit(two, count)[:, orders[index - 1]].reshape(two.shape)
    total = one.flatten(1) @ two.flatten(1).T
    for name in layer.beside:
        total = total + torch.outer(theirs[name].double(), ours[name].double())
    count = len(orders[index])
    one, two = (_by_unit(each[following.weight].double(), count) for each in (theirs, ours))
    if index + 1 < len(orders):
        two = two[orders[index + 1]]
    return (total + torch.einsum("oup,ovp->uv", one, two)).cpu()


def _by_unit(weight: Tensor, count: int) -> Float[Tensor, "output unit pixel"]:
    """What each output reads of each unit of the layer before."""
    return weight.reshape(len(weight), count, -1)
