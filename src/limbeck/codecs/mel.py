"""Sound as the power of its pitches over time, and back."""

from __future__ import annotations

import functools
import math

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.core.key import Key

FLOOR, CEILING = -80.0, 40.0
"""Decibels of silence, and of more than any sound has; 0 is a sine of full scale."""
ROUNDS = 32
"""Of Griffin and Lim's way to phases."""


def pitches(frequency: float) -> float:
    """A frequency in Hz on the scale of mel (O'Shaughnessy 1987), 2595 log10(1 + f / 700).

    >>> round(pitches(1000.0))
    1000
    """
    return 2595 * math.log10(1 + frequency / 700)


def frequencies(pitch: float) -> float:
    """The frequency in Hz of a pitch in mel.

    >>> round(frequencies(pitches(440.0)), 9)
    440.0
    """
    return 700 * (10 ** (pitch / 2595) - 1)


@functools.lru_cache(maxsize=8)
def filters(rate: int, window: int, mels: int) -> Float[Tensor, "mel bin"]:
    """What each pitch takes of each frequency: triangles of height 1 whose corners are evenly spaced in mel.

    They reach from 0 to half of `rate`; bin k of a window of so many samples is the frequency k rate / window.
    """
    top = pitches(rate / 2)
    corners = torch.tensor([frequencies(top * at / (mels + 1)) for at in range(mels + 2)], dtype=torch.float64)
    bins = torch.arange(window // 2 + 1, dtype=torch.float64) * rate / window
    left, middle, right = (corners[at : at + mels, None] for at in range(3))
    return torch.minimum((bins - left) / (middle - left), (right - bins) / (right - middle)).clamp_min(0)


def decibels(
    samples: Float[Tensor, "clip sample"], rate: int, window: int, hop: int, mels: int
) -> Float[Tensor, "clip 1 mel time"]:
    """The power of each pitch in each frame, 10 log10(power + 1e-8).

    A frame is every `hop` samples, the first around the first one, seen through a Hann window; before and after there
    is silence. Power is such that a sine of full scale has 1 where a filter has its height.
    """
    found = (_spectra(samples.double(), window, hop).abs() * 2 / _hann(window).sum()).square()
    power = filters(rate, window, mels) @ found
    return 10 * (power + 10 ** (FLOOR / 10)).log10()[:, None].float()


def samples_of(sound: Float[Tensor, "mel time"], rate: int, window: int, hop: int) -> Float[Tensor, " sample"]:
    """Sound of about these powers of pitches, in decibels; the same for the same.

    Powers of frequencies are those of the pseudo-inverse of the filters, not below 0; phases come of 32 rounds of
    Griffin and Lim (1984), accelerated (Perraudin et al. 2013), from phases that are drawn once and for all.
    """
    heard = sound.detach().cpu().double().nan_to_num().clamp(FLOOR, CEILING)
    power = (10 ** (heard / 10) - 10 ** (FLOOR / 10)).clamp_min(0)
    back = torch.linalg.pinv(filters(rate, window, len(heard))) @ power
    size = back.clamp_min(0).sqrt() * _hann(window).sum() / 2
    length = hop * (size.shape[1] - 1)
    turn = 2 * math.pi * Key(("phases",)).uniform(*size.shape).double()
    angles, before = torch.polar(torch.ones_like(turn), turn), torch.zeros_like(size, dtype=torch.complex128)
    for _ in range(ROUNDS):
        seen = _spectra(_back(size * angles, window, hop, length)[None], window, hop)[0]
        moved = seen + 0.99 * (seen - before)
        angles, before = moved / moved.abs().clamp_min(1e-16), seen
    return _back(size * angles, window, hop, length).float()


def _hann(window: int) -> Tensor:
    return torch.hann_window(window, dtype=torch.float64)


def _spectra(samples: Tensor, window: int, hop: int) -> Tensor:
    return torch.stft(samples, window, hop, window=_hann(window), pad_mode="constant", return_complex=True)


def _back(spectrum: Tensor, window: int, hop: int, length: int) -> Tensor:
    return torch.istft(spectrum, window, hop, window=_hann(window), length=length)
