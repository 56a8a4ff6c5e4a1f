"""What parameterizations of images alone share."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from limbeck.core.contracts import AbstractParameterization, Batch
from limbeck.core.errors import InputError
from limbeck.core.family import part_name


def images_of(start: Batch, part: AbstractParameterization) -> Float[Tensor, "item channel height width"]:
    """The inputs of a start where they are images; InputError, in the name of a part, where they are not."""
    inputs = start.inputs
    if not isinstance(inputs, Tensor) or inputs.dim() != 4 or not inputs.is_floating_point():
        shape = tuple(inputs.shape[1:]) if isinstance(inputs, Tensor) else "several tensors"
        raise InputError(
            f"{part_name(type(part))}: found inputs of the shape {shape}, expected images (channel, height, width); "
            "choose --parameterization pixels"
        )
    return inputs
