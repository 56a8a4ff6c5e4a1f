"""Images, or series, as small networks from place to colour, one each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.expect import at_least, positive
from limbeck.core.key import Key
from limbeck.parameterizations.fitted import Placed
from limbeck.parameterizations.images import Axes
from limbeck.parameterizations.painted import AbstractPainted, Places, Shapes


@dataclass(frozen=True)
class Field(AbstractPainted):
    """Weights of a small sinusoidal network from place to colour for each item (Shin et al., DDiF, ICLR 2025).

    What is learned are the biases and weights of each network (item, number), group "inputs". At a place p

        h0 = sin(first_frequency (b0 + p w0)),  h1 = sin(frequency (b1 + h0 w1)),  ...,  colour = b + h w.

    Of an image a place has two numbers; of a series (channel, time), such as a wave of sound, it is the time, and a
    colour is one number for each channel. They begin as in a SIREN (Sitzmann et al., NeurIPS 2020): w0 and b0 are
    uniform within 1 / (numbers of a place), all others within sqrt(6 / width) / frequency. Then each network is fitted
    to its item of the start. A series is first seen in waves of at most first_frequency / pi periods: one that has many
    more asks for a higher frequency.
    """

    axes: ClassVar[Axes] = (1, 2)

    width: int = 5
    """Outputs of a hidden layer. The authors have 6 on CIFAR-10 at 1 and 10 images per class, and 20 at 50."""
    layers: int = 2
    """Hidden layers."""
    first_frequency: float = 10.0
    """The authors have 30; with 10, networks as small as these fit images of 8 x 8 and of 32 x 32 pixels better."""
    frequency: float = 10.0
    """The frequency of the layers behind the first."""

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(self, 1, "width", "layers")
        positive(self, "first_frequency", "frequency")

    def shapes(self, channels: int, axes: int = 2) -> Shapes:
        """Of each layer its biases (output,) and its weights (input, output)."""
        shapes: Shapes = {}
        for number, (ins, outs) in enumerate(pairwise([axes, *[self.width] * self.layers, channels])):
            shapes |= {f"b{number}": (outs,), f"w{number}": (ins, outs)}
        return shapes

    def begun(self, images: Placed, key: Key) -> dict[str, Tensor]:
        """As in a SIREN."""
        axes = images.dim() - 2

        def drawn(name: str, shape: tuple[int, ...]) -> Tensor:
            bound = 1 / axes if name in ("b0", "w0") else math.sqrt(6 / self.width) / self.frequency
            return bound * (2 * key.fold(name).uniform(len(images), *shape) - 1)

        return {name: drawn(name, shape) for name, shape in self.shapes(images.shape[1], axes).items()}

    def colours(self, numbers: Mapping[str, Tensor], at: Places) -> Float[Tensor, "item channel pixel"]:
        """What the networks say of each place."""

        def layer(number: int, seen: Tensor) -> Tensor:
            return torch.baddbmm(numbers[f"b{number}"][:, None], seen, numbers[f"w{number}"])

        seen = at.expand(len(numbers["b0"]), -1, -1)
        for number in range(self.layers):
            seen = torch.sin((self.frequency if number else self.first_frequency) * layer(number, seen))
        return layer(self.layers, seen).transpose(1, 2)
