"""The items of a set for whoever reads them or listens to them; `show.py` draws them."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from pathlib import Path

import torch

from limbeck.core import tree
from limbeck.core.codec import Sound
from limbeck.core.errors import InputError
from limbeck.core.family import part_name
from limbeck.core.files import write_atomically, write_text
from limbeck.core.text import shown
from limbeck.distilled_set import DistilledSet

LOUDEST = 2**15 - 1
"""What 1 is in 16 bits."""
PAUSE = 0.25
"""Seconds of silence between the items of a file of sound."""


def words_of(distilled: DistilledSet) -> list[str] | None:
    """Each item in words, on one line and safe to print; None where items have none."""
    native = distilled.native
    found = [distilled.codec.words(tree.row(native, item)) for item in range(len(distilled))]
    return [shown(each) for each in found if each is not None] if None not in found else None


def has_pictures(distilled: DistilledSet) -> bool:
    """Whether items can be drawn one by one."""
    return distilled.codec.picture(tree.row(distilled.native, 0)) is not None


def has_sound(distilled: DistilledSet) -> bool:
    """Whether items can be played."""
    return distilled.codec.sound(tree.row(distilled.native, 0)) is not None


def lines_of(distilled: DistilledSet) -> list[str]:
    """Each item on a line after its class, by class; InputError where items have no words."""
    words = words_of(distilled)
    if words is None:
        raise InputError(
            f"items of the codec {part_name(type(distilled.codec))} have no words, expected text or rows; "
            "draw them with --out PICTURE.png, or read their numbers with DistilledSet.load(PATH).native"
        )
    classes = distilled.batch.classes
    return [f"{shown(distilled.classes[int(classes[item])])}: {words[item]}" for item in _by_class(distilled)]


def _by_class(distilled: DistilledSet) -> list[int]:
    """The items, class by class."""
    order: list[int] = distilled.batch.classes.argsort(stable=True).tolist()
    return order


def write_words(distilled: DistilledSet, path: Path) -> None:
    """Write each item on a line after its class; errors as `lines_of`."""
    write_text(path, "".join(f"{line}\n" for line in lines_of(distilled)))


def write_sound(distilled: DistilledSet, path: Path) -> None:
    """Write all items by class as one WAV file, with pauses between them; InputError where items have no sound."""
    native = distilled.native
    found = [distilled.codec.sound(tree.row(native, item)) for item in _by_class(distilled)]
    sounds = [each for each in found if each is not None]
    if len(sounds) < len(found) or not sounds:
        raise InputError(
            f"items of the codec {part_name(type(distilled.codec))} have no sound, expected recordings; "
            "draw them with --out PICTURE.png"
        )
    data = wav(sounds)
    write_atomically(path, lambda temporary: temporary.write_bytes(data))


def wav(sounds: Sequence[Sound]) -> bytes:
    """Sounds of one rate as a WAV file of 16 bits, with pauses between them.

    >>> len(wav([Sound(torch.zeros(8), 8000)])) - 2 * 8
    44
    """
    rate = sounds[0].rate
    silence, parts = torch.zeros(int(PAUSE * rate)), list[torch.Tensor]()
    for each in sounds:
        parts += [silence, each.samples.detach().cpu().float().nan_to_num()]
    samples = (torch.cat(parts[1:]).clamp(-1, 1) * LOUDEST).round().to(torch.int16)
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.numpy().astype("<i2").tobytes())
    return held.getvalue()
