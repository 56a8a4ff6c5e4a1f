"""Numbers in their own units, and each standardised by itself, as a network sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.contracts import AbstractCodec
from limbeck.core.errors import InputError
from limbeck.core.placing import onto

Vectors = Float[Tensor, "example number"]


@dataclass(frozen=True)
class Standardised(AbstractCodec):
    """Vectors of numbers <-> y = (x - mean) / std of each number."""

    mean: tuple[float, ...]
    """The mean of each number."""
    std: tuple[float, ...]
    """The standard deviation of each number."""

    def encode(self, native: Vectors) -> Vectors:
        """Native units -> standard deviations from the mean."""
        mean, std = self._columns(native)
        return (native - mean) / std

    def decode(self, inputs: Vectors) -> Vectors:
        """Standard deviations from the mean -> native units."""
        mean, std = self._columns(inputs)
        return inputs * std + mean

    def _columns(self, like: Tensor) -> tuple[Tensor, Tensor]:
        mean, std = (onto(torch.tensor(values, dtype=like.dtype), like.device) for values in (self.mean, self.std))
        return mean, std

    def header(self) -> dict[str, Any]:
        """How many numbers there are."""
        return {"numbers": len(self.mean)}

    def to_tensors(self) -> dict[str, Tensor]:
        """The mean and the standard deviation of each number."""
        return {name: torch.tensor(getattr(self, name), dtype=torch.float64) for name in ("mean", "std")}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> Standardised:
        """The codec that `to_tensors` wrote; InputError where a tensor is missing or of another shape."""
        found = [tensors[name] for name in ("mean", "std") if name in tensors]
        fits = len(found) == 2 and found[0].dim() == 1 and found[0].shape == found[1].shape
        if not (fits and all(bool(each.isfinite().all()) for each in found) and bool((found[1] > 0).all())):
            shapes = ", ".join(f"{name} {tuple(each.shape)}" for name, each in tensors.items()) or "nothing"
            raise InputError(
                f"a codec of vectors with {shapes}, expected one finite mean and one positive std per number; "
                "make the file again"
            )
        return cls(*(tuple(each.tolist()) for each in found))

    @classmethod
    def fit(cls, vectors: Vectors) -> Standardised:
        """The mean and the standard deviation of each number; 1 for a number that is always the same."""
        wide = vectors.double()
        std = wide.std(0, correction=0)
        # What rounding leaves of a constant is no spread.
        still = std <= torch.finfo(torch.float64).eps * len(wide) * wide.abs().amax(0)
        return cls(tuple(wide.mean(0).tolist()), tuple(torch.where(still, 1.0, std).tolist()))
