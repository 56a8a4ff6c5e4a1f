"""Convolutions in bfloat16 within a network that is otherwise as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from torch import nn

from limbeck.learn.networks.options import Choice

SHORT = "bf16"
PRECISION = Choice("precision", "float32", ("float32", SHORT))
"""The option of a network's name: `bf16` has every convolution multiply numbers of 8 bits precision, as
processors with AVX512-BF16 or AMX do at twice the rate, and add them up in 24. Parameters, normalisation and all else
stay as they are (Kalamkar et al. 2019)."""


@final
@dataclass(frozen=True)
class Shortened:
    """A factory of the modules of another one, each convolution of which is in bfloat16."""

    factory: Callable[[], nn.Module]

    def __call__(self) -> nn.Module:
        """A module with the parameters that it would have had."""
        from limbeck.learn.networks.modules import ShortConvolution

        module = self.factory()
        for part in module.modules():
            if type(part) is nn.Conv2d:
                # Another way to compute the same layer: its parameters and their names stay.
                part.__class__ = ShortConvolution
        return module
