"""Networks by name: a family, and its options in any order, as in `convnet-w32-d3`, or a user's own module."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import nn

from limbeck.core import tree
from limbeck.core.errors import InputError, unknown
from limbeck.core.family import summary
from limbeck.core.memory import memory
from limbeck.learn.networks import (
    alexnet,
    convnet,
    convnet1d,
    dlinear,
    graphs,
    lenet,
    mlp,
    resnet,
    resnet1d,
    tabular,
    text,
    transformer1d,
    vgg,
    vit,
)
from limbeck.learn.networks.custom import PREFIX, custom, source_of_path
from limbeck.learn.networks.network import Network
from limbeck.learn.networks.options import Option, read, write
from limbeck.learn.networks.precision import PRECISION, SHORT, Shortened
from limbeck.learn.networks.towers import Towers

__all__ = ["Network", "Towers", "build", "names", "vectors"]


COPIES = 4
"""How often training holds the parameters, about: themselves, their gradient, a velocity, and the next ones."""

IMAGES, VECTORS, SENTENCES, SERIES, GRAPHS = "images", "vectors", "sentences", "series", "graphs"
EXAMPLES: dict[str, Any] = {
    IMAGES: (3, 32, 32),
    VECTORS: (16,),
    SENTENCES: (12, 9),
    SERIES: (1, 128),
    GRAPHS: {"features": (16,), "edges": (tree.EXAMPLES,)},
}
"""What inputs of each kind may be like: a shape of one."""


class Architecture(NamedTuple):
    """How a family of networks is built, and the options its names may hold."""

    factory: Callable[..., nn.Module]
    """factory(shape, classes, **options) -> a module that ends in an `nn.Linear`."""
    options: Callable[[Any], tuple[Option, ...]]
    """The options for inputs of a shape."""
    takes: tuple[str, ...] = (IMAGES,)
    """The kinds of inputs that it takes, of `EXAMPLES`."""
    convolves: bool = True
    """Whether its products are convolutions, which may be in bfloat16 (`precision.py`)."""


ARCHITECTURES = {
    "convnet": Architecture(convnet.convnet, convnet.options),
    "mlp": Architecture(mlp.mlp, mlp.options, (IMAGES, VECTORS, SERIES, GRAPHS), convolves=False),
    "lenet": Architecture(lenet.lenet, lenet.options),
    "alexnet": Architecture(alexnet.alexnet, alexnet.options),
    "vgg11": Architecture(vgg.vgg11, vgg.options),
    "vgg19": Architecture(vgg.vgg19, vgg.options),
    "resnet18": Architecture(resnet.resnet18, resnet.options),
    "resnet34": Architecture(resnet.resnet34, resnet.options),
    "vit": Architecture(vit.vit, vit.options, convolves=False),
    "transformer": Architecture(text.transformer, text.transformer_options, (SENTENCES,), convolves=False),
    "textcnn": Architecture(text.textcnn, text.textcnn_options, (SENTENCES,), convolves=False),
    "bag": Architecture(text.bag, text.bag_options, (SENTENCES,), convolves=False),
    "convnet1d": Architecture(convnet1d.convnet1d, convnet1d.options, (SERIES,), convolves=False),
    "resnet1d": Architecture(resnet1d.resnet1d, resnet1d.options, (SERIES,), convolves=False),
    "transformer1d": Architecture(transformer1d.transformer1d, transformer1d.options, (SERIES,), convolves=False),
    "dlinear": Architecture(dlinear.dlinear, dlinear.options, (SERIES,), convolves=False),
    "linear": Architecture(dlinear.linear, dlinear.no_options, (SERIES,), convolves=False),
    "dcn": Architecture(tabular.dcn, tabular.dcn_options, (VECTORS,), convolves=False),
    "lnres": Architecture(tabular.lnres, tabular.lnres_options, (VECTORS,), convolves=False),
    "node": Architecture(tabular.node, tabular.node_options, (VECTORS,), convolves=False),
    "gcn": Architecture(graphs.gcn, graphs.options, (GRAPHS,), convolves=False),
    "sgc": Architecture(graphs.sgc, graphs.sgc_options, (GRAPHS,), convolves=False),
    "sage": Architecture(graphs.sage, graphs.options, (GRAPHS,), convolves=False),
    "gat": Architecture(graphs.gat, graphs.gat_options, (GRAPHS,), convolves=False),
}


def build(name: str, shape: Any, outputs: int, takes: str = IMAGES, default: str = "convnet", **given: Any) -> Network:
    """The network `name` for inputs of a kind and of a shape, and a number of outputs.

    "" or "convnet", what is meant for images where nothing is said, is `default` for inputs of other kinds. Its own
    name is the shortest one: `convnet-w128-d3` on 32 x 32 images is `convnet`, so that however it is written a network
    has one name. `given` is what the factories of a kind are called with beside options. Raises InputError for an
    unknown name or option, for inputs that the network cannot take, and for a user's module that does not end in an
    `nn.Linear`.

    >>> build("convnet-d2-w32-relu", (1, 8, 8), 10).name
    'convnet-w32'
    """
    if takes == IMAGES and (len(shape) != 3 or min(shape) < 1):
        raise InputError(f"networks take images (channel, height, width), found inputs of shape {tuple(shape)}")
    if takes != IMAGES and name in ("", "convnet"):
        name = default
    family = name.partition("-")[0]
    if not name.startswith(PREFIX) and family in ARCHITECTURES and takes not in ARCHITECTURES[family].takes:
        kinds = " and ".join(ARCHITECTURES[family].takes)
        raise InputError(f"network {name}: it takes {kinds}, and these inputs are {takes}; use {default}")
    return _built(name, shape, outputs, given)


def _built(name: str, shape: Any, classes: int, given: Mapping[str, Any]) -> Network:
    """The network of that name, taken apart; the shape is one that its family takes."""
    if name.startswith(PREFIX):
        path = name.removeprefix(PREFIX)
        factory = functools.partial(custom, shape, classes, path=path)
        network = Network(name, shape, classes, factory, source_of_path(path))
    else:
        network = _listed(name, shape, classes, given)
    # Taken apart now, so that what cannot be used is refused before anything runs.
    for note in network.anatomy.notes:
        warnings.warn(f"network {name}: {note}", stacklevel=2)
    return network


POLICY = "mlp-w64-tanh-policy"
"""What takes vectors where no network is named: the policy of published control, two hidden layers of 64, tanh."""


def vectors(name: str, inputs: int, outputs: int) -> Network:
    """The network `name` for vectors of so many numbers, as `build`; `POLICY` where none is named."""
    return build(name, (inputs,), outputs, VECTORS, POLICY)


def names() -> list[dict[str, str]]:
    """[{name, summary, options}] of every family of networks; options for inputs as in `EXAMPLES`."""
    listed = []
    for name, found in ARCHITECTURES.items():
        options = " ".join("|".join(each.tokens) for each in _options(found, EXAMPLES[found.takes[0]]))
        listed.append({"name": name, "summary": summary(found.factory), "options": options})
    return [*listed, {"name": f"{PREFIX}PACKAGE.FACTORY", "summary": summary(custom), "options": ""}]


def _options(architecture: Architecture, shape: Any) -> tuple[Option, ...]:
    """What names of a family may hold: its own options, and how its convolutions compute."""
    return (*architecture.options(shape), *([PRECISION] if architecture.convolves else []))


def _listed(name: str, shape: Any, classes: int, given: Mapping[str, Any]) -> Network:
    """A network of the table."""
    family, *tokens = name.split("-")
    if family not in ARCHITECTURES:
        raise unknown("network", family, ARCHITECTURES)
    architecture = ARCHITECTURES[family]
    options = _options(architecture, shape)
    values = read(name, tokens, options)
    written = write(family, values, options)
    short = values.pop(PRECISION.name, None) == SHORT
    factory: Callable[[], nn.Module] = functools.partial(architecture.factory, shape, classes, **values, **given)
    _check_size(name, factory)
    return Network(written, shape, classes, Shortened(factory) if short else factory)


def _check_size(name: str, factory: Callable[[], nn.Module]) -> None:
    """Refuse a network that has no room in the memory of this machine; nothing of it is made."""
    try:
        with torch.device("meta"):
            size = sum(parameter.nbytes for parameter in factory().parameters())
    except (RuntimeError, OverflowError) as error:
        raise InputError(
            f"network {name}: it cannot be built ({str(error).splitlines()[0]}); make it smaller"
        ) from error
    room = memory()
    if size > room / COPIES:
        raise InputError(
            f"network {name}: its parameters take {size / 1e9:,.0f} GB, expected at most {room / COPIES / 1e9:,.1f} GB "
            f"on this machine, as training holds about {COPIES} copies; make it smaller"
        )
