"""Items that are functions of a place."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.codecs.lines import chart
from limbeck.core import tree
from limbeck.core.budget import FLOAT
from limbeck.core.contracts import AbstractParameterization, AbstractTask, Batch, Parameters, Pictured, Problem
from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.core.pictured import first_items, named
from limbeck.core.placing import onto
from limbeck.parameterizations.fitted import Numbers, Placed, fitted
from limbeck.parameterizations.images import IMAGES, Axes, placed_of, placed_shape
from limbeck.parameterizations.pixels import labelled, labels_of

Shapes = dict[str, tuple[int, ...]]
Places = Float[Tensor, "pixel axis"]

ZOOMED, ZOOMS = 4, {1: "the size of the data", 2: "twice the size", 4: "four times the size"}
"""Items that are shown at several sizes, and these."""
WIDEST = 512
"""Pixels of the longest side of an enlarged image that is shown."""
FINER = 4
"""How many times as many times a series is shown at as it has."""


@dataclass(frozen=True)
class AbstractPainted(AbstractParameterization):
    """Items whose numbers say a colour at every place, so that they can be seen at any size.

    A place is (down, across), and the corners of an image are those of the square [-1, 1]^2; of a series it is the time
    alone, from -1 to 1, and a colour is what its channels are then. What is learned are the numbers (item, number),
    group "inputs", tensor by tensor of `shapes`. They begin at a draw that sees the start, and are fitted to it by
    Adam, down the mean squared error.
    """

    axes: ClassVar[Axes] = IMAGES
    """How many axes a place may have."""
    fit_steps: int = 300
    """Steps of Adam by which numbers are fitted to the start."""
    fit_rate: float = 0.01
    """The learning rate of that fit."""

    def __post_init__(self) -> None:
        at_least(self, 0, "fit_steps")
        positive(self, "fit_rate")

    @abstractmethod
    def shapes(self, channels: int, axes: int = 2) -> Shapes:
        """What the numbers of one item of so many channels over so many axes are, in order."""

    @abstractmethod
    def begun(self, images: Placed, key: Key) -> dict[str, Tensor]:
        """Those of each item before the fit, (item, *shape), on any device."""

    @abstractmethod
    def colours(self, numbers: Mapping[str, Tensor], at: Places) -> Float[Tensor, "item channel pixel"]:
        """The colour of each item at each place."""

    def numbers(self, shape: Sequence[int]) -> int:
        """How many numbers an item (channel, *side) has.

        >>> from limbeck.parameterizations import Field
        >>> Field(width=3).numbers((1, 8, 8)), Field(width=3).numbers((1, 64))
        (25, 22)
        """
        return sum(map(math.prod, self.shapes(shape[0], len(shape) - 1).values()))

    def cost(self, task: AbstractTask, per_class: int) -> int:
        """That of the numbers, in 32 bits; InputError for items without such places."""
        return FLOAT * self.numbers(placed_shape(task, self, self.axes)) * per_class * len(task.classes)

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """Numbers that were fitted to the items of the start; InputError for items without such places."""
        images = placed_of(start, self, self.axes)
        begun, shape = self.begun(images, key), tuple(images.shape[1:])
        names = self.shapes(shape[0], len(shape) - 1)
        drawn = torch.cat([begun[name].to(images.dtype).flatten(1) for name in names], 1)
        learned = fitted(self._picture(*shape), onto(drawn, images.device), images, self.fit_steps, self.fit_rate)
        # Of no numbers, its shape is that of an item, and costs nothing to store.
        return Parameters({"inputs": learned}, {**labels_of(start), "canvas": images.new_empty(*shape, 0)})

    def render(self, params: Parameters, key: Key) -> Batch:
        """The items at the size of the data."""
        return labelled(self.at(params, *params.fixed["canvas"].shape[1:-1]), tree.widen(params.fixed))

    def at(self, params: Parameters, *sides: int) -> Placed:
        """The items at any size, (height, width) or (time,); their corners stay where they are."""
        return self._picture(len(params.fixed["canvas"]), *sides)(params.learned["inputs"])

    def pictured(self, params: Parameters, classes: Sequence[str]) -> tuple[Pictured, ...]:
        """Some items at once, twice and four times their size, or in finer steps: all are of the same numbers."""
        sides = params.fixed["canvas"].shape[1:-1]
        labels = tree.widen(params.fixed)["classes"]
        items = first_items(labels, ZOOMED)
        few, whose = (
            Parameters({"inputs": params.learned["inputs"][items]}, params.fixed),
            named(items, labels, classes),
        )
        if len(sides) == 1:
            times = FINER * (sides[0] - 1) + 1
            lines = torch.stack([chart(item).permute(2, 0, 1) for item in self.at(few, times)]) / 255
            return (Pictured("finer", f"the same numbers at {times} times in place of {sides[0]}", lines, whose),)
        shown = []
        for factor, words in ZOOMS.items():
            if factor > 1 and factor * max(sides) > WIDEST:
                continue
            height, width = (factor * side for side in sides)
            line = f"the same numbers at {words}, {height} x {width} pixels"
            made = self.at(few, height, width).detach()
            shown.append(Pictured(f"{factor}x", line, made, whose, as_items=True))
        return tuple(shown)

    def _picture(self, channels: int, *sides: int) -> Callable[[Numbers], Placed]:
        shapes = self.shapes(channels, len(sides))

        def picture(numbers: Numbers) -> Placed:
            pieces = zip(shapes.items(), numbers.split([math.prod(shape) for shape in shapes.values()], 1), strict=True)
            parts = {name: piece.unflatten(1, shape) for (name, shape), piece in pieces}
            return self.colours(parts, places(sides, numbers)).unflatten(2, sides)

        return picture


def places(sides: Sequence[int], like: Tensor) -> Places:
    """Where the pixels of an image lie, row by row, or the times of a series."""
    lines = [torch.linspace(-1, 1, side, dtype=like.dtype, device=like.device) for side in sides]
    return torch.cartesian_prod(*lines).unflatten(0, (-1, 1)) if len(lines) == 1 else torch.cartesian_prod(*lines)
