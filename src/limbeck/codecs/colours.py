"""Colours for numbers, whose steps look equally large."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

SCALE = (
    (68, 1, 84), (72, 36, 117), (65, 68, 135), (53, 95, 141), (42, 120, 142),
    (33, 145, 140), (34, 168, 132), (68, 191, 112), (122, 209, 81), (189, 223, 38), (253, 231, 37),
)  # fmt: skip
"""The scale viridis at every tenth, from dark to light (van der Walt and Smith 2015)."""


def coloured(shares: Float[Tensor, "height width"]) -> UInt8[Tensor, "height width 3"]:
    """The colour of each share in [0, 1]; what lies outside has that of the nearer end.

    >>> coloured(torch.tensor([[0.0, 1.0]])).tolist()
    [[[68, 1, 84], [253, 231, 37]]]
    """
    scale = torch.tensor(SCALE, dtype=torch.float64)
    place = shares.detach().cpu().double().nan_to_num().clamp(0, 1) * (len(SCALE) - 1)
    low = place.floor().clamp(max=len(SCALE) - 2).long()
    part = (place - low)[..., None]
    return ((1 - part) * scale[low] + part * scale[low + 1]).round().to(torch.uint8)
