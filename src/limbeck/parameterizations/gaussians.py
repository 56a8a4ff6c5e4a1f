"""Images as sums of coloured Gaussians."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.expect import at_least
from limbeck.core.key import Key
from limbeck.parameterizations.fitted import Images
from limbeck.parameterizations.painted import AbstractPainted, Places, Shapes


@dataclass(frozen=True)
class Gaussians(AbstractPainted):
    """Colours, means, scales and turns of Gaussians whose sum each image is (GaussianImage, Zhang et al., ECCV 2024).

    What is learned are the colours (gaussian, channel), means (gaussian, 2), logarithms of scales (gaussian, 2) and
    turns in radians (gaussian,) of each image, side by side (item, number), group "inputs". At a place p

        colour = sum over g of colour_g exp(-|diag(1 / scale_g) R(turn_g)^T (p - mean_g)|^2 / 2),

    where R(turn) is a rotation, and 0 is the mean colour of the data. An opacity would be a factor of the colour, so it
    has no number of its own. They begin without colour, at random means and turns, each as wide as its share of the
    image. Then they are fitted to the image of the start.
    """

    count: int = 10
    """Gaussians of an image."""
    fit_rate: float = 0.05
    """The learning rate of that fit."""

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 1, "count")

    def shapes(self, channels: int, axes: int = 2) -> Shapes:
        """Those of the colours, means, logarithms of scales and turns."""
        each = {"colour": (channels,), "mean": (2,), "scale": (2,), "turn": ()}
        return {name: (self.count, *shape) for name, shape in each.items()}

    def begun(self, images: Images, key: Key) -> dict[str, Tensor]:
        """Without colour, evenly drawn, all of one size."""
        size = len(images), self.count
        return {
            "colour": torch.zeros(*size, images.shape[1]),
            "mean": 2 * key.fold("mean").uniform(*size, 2) - 1,
            "scale": torch.full((*size, 2), -0.5 * math.log(self.count)),
            "turn": math.pi * key.fold("turn").uniform(*size),
        }

    def colours(self, numbers: Mapping[str, Tensor], at: Places) -> Float[Tensor, "item channel pixel"]:
        """The sum at each place."""
        # The exponent is a polynomial of the place, so that all of them are one product of matrices.
        tall, wide = torch.exp(-2 * numbers["scale"]).unbind(-1)
        cos, sin = torch.cos(numbers["turn"]), torch.sin(numbers["turn"])
        down, across = numbers["mean"].unbind(-1)
        square, mixed, other = cos**2 * tall + sin**2 * wide, cos * sin * (tall - wide), sin**2 * tall + cos**2 * wide
        to_down, to_across = square * down + mixed * across, mixed * down + other * across
        constant = to_down * down + to_across * across
        factors = torch.stack([constant, -2 * to_down, -2 * to_across, square, 2 * mixed, other], -1)
        y, x = at.unbind(-1)
        powers = torch.stack([torch.ones_like(y), y, x, y * y, y * x, x * x])
        return numbers["colour"].transpose(1, 2) @ torch.exp(-0.5 * (factors @ powers))
