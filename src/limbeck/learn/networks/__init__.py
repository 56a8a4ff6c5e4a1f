"""Networks by name: a family, and its options in any order, as in `convnet-w32-d3`, or a user's own module."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

from torch import nn

from limbeck.core.errors import InputError, unknown
from limbeck.core.family import summary
from limbeck.learn.networks import alexnet, convnet, lenet, mlp, resnet, vgg, vit
from limbeck.learn.networks.custom import PREFIX, custom, source_of_path
from limbeck.learn.networks.layers import Shape
from limbeck.learn.networks.network import Network
from limbeck.learn.networks.options import Option, read, write

__all__ = ["Network", "build", "names"]


class Architecture(NamedTuple):
    """How a family of networks is built, and the options its names may hold."""

    factory: Callable[..., nn.Module]
    """factory(shape, classes, **options) -> a module that ends in an `nn.Linear`."""
    options: Callable[[Shape], tuple[Option, ...]]
    """The options for images of a shape."""


ARCHITECTURES = {
    "convnet": Architecture(convnet.convnet, convnet.options),
    "mlp": Architecture(mlp.mlp, mlp.options),
    "lenet": Architecture(lenet.lenet, lenet.options),
    "alexnet": Architecture(alexnet.alexnet, alexnet.options),
    "vgg11": Architecture(vgg.vgg11, vgg.options),
    "vgg19": Architecture(vgg.vgg19, vgg.options),
    "resnet18": Architecture(resnet.resnet18, resnet.options),
    "resnet34": Architecture(resnet.resnet34, resnet.options),
    "vit": Architecture(vit.vit, vit.options),
}


def build(name: str, shape: tuple[int, int, int], classes: int) -> Network:
    """The network `name` for images (channel, height, width) and a number of classes.

    Its own name is the shortest one: `convnet-w128-d3` on 32 x 32 images is `convnet`, so that however it
    is written a network has one name. Raises InputError for an unknown name or option, for images that the
    network cannot take, and for a user's module that does not end in an `nn.Linear`.

    >>> build("convnet-d2-w32-relu", (1, 8, 8), 10).name
    'convnet-w32'
    """
    if len(shape) != 3 or min(shape) < 1:
        raise InputError(f"networks take images (channel, height, width), found inputs of shape {tuple(shape)}")
    if name.startswith(PREFIX):
        path = name.removeprefix(PREFIX)
        factory = functools.partial(custom, shape, classes, path=path)
        network = Network(name, shape, classes, factory, source_of_path(path))
    else:
        network = _listed(name, shape, classes)
    _ = network.anatomy  # Taken apart now, so that what cannot be used is refused before anything runs.
    return network


def names() -> list[dict[str, str]]:
    """[{name, summary}] of every family of networks."""
    listed = [{"name": name, "summary": summary(found.factory)} for name, found in ARCHITECTURES.items()]
    return [*listed, {"name": f"{PREFIX}PACKAGE.FACTORY", "summary": summary(custom)}]


def _listed(name: str, shape: Shape, classes: int) -> Network:
    """A network of the table."""
    family, *tokens = name.split("-")
    if family not in ARCHITECTURES:
        raise unknown("network", family, ARCHITECTURES)
    architecture = ARCHITECTURES[family]
    options = architecture.options(shape)
    values = read(name, tokens, options)
    factory = functools.partial(architecture.factory, shape, classes, **values)
    return Network(write(family, values, options), shape, classes, factory)
