"""Series of numbers over time in their own units, and each channel standardised, as a network sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from limbeck.codecs.lines import chart
from limbeck.core.contracts import AbstractCodec
from limbeck.core.errors import InputError
from limbeck.core.placing import onto

Series = Float[Tensor, "example channel time"]


@dataclass(frozen=True)
class SeriesCodec(AbstractCodec):
    """Series (channel, time) <-> y = (x - mean) / std of each channel."""

    mean: tuple[float, ...]
    """The mean of each channel."""
    std: tuple[float, ...]
    """The standard deviation of each channel."""

    def encode(self, native: Series) -> Series:
        """Native units -> standard deviations from the mean."""
        mean, std = self._columns(native)
        return (native - mean) / std

    def decode(self, inputs: Series) -> Series:
        """Standard deviations from the mean -> native units."""
        mean, std = self._columns(inputs)
        return inputs * std + mean

    def picture(self, item: Float[Tensor, "channel time"]) -> UInt8[Tensor, "height width 3"]:
        """A line for each channel, all in standard deviations from their means, so that they share one height."""
        return chart(self.encode(item[None].double())[0])

    def _columns(self, like: Tensor) -> tuple[Tensor, Tensor]:
        mean, std = (onto(torch.tensor(values, dtype=like.dtype), like.device) for values in (self.mean, self.std))
        return mean[:, None], std[:, None]

    def header(self) -> dict[str, Any]:
        """The mean and the standard deviation of each channel."""
        return {"mean": list(self.mean), "std": list(self.std)}

    def to_tensors(self) -> dict[str, Tensor]:
        """The mean and the standard deviation of each channel."""
        return {name: torch.tensor(getattr(self, name), dtype=torch.float64) for name in ("mean", "std")}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> SeriesCodec:
        """The codec that `to_tensors` wrote; InputError where a tensor is missing or of another shape."""
        found = [tensors[name] for name in ("mean", "std") if name in tensors]
        fits = len(found) == 2 and found[0].dim() == 1 and found[0].shape == found[1].shape
        if not (fits and all(bool(each.isfinite().all()) for each in found) and bool((found[1] > 0).all())):
            shapes = ", ".join(f"{name} {tuple(each.shape)}" for name, each in tensors.items()) or "nothing"
            raise InputError(
                f"a codec of series with {shapes}, expected one finite mean and one positive std per channel; "
                "make the file again"
            )
        return cls(*(tuple(each.tolist()) for each in found))

    @classmethod
    def fit(cls, series: Series) -> SeriesCodec:
        """The mean and the standard deviation of each channel over all times; 1 for one that is always the same."""
        wide = series.double().movedim(1, 0).flatten(1)
        std = wide.std(1, correction=0)
        # What rounding leaves of a constant is no spread.
        still = std <= torch.finfo(torch.float64).eps * wide.shape[1] * wide.abs().amax(1)
        return cls(tuple(wide.mean(1).tolist()), tuple(torch.where(still, 1.0, std).tolist()))
