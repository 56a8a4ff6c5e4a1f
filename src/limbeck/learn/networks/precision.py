"""Convolutions in bfloat16 within a network that is otherwise as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from limbeck.learn.networks.options import Choice

SHORT = "bf16"
PRECISION = Choice("precision", "float32", ("float32", SHORT))
"""The option of a network's name: `bf16` has every convolution multiply numbers of 8 bits precision, as
processors with AVX512-BF16 or AMX do at twice the rate, and add them up in 24. Parameters, normalisation and all else
stay as they are (Kalamkar et al. 2019)."""


class ShortConvolution(nn.Conv2d):
    """A convolution whose factors, and result, are rounded to bfloat16; its bias is added unrounded."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        # The name and arguments are torch's; of its ways to pad, zeros are the one that networks by name use.
        short = functional.conv2d(
            input.to(torch.bfloat16), weight.to(torch.bfloat16), None, self.stride, self.padding, self.dilation,
            self.groups,
        )  # fmt: skip
        made = short.to(input.dtype)
        return made if bias is None else made + bias[:, None, None]


@final
@dataclass(frozen=True)
class Shortened:
    """A factory of the modules of another one, each convolution of which is in bfloat16."""

    factory: Callable[[], nn.Module]

    def __call__(self) -> nn.Module:
        """A module with the parameters that it would have had."""
        module = self.factory()
        for part in module.modules():
            if type(part) is nn.Conv2d:
                # Another way to compute the same layer: its parameters and their names stay.
                part.__class__ = ShortConvolution
        return module
