"""Recordings as a network sees them: the power of pitches over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from limbeck.codecs.colours import coloured
from limbeck.codecs.mel import CEILING, FLOOR, samples_of
from limbeck.core.contracts import AbstractCodec, Sound
from limbeck.core.errors import InputError

Spectrograms = Float[Tensor, "example 1 mel time"]
RANGE = 80.0
"""Decibels below the loudest of an item that its picture shows."""
_WHOLE, _REAL = ("rate", "window", "hop"), ("mean", "std")


@dataclass(frozen=True)
class SpectrogramCodec(AbstractCodec):
    """Decibels of pitches over time <-> y = (x - mean) / std; `limbeck.codecs.mel` says what they are of sound."""

    mean: float
    """Of all numbers, in decibels."""
    std: float
    """Their standard deviation, in decibels."""
    rate: int
    """Samples in a second."""
    window: int
    """Samples that a frame is seen through."""
    hop: int
    """Samples from one frame to the next."""

    def encode(self, native: Spectrograms) -> Spectrograms:
        """Decibels -> normalised units; differentiable."""
        return (native - self.mean) / self.std

    def decode(self, inputs: Spectrograms) -> Spectrograms:
        """Normalised units -> decibels."""
        return inputs * self.std + self.mean

    def clip(self, native: Spectrograms) -> Spectrograms:
        """No quieter than silence, and no louder than any sound."""
        return native.clamp(FLOOR, CEILING)

    def picture(self, item: Float[Tensor, "1 mel time"]) -> UInt8[Tensor, "height width 3"]:
        """Time from left to right, pitch upwards, power by colour: the 80 dB below the loudest, from dark to light."""
        powers = item.detach().double().nan_to_num()[0].clamp(FLOOR, CEILING).flip(0)
        return coloured(1 + (powers - powers.max()) / RANGE)

    def sound(self, item: Float[Tensor, "1 mel time"]) -> Sound:
        """About how it sounds: what pitches leave open of frequencies and phases is made up, always alike.

        Louder than full scale it is brought down to that.
        """
        samples = samples_of(item[0], self.rate, self.window, self.hop)
        return Sound(samples / samples.abs().max().clamp_min(1.0), self.rate)

    def header(self) -> dict[str, Any]:
        """The mean and the standard deviation in decibels, and how spectrograms are made."""
        return {name: getattr(self, name) for name in (*_REAL, *_WHOLE)}

    def to_tensors(self) -> dict[str, Tensor]:
        """Each number by name."""
        return {name: torch.tensor(getattr(self, name), dtype=torch.float64) for name in (*_REAL, *_WHOLE)}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> SpectrogramCodec:
        """The codec that `to_tensors` wrote; InputError where a number is missing or of no use."""
        found = {name: tensors.get(name, torch.tensor(torch.nan)) for name in (*_REAL, *_WHOLE)}
        usable = all(each.numel() == 1 and bool(each.isfinite().all()) for each in found.values())
        numbers = {name: float(each) for name, each in found.items()} if usable else {}
        if not usable or numbers["std"] <= 0 or not all(1 <= numbers[name] < 2**31 for name in _WHOLE):
            said = ", ".join(f"{name} {tuple(each.shape)}" for name, each in tensors.items()) or "nothing"
            raise InputError(
                f"a codec of spectrograms with {said}, expected a mean, a positive std, and a rate, a window and a hop "
                "of at least 1; make the file again"
            )
        return cls(numbers["mean"], numbers["std"], *(int(numbers[name]) for name in _WHOLE))
