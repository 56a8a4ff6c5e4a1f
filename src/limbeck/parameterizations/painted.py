"""Images that are functions of a place."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core import tree
from limbeck.core.budget import FLOAT
from limbeck.core.contracts import AbstractParameterization, AbstractTask, Batch, Parameters, Pictured, Problem
from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.core.pictured import first_items, named
from limbeck.core.placing import onto
from limbeck.parameterizations.fitted import Images, Numbers, fitted
from limbeck.parameterizations.images import image_shape, images_of
from limbeck.parameterizations.pixels import labelled, labels_of

Shapes = dict[str, tuple[int, ...]]
Places = Float[Tensor, "pixel 2"]

ZOOMED, ZOOMS = 4, {1: "the size of the data", 2: "twice the size", 4: "four times the size"}
"""Items that are shown at several sizes, and these."""
WIDEST = 512
"""Pixels of the longest side of an enlarged image that is shown."""


@dataclass(frozen=True)
class AbstractPainted(AbstractParameterization):
    """Images whose numbers say a colour at every place, so that they can be seen at any size.

    A place is (down, across), and the corners of an image are those of the square [-1, 1]^2. What is learned are the
    numbers (item, number), group "inputs", tensor by tensor of `shapes`. They begin at a draw that sees the start, and
    are fitted to it by Adam, down the mean squared error.
    """

    fit_steps: int = 300
    """Steps of Adam by which numbers are fitted to the start."""
    fit_rate: float = 0.01
    """The learning rate of that fit."""

    def __post_init__(self) -> None:
        at_least(self, 0, "fit_steps")
        positive(self, "fit_rate")

    @abstractmethod
    def shapes(self, channels: int) -> Shapes:
        """What the numbers of one image of so many channels are, in order."""

    @abstractmethod
    def begun(self, images: Images, key: Key) -> dict[str, Tensor]:
        """Those of each image before the fit, (item, *shape), on any device."""

    @abstractmethod
    def colours(self, numbers: Mapping[str, Tensor], at: Places) -> Float[Tensor, "item channel pixel"]:
        """The colour of each image at each place."""

    def cost(self, task: AbstractTask, per_class: int) -> int:
        """That of the numbers, in 32 bits; InputError for what is no image."""
        return FLOAT * _count(self.shapes(image_shape(task, self)[0])) * per_class * len(task.classes)

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """Numbers that were fitted to the images of the start; InputError for what is no image."""
        images = images_of(start, self)
        begun, shape = self.begun(images, key), tuple(images.shape[1:])
        drawn = torch.cat([begun[name].to(images.dtype).flatten(1) for name in self.shapes(shape[0])], 1)
        learned = fitted(self._picture(*shape), onto(drawn, images.device), images, self.fit_steps, self.fit_rate)
        # Of no numbers, its shape is that of an image, and costs nothing to store.
        return Parameters({"inputs": learned}, {**labels_of(start), "canvas": images.new_empty(*shape, 0)})

    def render(self, params: Parameters, key: Key) -> Batch:
        """The images at the size of the data."""
        _, height, width, _ = params.fixed["canvas"].shape
        return labelled(self.at(params, height, width), tree.widen(params.fixed))

    def at(self, params: Parameters, height: int, width: int) -> Images:
        """The images at any size; their corners stay where they are."""
        return self._picture(len(params.fixed["canvas"]), height, width)(params.learned["inputs"])

    def pictured(self, params: Parameters, classes: Sequence[str]) -> tuple[Pictured, ...]:
        """Some items at once, twice and four times their size: all of them are of the same numbers."""
        _, height, width, _ = params.fixed["canvas"].shape
        labels = tree.widen(params.fixed)["classes"]
        items = first_items(labels, ZOOMED)
        few, shown = Parameters({"inputs": params.learned["inputs"][items]}, params.fixed), []
        for factor, words in ZOOMS.items():
            if factor > 1 and factor * max(height, width) > WIDEST:
                continue
            line = f"the same numbers at {words}, {factor * height} x {factor * width} pixels"
            made = self.at(few, factor * height, factor * width).detach()
            whose = named(items, labels, classes)
            shown.append(Pictured(f"{factor}x", line, made, whose, as_items=True))
        return tuple(shown)

    def _picture(self, channels: int, height: int, width: int) -> Callable[[Numbers], Images]:
        shapes = self.shapes(channels)

        def picture(numbers: Numbers) -> Images:
            pieces = zip(shapes.items(), numbers.split([math.prod(shape) for shape in shapes.values()], 1), strict=True)
            parts = {name: piece.unflatten(1, shape) for (name, shape), piece in pieces}
            return self.colours(parts, places(height, width, numbers)).unflatten(2, (height, width))

        return picture


def places(height: int, width: int, like: Tensor) -> Places:
    """Where the pixels of an image lie, row by row."""
    down, across = (torch.linspace(-1, 1, side, dtype=like.dtype, device=like.device) for side in (height, width))
    return torch.cartesian_prod(down, across)


def _count(shapes: Shapes) -> int:
    return sum(map(math.prod, shapes.values()))
