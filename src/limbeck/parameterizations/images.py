"""What parameterizations of images alone share."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from limbeck.core.contracts import AbstractParameterization, AbstractTask, Batch
from limbeck.core.errors import InputError
from limbeck.core.family import part_name

Axes = tuple[int, ...]
"""How many axes behind the channels there may be."""
IMAGES: Axes = (2,)


def images_of(start: Batch, part: AbstractParameterization) -> Float[Tensor, "item channel height width"]:
    """The inputs of a start where they are images; InputError, in the name of a part, where they are not."""
    return placed_of(start, part, IMAGES)


def placed_of(start: Batch, part: AbstractParameterization, axes: Axes) -> Float[Tensor, "item channel ..."]:
    """The inputs of a start where they are channels over one of so many axes; InputError, as `images_of`."""
    inputs = start.inputs
    if not isinstance(inputs, Tensor) or inputs.dim() - 2 not in axes or not inputs.is_floating_point():
        raise _not_placed(tuple(inputs.shape[1:]) if isinstance(inputs, Tensor) else None, part, axes)
    return inputs


def image_shape(task: AbstractTask, part: AbstractParameterization) -> tuple[int, int, int]:
    """The channels, height and width of a task of images; InputError, in the name of a part, for another task."""
    channels, height, width = placed_shape(task, part, IMAGES)
    return channels, height, width


def placed_shape(task: AbstractTask, part: AbstractParameterization, axes: Axes) -> tuple[int, ...]:
    """The channels and the sides of a task of so many axes; InputError, in the name of a part, for another task."""
    shape = task.shape if isinstance(task.shape, tuple) else None
    if shape is None or len(shape) - 1 not in axes:
        raise _not_placed(shape, part, axes)
    return shape


def _not_placed(shape: tuple[int, ...] | None, part: AbstractParameterization, axes: Axes) -> InputError:
    series = " or series (channel, time)" if 1 in axes else ""
    return InputError(
        f"{part_name(type(part))}: found inputs of the shape {shape or 'several tensors'}, expected images "
        f"(channel, height, width){series}; choose --parameterization pixels"
    )
