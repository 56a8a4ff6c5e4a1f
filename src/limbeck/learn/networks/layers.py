"""The layers that the architectures have in common, by the names that a network's name gives them."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from limbeck.core.errors import InputError

Shape = tuple[int, int, int]
Inputs = tuple[int, ...]
"""The shape of one input, of images or of vectors."""

NORMS = ("instance", "group", "batch", "layer", "none")
SHARPNESS = 60.0
"""At which softplus is within 0.012 of a ReLU, and has the second derivative that a ReLU lacks (Loo et al. 2023)."""
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": lambda: nn.ReLU(),
    "softplus": lambda: nn.Softplus(beta=SHARPNESS),
    "leakyrelu": lambda: nn.LeakyReLU(),
    "sigmoid": lambda: nn.Sigmoid(),
    "gelu": lambda: nn.GELU(),
    "tanh": lambda: nn.Tanh(),
}
GROUPS = 4


def norm(kind: str, width: int, side: tuple[int, int]) -> nn.Module:
    """A normalisation with scale and shift of maps (example, `width`, *`side`).

    `instance` is a GroupNorm with one channel to a group, which is the field's instance norm: on a CPU
    it beats the same mathematics written with mean and variance forward and backward, and is no worse
    in a double backward. `group` has 4 groups, `layer` normalises whole examples, `batch` has running statistics.
    Raises InputError where 4 groups do not divide the width.
    """
    if kind == "instance":
        return nn.GroupNorm(width, width)
    if kind == "group":
        if width % GROUPS:
            raise InputError(f"group norm has {GROUPS} groups, found width {width}; choose a multiple of {GROUPS}")
        return nn.GroupNorm(GROUPS, width)
    if kind == "batch":
        return nn.BatchNorm2d(width)
    if kind == "layer":
        return nn.LayerNorm([width, *side])
    return nn.Identity()


def acting_sides(shape: Shape) -> tuple[int, int]:
    """Height and width after the first convolution: 28 x 28 is padded to 32 x 32, other sizes are kept."""
    _, height, width = shape
    return (32, 32) if (height, width) == (28, 28) else (height, width)


def first_padding(shape: Shape, kernel: int) -> int:
    """The padding of the first convolution, of an odd kernel, that gives `acting_sides`."""
    return kernel // 2 + (acting_sides(shape)[0] - shape[1]) // 2


def halved(sides: tuple[int, int]) -> tuple[int, int]:
    """The sides after a pooling of 2 x 2."""
    return sides[0] // 2, sides[1] // 2
