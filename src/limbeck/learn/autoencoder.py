"""A small convolutional autoencoder of images: from an image to a code and back."""

from __future__ import annotations

import functools
import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limbeck.core.key import Key
from limbeck.core.tree import Tree
from limbeck.learn.networks.layers import Shape

Images = Float[Tensor, "example channel height width"]
Codes = Float[Tensor, "example number"]


def encoder(shape: Shape, code: int, width: int) -> nn.Module:
    """From images to twice `code` numbers each: the means of a code, then the logarithms of its variances."""
    tall, wide = _part(shape, 4)
    return nn.Sequential(
        nn.Conv2d(shape[0], width, 3, 2, 1),
        nn.SiLU(),
        nn.Conv2d(width, 2 * width, 3, 2, 1),
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(2 * width * tall * wide, 2 * code),
    )


def decoder(shape: Shape, code: int, width: int) -> nn.Module:
    """From codes to images; `width` is even."""
    from limbeck.learn.networks.modules import Larger

    tall, wide = _part(shape, 4)
    return nn.Sequential(
        nn.Linear(code, 2 * width * tall * wide),
        nn.SiLU(),
        nn.Unflatten(1, (2 * width, tall, wide)),
        Larger(*_part(shape, 2)),
        nn.Conv2d(2 * width, width, 3, 1, 1),
        nn.SiLU(),
        Larger(*shape[1:]),
        nn.Conv2d(width, width // 2, 3, 1, 1),
        nn.SiLU(),
        nn.Conv2d(width // 2, shape[0], 3, 1, 1),
    )


HALVES = {"decoder": decoder, "encoder": encoder}


def begun(shape: Shape, code: int, width: int, key: Key) -> dict[str, Tree]:
    """The parameters of both halves before any step, on the CPU: {half: {name: tensor}}."""
    found = {}
    for half, made in HALVES.items():
        with key.fold(half).governing():
            module = made(shape, code, width)
        found[half] = {name: leaf.detach() for name, leaf in module.named_parameters()}
    return found


@functools.lru_cache(maxsize=16)
def skeleton(half: str, shape: Shape, code: int, width: int) -> nn.Module:
    """A half without numbers."""
    with torch.device("meta"):
        return HALVES[half](shape, code, width)


def bound(params: dict[str, Tree], images: Images, code: int, width: int, key: Key) -> Float[Tensor, ""]:
    """What training goes down: the bound of the negative logarithm of the likelihood of an image, but for a constant.

    It is D / 2 log(mean squared error) + KL(code | standard normal), for D numbers of an image: the error of a decoder
    whose variance is the best one for the batch (Rybkin, Daniilidis & Levine, ICML 2021).
    """
    _, channels, height, breadth = images.shape
    shape = channels, height, breadth
    seen: Tensor = torch.func.functional_call(skeleton("encoder", shape, code, width), params["encoder"], (images,))
    mean, log = seen.chunk(2, 1)
    codes = mean + torch.exp(log / 2) * key.normal(*mean.shape).to(mean)
    error = (
        torch.func.functional_call(skeleton("decoder", shape, code, width), params["decoder"], (codes,)) - images
    ).square()
    apart = (mean.square() + log.exp() - log - 1).sum(1).mean() / 2
    return math.prod(shape) / 2 * error.mean().log() + apart


def _part(shape: Shape, times: int) -> tuple[int, int]:
    """The sides of images, each divided by as much and rounded up."""
    return -(-shape[1] // times), -(-shape[2] // times)
