"""Images stored as weights on images that all of them share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from limbeck.core import tree
from limbeck.core.budget import FLOAT
from limbeck.core.contracts import AbstractParameterization, AbstractTask, Batch, Parameters, Pictured, Problem
from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.core.pictured import BARS, bars, first_items, named
from limbeck.parameterizations.images import image_shape, images_of
from limbeck.parameterizations.low_rank import factored
from limbeck.parameterizations.pixels import labelled, labels_of

SHOWN = 16
"""Bases that are shown, at most."""


@dataclass(frozen=True)
class Bases(AbstractParameterization):
    """Bases (basis, channel, height / factor, width / factor) of all classes, and addresses (item, basis) in them.

    They are the groups "bases" and "addresses". An item is the sum of the bases, enlarged bilinearly, by its address
    (Deng & Russakovsky, Remember the Past, NeurIPS 2022). Sides that are no multiples of the factor are rounded up.
    They begin as the truncated singular value decomposition of the start, shrunk by means over areas: of more bases
    than it can fill, the others are noise that no address uses yet. The source begins with Xavier-uniform numbers in
    both: the start `xavier` is near that.
    """

    count: int = 16
    """How many bases there are."""
    factor: int = 2
    """How many times smaller a basis is than an image, along each side."""
    shared = ("bases",)

    def __post_init__(self) -> None:
        at_least(self, 1, "count", "factor")

    def cost(self, task: AbstractTask, per_class: int) -> int:
        """That of the bases and all addresses; InputError for a task of no images."""
        channels, *sides = image_shape(task, self)
        height, width = self._small(*sides)
        return FLOAT * self.count * (channels * height * width + per_class * len(task.classes))

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """Bases and addresses of the start, shrunk; InputError for what is no image."""
        images = images_of(start, self).detach()
        height, width = images.shape[2:]
        sides = self._small(height, width)
        small = (
            images if self.factor == 1 else nn.functional.interpolate(images, sides, mode="bilinear", antialias=True)
        )
        addresses, bases = factored(small.flatten(1), self.count)
        if (missing := self.count - len(bases)) > 0:
            size = bases.norm() / bases.numel() ** 0.5
            more = size * key.normal(missing, bases.shape[1]).to(bases)
            addresses, bases = nn.functional.pad(addresses, (0, missing)), torch.cat([bases, more])
        # A tensor without numbers costs nothing, and its sides say how large an image is.
        fixed = {**labels_of(start), "plane": images.new_empty(height, width, 0)}
        return Parameters({"addresses": addresses, "bases": bases.unflatten(1, small.shape[1:])}, fixed)

    def render(self, params: Parameters, key: Key) -> Batch:
        """The sums of the enlarged bases."""
        fixed, bases = tree.widen(params.fixed), params.learned["bases"]
        whole = (
            bases if self.factor == 1 else nn.functional.interpolate(bases, fixed["plane"].shape[:2], mode="bilinear")
        )
        return labelled((params.learned["addresses"] @ whole.flatten(1)).unflatten(1, whole.shape[1:]), fixed)

    def pictured(self, params: Parameters, classes: Sequence[str]) -> tuple[Pictured, ...]:
        """The bases, and the addresses of some items."""
        fixed, bases = tree.widen(params.fixed), params.learned["bases"]
        items = first_items(fixed["classes"])
        count, sides = len(bases), " x ".join(map(str, bases.shape[2:]))
        addresses = bars(params.learned["addresses"][items])
        return (
            Pictured(
                "bases",
                f"{count} images of {sides} pixels that every item is a sum of",
                bases[:SHOWN],
                tuple(f"basis {number}" for number in range(min(count, SHOWN))),
            ),
            Pictured(
                "addresses",
                f"what an item has of each basis, from left to right{', the first' * (count > BARS)}; down is negative",
                addresses,
                named(items, fixed["classes"], classes),
            ),
        )

    def _small(self, height: int, width: int) -> tuple[int, int]:
        """The sides of a basis."""
        return -(-height // self.factor), -(-width // self.factor)
