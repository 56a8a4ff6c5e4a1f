"""In which units the numbers of a published set are, judged by what pixels they would be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.codecs.images import ImageCodec, fit_zca
from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.units import percent
from limbeck.tasks.catalog import NAMED

OWN, RAW, WHITENED = "normalised", "raw", "whitened"
"""In the units of the data; pixels in [0, 1]; pixels in [0, 1] whitened (Cazenavette et al. 2022)."""
_SAMPLE = 1000
_ROUNDING = 1e-4
_CHUNK = 1000


@dataclass(frozen=True)
class Reading:
    """What the pixels of a set would be if its numbers were in some units."""

    units: str
    low: tuple[float, ...]
    """The least pixel value of each channel; those of images are in [0, 1]."""
    high: tuple[float, ...]
    mean: float
    outside: float
    """The share of values outside [0, 1]."""
    distance: float
    """|difference of means| / s + |log ratio of standard deviations| to real images in these units, of deviation s."""

    def __str__(self) -> str:
        ranges = ", ".join(f"{low:.2f} to {high:.2f}" for low, high in zip(self.low, self.high, strict=True))
        return (
            f"{self.units}: pixels from {ranges} by channel, mean {self.mean:.2f}, "
            f"{percent(self.outside)} outside [0, 1]"
        )


def own_codec(task: AbstractTask) -> ImageCodec:
    """The codec of a task of images; InputError for any other task."""
    if not isinstance(task.codec, ImageCodec):
        raise InputError(f"{task.name}: not a task of images, expected one; published sets are of images")
    return task.codec


def codec_of(units: str, task: AbstractTask) -> ImageCodec:
    """What takes pixels in [0, 1] to numbers in `units`.

    Units are "normalised" (those of the data), "raw", "whitened", the name of a data set whose constants are meant, or
    constants as MEAN,.../STD,... by channel. Raises InputError for any other.
    """
    codec, channels = own_codec(task), task.shape[0]
    if units == OWN:
        return codec
    if units == RAW:
        return ImageCodec((0.0,) * channels, (1.0,) * channels)
    if units == WHITENED:
        return ImageCodec((0.0,) * channels, (1.0,) * channels, fit_zca(lambda: _pixels(task)))
    named = NAMED[units].codec if units in NAMED else _constants(units)
    if named is None or len(named.mean) != channels:
        raise InputError(
            f"--normalisation {units}: expected {OWN}, {RAW}, {WHITENED}, the name of a data set with constants of its "
            f"own, or {channels} means and deviations as MEAN,.../STD,...; name one of these"
        )
    return named


def readings(
    images: Float[Tensor, "item channel height width"], task: AbstractTask, candidates: Sequence[str]
) -> list[Reading]:
    """What the pixels would be in each of the units, the likeliest first: nearest to real ones in mean and spread."""
    rows = Key(("units",)).permutation(_count(task))[:_SAMPLE]
    real = task.native("train", rows)
    each = [_reading(units, images, codec_of(units, task), real) for units in candidates]
    return sorted(each, key=lambda reading: reading.distance)


def candidates_of(layout: str, task: AbstractTask) -> tuple[str, ...]:
    """The units that a set of that layout may be in.

    The code of the authors of trajectory matching whitens pixels in [0, 1], where this house whitens normalised ones,
    and normalises CIFAR-100 by the constants of CIFAR-10.
    """
    if own_codec(task).zca is not None:
        return (WHITENED, RAW) if layout == "mtt" else (OWN, WHITENED, RAW)
    return ("cifar10", RAW) if layout == "mtt" and task.name == "cifar100" else (OWN, RAW)


def converted(
    images: Float[Tensor, "item channel height width"], units: str, task: AbstractTask
) -> Float[Tensor, "item channel height width"]:
    """Images in `units`, in those of the data; the very numbers where these are the same."""
    if units == OWN:
        return images
    return own_codec(task).encode(codec_of(units, task).decode(images))


def _reading(units: str, images: Tensor, codec: ImageCodec, real: Tensor) -> Reading:
    theirs, pixels = codec.encode(real), codec.decode(images)
    by_channel = pixels.movedim(1, 0).flatten(1)
    spread = max(float(theirs.std()), 1e-6)
    shift = abs(float(images.mean()) - float(theirs.mean())) / spread
    ratio = abs(math.log(max(float(images.std(correction=0)), 1e-6) / spread))
    return Reading(
        units,
        tuple(by_channel.amin(1).tolist()),
        tuple(by_channel.amax(1).tolist()),
        float(pixels.mean()),
        float(((pixels < -_ROUNDING) | (pixels > 1 + _ROUNDING)).double().mean()),
        shift + ratio,
    )


def _pixels(task: AbstractTask) -> list[Tensor]:
    return [task.native("train", rows) for rows in torch.arange(_count(task)).split(_CHUNK)]


def _count(task: AbstractTask) -> int:
    return sum(len(rows) for rows in task.groups("train"))


def _constants(text: str) -> ImageCodec | None:
    try:
        mean, std = (tuple(float(each) for each in part.split(",")) for part in text.split("/"))
    except ValueError:
        return None
    usable = len(mean) == len(std) and min(std) > 0 and all(map(math.isfinite, (*mean, *std)))
    return ImageCodec(mean, std) if usable else None
