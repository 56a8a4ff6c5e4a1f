"""L3: sets that others distilled and published, as sets of limbeck's."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from limbeck.core.contracts import AbstractParameterization, AbstractTask, Batch
from limbeck.core.errors import InputError, unknown
from limbeck.core.key import Key
from limbeck.core.values import typed
from limbeck.core.version import VERSION
from limbeck.distilled_set import DistilledSet
from limbeck.imported.layouts import LAYOUTS as LAYOUTS
from limbeck.imported.layouts import Found
from limbeck.imported.units import RAW, Reading, candidates_of, converted, own_codec, readings
from limbeck.parameterizations import FixedTargets, Pixels
from limbeck.schedules import Fixed

_SUM = 1e-3
"""By how much a row of weights may miss 1."""


@typed
def import_set(
    path: str | Path,
    *,
    format: str,
    task: AbstractTask,
    which: int | None = None,
    learning_rate: float | None = None,
    network: str = "convnet",
    normalisation: str = "",
    confirm: Callable[[str], bool] | None = None,
) -> DistilledSet:
    """The set that others published at `path` in a layout of `LAYOUTS`, as one of limbeck's of the data `task`.

    `normalisation` says in which units its numbers are: "normalised" (those of the data), "raw" (pixels in [0, 1]),
    "whitened" (such pixels whitened by ZCA, ridge 0.1, as Cazenavette et al. 2022), the name of a data set whose
    constants are meant, or MEAN,.../STD,... by channel. Where it says nothing the units are told from the numbers, and
    `confirm(what was told)` is asked whether that is right; integers are pixels in 0..255 without asking. It is to be
    trained on by 300 steps of all items, at `learning_rate`, else at the one published with it, else at 0.01. `which`
    names one of several sets in a file. `network` is the one it is scored with unless another is named.

    Raises InputError for files that cannot be read without running code from them, for images and labels that are not
    those of the data, and where the units are not confirmed.
    """
    if format not in LAYOUTS:
        raise unknown("format", format, LAYOUTS)
    place, codec = Path(path), own_codec(task)
    found = LAYOUTS[format].read(place, which, task.classes)
    images = _images(place, found.images, task.shape)
    targets = _targets(place, found.labels, len(images), task.classes)
    whole = not found.images.is_floating_point()
    told = readings(images, task, [normalisation] if normalisation else [RAW] if whole else candidates_of(format, task))
    if not normalisation and not whole:
        _confirmed(place, told, confirm)
    inputs = converted(images, told[0].units, task).contiguous()
    if not bool(inputs.isfinite().all()):
        raise InputError(f"{place}: numbers that overflow as {told[0].units}; check --normalisation")
    hard = not found.labels.is_floating_point()
    part: AbstractParameterization = Pixels() if hard else FixedTargets()
    size = _learning_rate(place, learning_rate, found.learning_rate)
    batch = Batch(inputs, targets, targets.argmax(1))
    return DistilledSet(
        params=part.init(batch, Key()),
        parameterization=part,
        schedule=Fixed(learning_rate=size).render({}, batch.classes, Key()),
        codec=codec,
        classes=task.classes,
        data=task.reference,
        spec={
            "imported": _origin(format, place, found, told[0], learning_rate),
            "network": task.network(network).name,
        },
        version=VERSION,
    )


def _origin(layout: str, place: Path, found: Found, told: Reading, given: float | None) -> dict[str, Any]:
    """Where a set came from, by contents: nothing of where the files lay."""
    source = "given" if given is not None else "stated" if found.learning_rate is None else "learned"
    hasher = hashlib.sha256()
    for file in found.files:
        hasher.update(hashlib.sha256(file.read_bytes()).digest())
    return {
        "format": layout,
        "name": place.resolve().name,
        "digest": hasher.hexdigest(),
        "which": found.which,
        "units": told.units,
        "pixels": {"low": list(told.low), "high": list(told.high), "outside": told.outside},
        "learning rate": source,
    }


def _images(place: Path, images: Tensor, shape: Sequence[int]) -> Tensor:
    """Float32 images (item, channel, height, width); integers in 0..255 become pixels in [0, 1]."""
    channels = shape[0]
    if images.dim() == 3 and channels == 1:
        images = images[:, None]
    if images.dim() == 4 and tuple(images.shape[1:]) != tuple(shape) and images.shape[3] == channels:
        images = images.movedim(3, 1)
    if images.dim() != 4 or not len(images) or tuple(images.shape[1:]) != tuple(shape):
        raise InputError(
            f"{place}: images of shape {tuple(images.shape)}, expected (item, {', '.join(map(str, shape))}) as "
            "the data; name the data that it was distilled from, or --size"
        )
    if images.is_floating_point():
        wide = images.to(torch.float32)
        if not bool(wide.isfinite().all()):
            item = int((~wide.isfinite()).flatten(1).any(1).nonzero()[0])
            raise InputError(f"{place}: image {item} holds NaN or infinite values, expected numbers; get the file anew")
        return wide
    if images.dtype == torch.bool or int(images.min()) < 0 or int(images.max()) > 255:
        raise InputError(
            f"{place}: whole numbers outside 0..255, expected pixels in that range or floats; rescale them"
        )
    return images.to(torch.float32) / 255


def _targets(place: Path, labels: Tensor, count: int, classes: Sequence[str]) -> Tensor:
    """Float32 targets (item, output): one-hot for integers, else the weights as they are."""
    hard = not labels.is_floating_point()
    expected = (count,) if hard else (count, len(classes))
    if labels.dtype == torch.bool or tuple(labels.shape) != expected:
        raise InputError(
            f"{place}: {'integer' if hard else 'float'} labels of shape {tuple(labels.shape)} for {count} images, "
            f"expected integers ({count},) or weights ({count}, {len(classes)}); check --data and --format"
        )
    if hard:
        wrong = ((labels < 0) | (labels >= len(classes))).nonzero()[:, 0]
        if len(wrong):
            raise InputError(
                f"{place}: label {int(labels[wrong[0]])} of image {int(wrong[0])}, expected 0 to {len(classes) - 1}, a "
                "class of the data; name the data that it was distilled from"
            )
        return one_hot(labels.long(), len(classes)).to(torch.float32)
    wide = labels.to(torch.float32)
    sums = wide.sum(1)
    if not bool(wide.isfinite().all()) or float(wide.min()) < 0 or float((sums - 1).abs().max()) > _SUM:
        raise InputError(
            f"{place}: soft labels from {float(wide.min()):.3g} whose rows add up to {float(sums.min()):.3g} to "
            f"{float(sums.max()):.3g}, expected weights that add up to 1; apply softmax to logits and save them again"
        )
    return wide


def _confirmed(place: Path, told: Sequence[Reading], confirm: Callable[[str], bool] | None) -> None:
    """Ask whether the likeliest reading is right; InputError where nobody can be asked, or the answer is no."""
    likely, *others = told
    text = f"{place}: its numbers look {likely}; not {'; nor '.join(map(str, others))}"
    if confirm is None:
        raise InputError(f"{text}. Confirm with --normalisation {likely.units} (or another), or --yes")
    if not confirm(text):
        raise InputError(f"{place}: its units were not confirmed; say them with --normalisation")


def _learning_rate(place: Path, given: float | None, learned: float | None) -> float:
    size = given if given is not None else learned
    if size is None:
        return Fixed().learning_rate
    if not math.isfinite(size) or size <= 0:
        raise InputError(f"{place}: learning rate {size:g}, expected a positive number; say one with --learning-rate")
    return size
