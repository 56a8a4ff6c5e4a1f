"""Images as networks are trained on them at scale: cropped at random, mirrored, moved around their borders."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.core.contracts import AbstractAugmentation
from limbeck.core.expect import at_least, expect, positive
from limbeck.core.key import Key
from limbeck.core.placing import onto
from limbeck.learn.crops import draw_boxes, resized
from limbeck.learn.stepping import half_cosine
from limbeck.learn.views import by_group

Images = Float[Tensor, "example channel height width"]

BLOCK = 256
"""Groups drawn at once; a group's draw depends on its number, never on which other groups are there."""
DOWN, RIGHT, FLIP = range(3)
RATIOS = (3 / 4, 4 / 3)
"""Width over height of a crop, at the least and at the most."""


@dataclass(frozen=True)
class RolledCrops(AbstractAugmentation):
    """Random resized crops, mirrored or not, and moved around the borders of the image (Yin et al., NeurIPS 2023).

    Each image is cropped to an area from U(least, 1) of its own, at a ratio from 3/4 to 4/3, and brought back to its
    size (Szegedy et al., CVPR 2015); mirrored with probability one half; and moved down and to the right by whole
    pixels from -`roll` to `roll` of the side each, what leaves on one side entering on the other.
    """

    least: float = 0.08
    """The least area of a crop, as a share of the image; the largest is all of it."""
    least_at_first: float = 0.0
    """The same at the first step of a distillation, from where it goes to `least` along half a cosine over all of its
    steps (Yin & Shen, 2023); 0: it is `least` throughout."""
    roll: float = 0.125
    """The largest shift, as a share of the side."""
    flip: bool = True
    """Whether images are mirrored, with probability one half."""

    def __post_init__(self) -> None:
        positive(self, "least")
        at_least(self, 0, "least_at_first", "roll")
        for name in ("least", "least_at_first"):
            expect(self, name, getattr(self, name) <= 1, "a share of the image, at most 1")
        expect(self, "roll", self.roll <= 0.5, "a share of the side, at most 0.5")

    def at(self, done: float) -> RolledCrops:
        """With the least area that it has where a share of the steps is done.

        >>> [round(RolledCrops(0.2, 1.0).at(done).least, 3) for done in (0.0, 0.5)]
        [1.0, 0.6]
        """
        if not self.least_at_first:
            return self
        return replace(self, least=self.least + (self.least_at_first - self.least) * half_cosine(done))

    def apply(self, inputs: Images, key: Key, groups: Int[Tensor, " example"]) -> Images:
        """The images after what each one's group draws, as `AbstractAugmentation.apply` says."""
        sides = inputs.shape[2], inputs.shape[3]
        areas = (self.least, 1.0)

        def boxes_of(block: int) -> Tensor:
            return draw_boxes(key.fold("augment", block).fold("box"), BLOCK, sides, areas, RATIOS)

        boxes = by_group(groups, boxes_of, BLOCK)
        draws = by_group(groups, lambda block: key.fold("augment", block).fold("place").uniform(BLOCK, 3), BLOCK)
        images = resized(inputs, boxes, sides)
        if self.flip:
            mirrored = onto((draws[:, FLIP] < 0.5)[:, None, None, None], images.device)
            images = torch.where(mirrored, images.flip(3), images)
        return _rolled(_rolled(images, 2, self.roll, draws[:, DOWN]), 3, self.roll, draws[:, RIGHT])

    def without(self, operation: str) -> RolledCrops:
        """Without "flip" images are not mirrored; it has nothing else of a name."""
        return replace(self, flip=False) if operation == "flip" else self

    def __str__(self) -> str:
        return "random resized crops" + ", flips" * self.flip + ", rolls" * bool(self.roll)


def _rolled(images: Images, dimension: int, share: float, draws: Float[Tensor, " example"]) -> Images:
    """Each image moved along a dimension by a whole number of pixels of its own, around the border."""
    side = images.shape[dimension]
    reach = int(share * side + 0.5)
    shifts = (draws * (2 * reach + 1)).long().clamp(max=2 * reach) - reach
    source = onto((torch.arange(side) - shifts[:, None]).remainder(side), images.device)
    view = (len(source), 1, -1, 1) if dimension == 2 else (len(source), 1, 1, -1)
    return images.gather(dimension, source.view(view).expand_as(images))
