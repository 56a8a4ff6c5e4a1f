"""The Fourier transform of real series as real numbers of the same shape, and what is read from it."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

Numbers = Float[Tensor, "... time"]


def packed(series: Numbers) -> Numbers:
    """The orthonormal discrete Fourier transform along the last axis, as many real numbers as there are times.

    First the real parts of the frequencies 0, 1, ..., then the imaginary parts of those that have one. Frequencies
    other than 0 and half of an even length stand for two, and are sqrt(2) as long, so that lengths and angles between
    series are kept (Parseval): its inverse is its transpose.
    """
    times = series.shape[-1]
    found = torch.fft.rfft(series, norm="ortho")
    real, imaginary = found.real * _lengths(times, series), found.imag[..., 1 : (times + 1) // 2] * math.sqrt(2)
    return torch.cat([real, imaginary], -1)


def unpacked(coefficients: Numbers) -> Numbers:
    """The series that `packed` takes to these coefficients."""
    times = coefficients.shape[-1]
    half = times // 2 + 1
    real = coefficients[..., :half] / _lengths(times, coefficients)
    imaginary = torch.nn.functional.pad(coefficients[..., half:] / math.sqrt(2), (1, half - (times - half) - 1))
    return torch.fft.irfft(torch.complex(real, imaginary), n=times, norm="ortho")


def amplitudes(series: Numbers) -> Float[Tensor, "... frequency"]:
    """How strong each frequency is, |F|, of the orthonormal transform along the last axis; at 0 its slope is 0."""
    return torch.fft.rfft(series, norm="ortho").abs()


def circular_autocorrelation(series: Numbers) -> Numbers:
    """The mean of x(t) x(t + lag) over the times, which go round, for each lag from 0.

    By Wiener and Khinchin it is the inverse transform of the squared amplitudes, so it tells nothing of phases.
    """
    power = torch.fft.rfft(series).abs().square()
    return torch.fft.irfft(power, n=series.shape[-1]) / series.shape[-1]


def _lengths(times: int, like: Tensor) -> Float[Tensor, " frequency"]:
    """How long the real part of each frequency is made: sqrt(2), but for 0 and half of an even length."""
    at = torch.arange(times // 2 + 1, device=like.device)
    alone = (at == 0) | (2 * at == times)
    return torch.where(alone, 1.0, math.sqrt(2)).to(like.dtype)
