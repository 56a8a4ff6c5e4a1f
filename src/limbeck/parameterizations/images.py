"""What parameterizations of images alone share."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from limbeck.core.contracts import AbstractParameterization, AbstractTask, Batch
from limbeck.core.errors import InputError
from limbeck.core.family import part_name


def images_of(start: Batch, part: AbstractParameterization) -> Float[Tensor, "item channel height width"]:
    """The inputs of a start where they are images; InputError, in the name of a part, where they are not."""
    inputs = start.inputs
    if not isinstance(inputs, Tensor) or inputs.dim() != 4 or not inputs.is_floating_point():
        raise _no_images(tuple(inputs.shape[1:]) if isinstance(inputs, Tensor) else None, part)
    return inputs


def image_shape(task: AbstractTask, part: AbstractParameterization) -> tuple[int, int, int]:
    """The channels, height and width of a task of images; InputError, in the name of a part, for another task."""
    if not isinstance(task.shape, tuple) or len(task.shape) != 3:
        raise _no_images(task.shape if isinstance(task.shape, tuple) else None, part)
    channels, height, width = task.shape
    return channels, height, width


def _no_images(shape: tuple[int, ...] | None, part: AbstractParameterization) -> InputError:
    return InputError(
        f"{part_name(type(part))}: found inputs of the shape {shape or 'several tensors'}, expected images "
        "(channel, height, width); choose --parameterization pixels"
    )
