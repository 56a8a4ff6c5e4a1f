"""In which units the numbers of a published set are, judged by how real images look in each."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.codecs.images import LARGEST, ImageCodec, fit_channels, fit_zca
from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.units import percent
from limbeck.imported.whitening import kernel_codec, whitened_like
from limbeck.tasks.catalog import NAMED

Images = Float[Tensor, "item channel height width"]

OWN, RAW, EIGHT_BIT, SYMMETRIC, STANDARDISED, WHITENED, KERNEL_WHITENED = UNITS = (
    "normalised", "raw", "8-bit", "symmetric", "standardised", "whitened", "kernel-whitened",
)  # fmt: skip
"""The units that have names.

As a network sees the data (normalised, and whitened where they are); pixels in [0, 1], in 0..255, in [-1, 1]; by the
means and deviations of the data, not whitened; pixels in [0, 1] whitened (Cazenavette et al. 2022); standardised ones
whitened about zero (Nguyen et al. 2021).
"""
_SAMPLE = 1000
_ROUNDING = 1e-4
_CHUNK = 1000
_LOOKS = 2.0
"""What neighbours count against sizes: whitened images differ from others there above all."""


@dataclass(frozen=True)
class PixelValues:
    """What the numbers of a set would be as pixels."""

    low: tuple[float, ...]
    """The least of each channel; those of images are in [0, 1]."""
    high: tuple[float, ...]
    mean: float
    outside: float
    """The share of values outside [0, 1]."""

    def __str__(self) -> str:
        ranges = ", ".join(f"{low:.2f} to {high:.2f}" for low, high in zip(self.low, self.high, strict=True))
        return f"pixels from {ranges} by channel, mean {self.mean:.2f}, {percent(self.outside)} outside [0, 1]"


@dataclass(frozen=True)
class Reading:
    """How a set looks if its numbers are in some units."""

    units: str
    distance: float
    """|difference of means| / s + |log ratio of standard deviations| + 2 |difference of correlations of neighbouring
    pixels| to real images in these units, of standard deviation s."""
    spread: float
    """The standard deviation, as a multiple of that of real images."""


def own_codec(task: AbstractTask) -> ImageCodec:
    """The codec of a task of images; InputError for any other task."""
    if not isinstance(task.codec, ImageCodec):
        raise InputError(
            f"{task.name}: not a task of images, expected one; published sets are of images, and of other data what "
            "`limbeck export` wrote comes back, as npz or pt"
        )
    return task.codec


def is_whitened(units: str, task: AbstractTask) -> bool:
    """Whether units are those of whitened images."""
    return units in (WHITENED, KERNEL_WHITENED) or (units == OWN and own_codec(task).zca is not None)


def codec_of(units: str, task: AbstractTask) -> ImageCodec:
    """What takes pixels in [0, 1] to numbers in `units`.

    Units are those of `UNITS`, the name of a data set whose constants are meant, or constants as MEAN,.../STD,... by
    channel. Raises InputError for any other.
    """
    codec, channels = own_codec(task), task.shape[0]
    if units == OWN:
        return codec
    if units == STANDARDISED:
        return ImageCodec(codec.mean, codec.std)
    if units in (WHITENED, KERNEL_WHITENED):
        return _whitened(units, task)
    plain = {RAW: (0.0, 1.0), EIGHT_BIT: (0.0, 1 / 255), SYMMETRIC: (0.5, 0.5)}
    if units in plain:
        mean, std = plain[units]
        return ImageCodec((mean,) * channels, (std,) * channels)
    named = NAMED[units].codec if units in NAMED else _constants(units)
    if named is None or len(named.mean) != channels:
        raise InputError(
            f"--normalisation {units}: expected {', '.join(UNITS)}, the name of a data set with constants of its own, "
            f"or {channels} means and deviations as MEAN,.../STD,...; name one of these"
        )
    return named


@functools.lru_cache(maxsize=2)
def _whitened(units: str, task: AbstractTask) -> ImageCodec:
    """The codec of whitened images; it takes a while to fit, and is asked for more than once."""
    if units == KERNEL_WHITENED:
        return kernel_codec(lambda: _pixels(task))
    channels = task.shape[0]
    return ImageCodec((0.0,) * channels, (1.0,) * channels, fit_zca(lambda: _pixels(task)))


def candidates_of(layout: str, task: AbstractTask, centred: bool = False) -> tuple[str, ...]:
    """The units that a set of that layout may be in; labels that are `centred` are of kernel methods.

    The code of the authors of trajectory matching whitens pixels in [0, 1], where this house whitens normalised ones,
    and normalises CIFAR-100 by the constants of CIFAR-10. Those of kernel methods publish archives of NumPy's.
    """
    mtt = layout == "mtt"
    normalised = "cifar10" if mtt and task.name == "cifar100" else STANDARDISED
    whitened = [KERNEL_WHITENED] if centred else [KERNEL_WHITENED, WHITENED] if layout == "npz" else [WHITENED]
    if own_codec(task).zca is None:
        normalised = OWN if normalised == STANDARDISED else normalised
    elif not mtt and not centred:
        whitened = [OWN, *whitened]
    if math.prod(task.shape) > LARGEST:
        whitened = []
    return (normalised, RAW, EIGHT_BIT, SYMMETRIC, *whitened)


def readings(images: Images, task: AbstractTask, candidates: Sequence[str]) -> list[Reading]:
    """How a set looks in each of the units, the likeliest first: where real images look most like it."""
    rows = Key(("units",)).permutation(_count(task))[:_SAMPLE]
    real, theirs = task.native("train", rows), _looks(images)
    looks = {units: _real_looks(units, real, task) for units in candidates}
    each = [Reading(units, theirs.distance(ours), theirs.std / ours.std) for units, ours in looks.items()]
    return sorted(each, key=lambda reading: reading.distance)


def pixels_of(images: Images, units: str, task: AbstractTask) -> PixelValues:
    """What images in `units` are as pixels."""
    pixels = codec_of(units, task).decode(images)
    by_channel = pixels.movedim(1, 0).flatten(1)
    return PixelValues(
        tuple(by_channel.amin(1).tolist()),
        tuple(by_channel.amax(1).tolist()),
        float(pixels.mean()),
        float(((pixels < -_ROUNDING) | (pixels > 1 + _ROUNDING)).double().mean()),
    )


def converted(images: Images, units: str, task: AbstractTask) -> Images:
    """Images in `units`, in those of the data; the very numbers where these are the same."""
    if units == OWN:
        return images
    return own_codec(task).encode(codec_of(units, task).decode(images))


class _Looks(NamedTuple):
    mean: float
    std: float
    neighbours: float
    """The correlation of pixels that are side by side."""

    def distance(self, real: _Looks) -> float:
        """That of `Reading`."""
        shift, ratio = abs(self.mean - real.mean) / real.std, abs(math.log(self.std / real.std))
        return shift + ratio + _LOOKS * abs(self.neighbours - real.neighbours)


def _looks(images: Images) -> _Looks:
    centred = images - images.mean((0, 2, 3), keepdim=True)
    square = max(float(centred.square().mean()), 1e-12)
    pairs = ((centred[..., 1:], centred[..., :-1]), (centred[..., 1:, :], centred[..., :-1, :]))
    products = [float((one * other).mean()) / square for one, other in pairs if one.numel()]
    neighbours = sum(products) / max(len(products), 1)
    return _Looks(float(images.mean()), max(float(images.std(correction=0)), 1e-6), neighbours)


def _real_looks(units: str, real: Images, task: AbstractTask) -> _Looks:
    if units == WHITENED:
        return _looks(whitened_like(real, relative=False))._replace(mean=0.0)
    if units == KERNEL_WHITENED:
        return _looks(whitened_like(fit_channels([real]).encode(real), relative=True))._replace(mean=0.0)
    return _looks(codec_of(units, task).encode(real))


def _pixels(task: AbstractTask) -> Iterable[Tensor]:
    return (task.native("train", rows) for rows in torch.arange(_count(task)).split(_CHUNK))


def _count(task: AbstractTask) -> int:
    return sum(len(rows) for rows in task.groups("train"))


def _constants(text: str) -> ImageCodec | None:
    try:
        mean, std = (tuple(float(each) for each in part.split(",")) for part in text.split("/"))
    except ValueError:
        return None
    usable = len(mean) == len(std) and min(std) > 0 and all(map(math.isfinite, (*mean, *std)))
    return ImageCodec(mean, std) if usable else None
