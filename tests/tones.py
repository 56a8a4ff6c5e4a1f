"""Recordings that are made here: tones that rise, fall or stay, each at a pitch and a loudness of its own."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import wavfile

from limbeck.core.key import Key

KEY, RATE = Key(("tones",)), 4000
CLASSES = {"fall": -500.0, "rise": 500.0, "stay": 0.0}
"""By how many Hz in a second a tone changes."""


def tone(name: str, number: int, seconds: float = 0.5, rate: int = RATE) -> Any:
    """The samples (sample,) of a tone, float32 in [-1, 1]."""
    pitch, loud, noise = KEY.fold(name, number).uniform(3).tolist()
    time = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * ((500 + 600 * pitch) * time + CLASSES[name] * time**2 / 2)
    hiss = KEY.fold("noise", name, number).normal(len(time)).numpy()
    return ((0.2 + 0.6 * loud) * np.sin(phase) + 0.01 * (1 + noise) * hiss).astype(np.float32)


def wav(samples: Any, rate: int = RATE) -> bytes:
    """A WAV file of 16 bits; (sample, channel) where there are several."""
    held = io.BytesIO()
    wavfile.write(held, rate, (np.clip(samples, -1, 1) * 32767).astype(np.int16))
    return held.getvalue()


def write(folder: Path, train: int = 12, test: int = 6, **files: bytes | None) -> str:
    """The name of a folder of train/CLASS/NUMBER.wav and the same of test; `files` by name are added to train/rise."""
    for split, count, first in (("train", train, 0), ("test", test, train)):
        for name in CLASSES:
            place = folder / split / name
            place.mkdir(parents=True, exist_ok=True)
            for number in range(first, first + count):
                (place / f"{number}.wav").write_bytes(wav(tone(name, number)))
    for name, content in files.items():
        if content is not None:
            (folder / "train" / "rise" / f"{name}.wav").write_bytes(content)
    return f"audio:{folder}"
