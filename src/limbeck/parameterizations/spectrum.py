"""Inputs as the coefficients of their Fourier transform."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from limbeck.core.contracts import AbstractParameterization, Batch, Parameters, Problem
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.learn.fourier import packed, unpacked
from limbeck.parameterizations.pixels import Pixels, held


@dataclass(frozen=True)
class Spectrum(AbstractParameterization):
    """The Fourier coefficients of each item along its last axis, as many real numbers, group "inputs" (as HDT, 2026).

    The transform is orthonormal (`learn/fourier.py`), so that it stores as much as the items take, and plain gradient
    descent goes where it would go in time; steps that are scaled number by number, as Adam's are, do not. Otherwise as
    `pixels`.
    """

    def init(self, problem: Problem, start: Batch, key: Key) -> Parameters:
        """The coefficients of the start; InputError where inputs are not one tensor of floating numbers."""
        if not isinstance(start.inputs, Tensor) or not start.inputs.is_floating_point():
            raise InputError(
                "parameterization spectrum: found inputs that are not one tensor of numbers, expected series or "
                "images; choose another, such as pixels"
            )
        return held(start._replace(inputs=packed(start.inputs.detach())))

    def render(self, params: Parameters, key: Key) -> Batch:
        """The items under the labels of the start."""
        batch = Pixels().render(params, key)
        return batch._replace(inputs=unpacked(batch.inputs))
