"""Files of sound, decoded to samples."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from limbeck.core.errors import InputError
from limbeck.tasks.readers.source import Array

WAV = ".wav"
SUFFIXES = frozenset({WAV, ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".opus"})
LOWEST, HIGHEST = 1000, 384_000
"""Samples in a second of what is taken for sound."""
LONGEST = 60.0
"""Seconds of a file that are decoded at most, where its form lets it be decoded in part."""


class Recording(NamedTuple):
    """What a file holds."""

    samples: Array
    """(sample,) float32 in about [-1, 1], the mean of its channels."""
    rate: int
    """Samples in a second."""
    channels: int


def decode(content: bytes | None, place: str) -> Recording:
    """The sound that a file holds; `place` says where that is.

    WAV is read as it is; FLAC and others by the soundfile package. InputError for what is no sound, holds no sample,
    or cannot be read here.
    """
    if content is None:
        raise InputError(f"{place}: no sound, expected the bytes of a file; fill or remove the row")
    samples, rate = _wav(content, place) if content[:4] in (b"RIFF", b"RIFX", b"RF64") else _other(content, place)
    if not LOWEST <= rate <= HIGHEST:
        raise InputError(
            f"{place}: found {rate:,} samples in a second, expected {LOWEST:,} to {HIGHEST:,}; correct its header"
        )
    wide = samples[:, None] if samples.ndim == 1 else samples
    if not wide.size:
        raise InputError(f"{place}: a sound without a sample, expected some; replace or remove it")
    if not np.isfinite(wide).all():
        raise InputError(f"{place}: samples that are no numbers, expected finite ones; replace or remove it")
    return Recording(wide.mean(1, dtype=np.float64).astype(np.float32), rate, wide.shape[1])


def _wav(content: bytes, place: str) -> tuple[Array, int]:
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rate, samples = wavfile.read(io.BytesIO(content))
    except Exception as error:  # a decoder given hostile bytes may fail in any way
        raise _unreadable(place, error) from error
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128) / 128, int(rate)
    if samples.dtype.kind == "i":
        return samples.astype(np.float32) / -float(np.iinfo(samples.dtype).min), int(rate)
    return samples.astype(np.float32), int(rate)


def _other(content: bytes, place: str) -> tuple[Array, int]:
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise InputError(
            f"{place}: no WAV, and reading other sound takes the soundfile package; pip install 'limbeck[sound]', or "
            "convert it to WAV"
        ) from error
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as opened:
            most = math.ceil(LONGEST * opened.samplerate)
            return opened.read(most, dtype="float32"), int(opened.samplerate)
    except Exception as error:
        raise _unreadable(place, error) from error


def _unreadable(place: str, error: Exception) -> InputError:
    reason = (str(error) or type(error).__name__).splitlines()[0]
    return InputError(f"{place}: unreadable or truncated sound ({reason}), expected a whole file; replace or remove it")


def resampled(samples: Array, rate: int, wanted: int) -> Array:
    """The sound at another number of samples in a second, by a polyphase filter."""
    if rate == wanted:
        return samples
    from scipy.signal import resample_poly

    shared = math.gcd(rate, wanted)
    return np.asarray(resample_poly(samples, wanted // shared, rate // shared), np.float32)


def read_bytes(path: Path) -> bytes:
    """The bytes of a file; InputError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror or 'cannot be read'}, expected a file of sound; replace it"
        ) from error
