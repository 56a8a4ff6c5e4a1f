"""Images as codes that a frozen decoder makes images of."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from limbeck.computations.autoencoder import Autoencoder
from limbeck.computations.contract import ProbeContext
from limbeck.core import tree
from limbeck.core.budget import FLOAT
from limbeck.core.contracts import AbstractParameterization, AbstractTask, Batch, Parameters, Pictured, Problem
from limbeck.core.errors import InputError, unknown
from limbeck.core.expect import at_least, expect, positive
from limbeck.core.key import Key
from limbeck.core.pictured import BARS, bars, first_items, named
from limbeck.core.placing import onto
from limbeck.core.tree import Tree
from limbeck.learn.autoencoder import skeleton
from limbeck.learn.networks.custom import PREFIX, made_at, source_of_path
from limbeck.learn.networks.layers import Shape
from limbeck.parameterizations.fitted import Images, Numbers, fitted
from limbeck.parameterizations.images import image_shape, images_of
from limbeck.parameterizations.pixels import labelled, labels_of

OWN = "autoencoder"
_WHICH = "decoder", "code"


@dataclass(frozen=True)
class Latent(AbstractParameterization):
    """Codes (item, code) that a frozen decoder makes images of (as GLaD, Cazenavette et al., CVPR 2023).

    What is learned are the codes, group "inputs". `autoencoder` is the decoder of a small convolutional variational
    autoencoder of the real images, which is trained once for the data and kept; codes begin at its encoder's means.
    `module:PACKAGE.FACTORY` is a generator of yours: FACTORY(shape, code) returns an nn.Module that takes codes
    (item, code) to images (item, *shape) as a network sees them, each by itself; codes begin at random. From there the
    codes are fitted to the start by Adam, down the mean squared error. The parameters of the decoder are kept in the
    set, and counted in its bytes; a set of your generator needs its code to be read.
    """

    code: int = 32
    """Numbers of a code."""
    decoder: str = OWN
    """What makes images of codes: autoencoder, or module:PACKAGE.FACTORY of yours."""
    width: int = 16
    """Channels of the middle layer of the autoencoder."""
    steps: int = 1000
    """Steps of its training, on batches of 128 images."""
    fit_steps: int = 100
    """Steps of Adam by which codes are fitted to the start."""
    fit_rate: float = 0.05
    """The learning rate of that fit."""

    def __post_init__(self) -> None:
        at_least(self, 1, "code", "steps")
        at_least(self, 2, "width")
        expect(self, "width", self.width % 2 == 0, "an even number")
        at_least(self, 0, "fit_steps")
        positive(self, "fit_rate")
        if self.decoder != OWN and not self._path:
            raise unknown("decoder", self.decoder, (OWN, f"{PREFIX}PACKAGE.FACTORY"))

    @property
    def named_source(self) -> dict[str, str]:
        """The source of your generator."""
        return source_of_path(self._path, *_WHICH) if self._path else {}

    def needs(self, problem: Problem) -> tuple[Any, ...]:
        """The training of the autoencoder."""
        image_shape(problem.task, self)
        return () if self._path else (self._autoencoder,)

    def cost(self, task: AbstractTask, per_class: int) -> int:
        """That of the codes, in 32 bits; InputError for what is no image."""
        image_shape(task, self)
        return FLOAT * self.code * per_class * len(task.classes)

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """Codes of the start; InputError for what is no image, and for a generator that makes others."""
        images = images_of(start, self)
        shape = image_shape(problem.task, self)
        params, codes = (self._of_yours if self._path else self._of_ours)(problem, images, key)
        params = tree.map(lambda leaf: _beside(images, leaf), params)
        # Of no numbers, its shape is that of an image, and costs nothing to store.
        fixed = {**labels_of(start), "canvas": images.new_empty(*shape, 0), "decoder": params}
        picture = self._picture(shape, params)
        with torch.no_grad():
            made = picture(codes[:1])
        if not isinstance(made, Tensor) or made.shape[1:] != images.shape[1:]:
            found = tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__
            raise InputError(f"decoder {self.decoder}: found {found} of one code, expected (1, *{shape})")
        return Parameters({"inputs": fitted(picture, codes, images, self.fit_steps, self.fit_rate)}, fixed)

    def render(self, params: Parameters, key: Key) -> Batch:
        """What the decoder makes of the codes."""
        fixed = tree.widen(params.fixed)
        channels, height, width, _ = fixed["canvas"].shape
        return labelled(self._picture((channels, height, width), fixed["decoder"])(params.learned["inputs"]), fixed)

    def pictured(self, params: Parameters, classes: Sequence[str]) -> tuple[Pictured, ...]:
        """What the decoder makes of a code of 0, and the codes of some items."""
        fixed, codes = tree.widen(params.fixed), params.learned["inputs"]
        channels, height, width, _ = fixed["canvas"].shape
        items = first_items(fixed["classes"], 5)
        with torch.no_grad():
            zero = self._picture((channels, height, width), fixed["decoder"])(torch.zeros_like(codes[:1]))
        numbers = tree.count(fixed["decoder"])
        return (
            Pictured(
                "decoder",
                f"a frozen decoder of {numbers:,} numbers makes items of codes; of a code of 0 this",
                zero,
                ("a code of 0",),
                as_items=True,
            ),
            Pictured(
                "codes",
                f"the {codes.shape[1]} numbers of a code{', the first' * (codes.shape[1] > BARS)}; down is negative",
                bars(codes[items]),
                named(items, fixed["classes"], classes),
            ),
        )

    @property
    def _path(self) -> str:
        """Where your generator is; empty where there is none."""
        return self.decoder.removeprefix(PREFIX) if self.decoder.startswith(PREFIX) else ""

    @property
    def _autoencoder(self) -> Autoencoder:
        return Autoencoder(self.code, self.width, self.steps)

    def _of_ours(self, problem: Problem, images: Images, key: Key) -> tuple[Tree, Numbers]:
        """The parameters of the trained decoder, and the codes of images."""
        halves = ProbeContext(problem).outcome(self._autoencoder)
        params = tree.map(lambda leaf: _beside(images, leaf), halves["encoder"])
        with torch.no_grad():
            seen = torch.func.functional_call(
                skeleton("encoder", image_shape(problem.task, self), self.code, self.width), params, (images,)
            )
        return halves["decoder"], seen[:, : self.code]

    def _of_yours(self, problem: Problem, images: Images, key: Key) -> tuple[Tree, Numbers]:
        """The parameters and buffers of your generator, and as many random codes."""
        module = _yours(self._path, image_shape(problem.task, self), self.code)
        named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        return tree.map(lambda leaf: leaf.detach().clone(), named), _beside(images, key.normal(len(images), self.code))

    def _picture(self, shape: Shape, params: Tree) -> Callable[[Numbers], Images]:
        if self._path:
            module = _yours(self._path, shape, self.code)
        else:
            module = skeleton("decoder", shape, self.code, self.width)
        return lambda codes: torch.func.functional_call(module, params, (codes,))


@functools.lru_cache(maxsize=4)
def _yours(path: str, shape: Shape, code: int) -> nn.Module:
    """Your generator; where it draws its parameters, always the same."""
    with Key(("generator",)).governing():
        return made_at(path, shape, code, *_WHICH).eval()


def _beside(images: Images, leaf: Tensor) -> Tensor:
    """A leaf where images lie, and in their type where it is of numbers."""
    return onto(leaf.to(images.dtype) if leaf.is_floating_point() else leaf, images.device)
