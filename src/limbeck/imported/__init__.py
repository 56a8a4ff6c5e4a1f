"""L3: sets that others distilled and published, as sets of limbeck's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from limbeck.codecs import WordVectors
from limbeck.core import tree
from limbeck.core.contracts import AbstractTask, Batch, Schedule
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.values import typed
from limbeck.core.version import VERSION
from limbeck.distilled_set import DistilledSet
from limbeck.imported import graphs
from limbeck.imported.completeness import missing_classes
from limbeck.imported.confirming import told_units
from limbeck.imported.formations import factor_of, formed
from limbeck.imported.found import Found, Wanted, digest_of
from limbeck.imported.graphs import LAYOUT as GRAPH
from limbeck.imported.images import images_of, units_of_whole
from limbeck.imported.kept import kept_of
from limbeck.imported.labels import WRITTEN as WRITTEN
from limbeck.imported.labels import targets_of
from limbeck.imported.layouts import AUTO as AUTO
from limbeck.imported.layouts import LAYOUTS as LAYOUTS
from limbeck.imported.layouts import read_layout
from limbeck.imported.own import read_export, restored
from limbeck.imported.texts import FORMAT, sentences_of
from limbeck.imported.units import EIGHT_BIT, PixelValues, candidates_of, codec_of, converted, own_codec
from limbeck.imported.units import UNITS as UNITS
from limbeck.learn.rules import Momentum
from limbeck.parameterizations import Pixels
from limbeck.parameterizations.pixels import held
from limbeck.schedules import Fixed

SAID = {**{name: layout.summary for name, layout in LAYOUTS.items()}, GRAPH: graphs.SUMMARY}
"""What each layout is, in words; that of condensed graphs is known by the data."""


@typed
def import_set(
    path: str | Path,
    *,
    task: AbstractTask,
    format: str = AUTO,
    which: int | None = None,
    entries: Sequence[str] = (),
    folders: str = "",
    labels: str = "",
    factor: int | None = None,
    learning_rate: float | None = None,
    network: str = "",
    normalisation: str = "",
    confirm: Callable[[str], bool] | None = None,
) -> DistilledSet:
    """The set that others published at `path`, as one of limbeck's of the data `task`.

    `format` is a layout of `LAYOUTS`, told from the file where it is "auto". `which` names one of several sets in a
    file, `entries` the names of images and labels in it, `folders` whether those of classes go by "names" or "numbers",
    `labels` how rows of labels are written (`WRITTEN`), `factor` that each image holds so many times as many.

    `normalisation` says in which units its numbers are: one of `UNITS`, the name of a data set whose constants are
    meant, or MEAN,.../STD,... by channel. Where it says nothing the units are told from the numbers, and
    `confirm(what was told)` is asked whether that is right; integers are pixels in 0..255 without asking. It is to be
    trained on by the steps published with it, else by 300 of all items, at `learning_rate`, else at the one published,
    else at 0.01. `network` is the one it is scored with unless another is named; else convnet.

    What `limbeck export` wrote says all of this itself: it comes back as the set that it was, and nothing is asked.
    Of a graph it is feat_NAME.pt, perhaps beside adj_NAME.pt and label_NAME.pt, in the units of the data; of sentences
    a file of texts and classes (`FORMAT`), which are kept as words.

    Raises InputError for files that cannot be read without running code from them, for images and labels that are not
    those of the data, where they can be read in two ways and nothing says which, and where the units are not confirmed.
    """
    place = Path(path)
    if (other := _of_others(place, task, format, learning_rate, network, normalisation)) is not None:
        return other
    codec = own_codec(task)
    if (own := read_export(place)) is not None:
        return _units_unsaid(restored(place, own, task, learning_rate, network), place, normalisation)
    _check_entries(entries)
    layout, found = read_layout(format, place, Wanted(task.classes, which, tuple(entries), folders))
    images, times = images_of(place, found.images, task.shape), factor_of(place, factor)
    told = targets_of(place, found, len(images), task.classes, labels)
    units, pixels = _units(place, layout, found, images, told.centred, task, normalisation, confirm)
    targets = told.targets.repeat(times**2, 1)
    batch = Batch(_inputs(place, images, units, task, times), targets, targets.argmax(1))
    rate = "given" if learning_rate is not None else "learned" if found.rates else "usual"
    notes = [*found.notes, *told.notes, *_notes(place, found, batch, task, times)]
    told_of = {"learning rate": rate, "factor": times, "notes": notes}
    origin = {**_origin(place, layout, found, units, pixels), **told_of}
    schedule = _schedule(place, found, learning_rate, batch.classes, times)
    return DistilledSet(
        params=held(batch), parameterization=Pixels(), schedule=schedule, codec=codec, classes=task.classes,
        data=task.reference, spec={"imported": origin, "network": task.network(network or "convnet").name},
        version=VERSION,
    )  # fmt: skip


def _of_others(
    place: Path, task: AbstractTask, format: str, learning_rate: float | None, network: str, normalisation: str
) -> DistilledSet | None:
    """The set of a task of other data than images, in one of the forms that are read of those; None of any other."""
    if (kept := kept_of(place, task, learning_rate, network)) is not None:
        return _units_unsaid(kept, place, normalisation)
    if isinstance(task.codec, WordVectors) and format in (AUTO, FORMAT):
        return sentences_of(place, task, learning_rate, network)
    if tree.joined(task.shape):
        return graphs.graph_of(place, task, learning_rate, network, normalisation)
    return None


def _units_unsaid(made: DistilledSet, place: Path, normalisation: str) -> DistilledSet:
    """The set; InputError where units are said of what says them itself."""
    if normalisation:
        raise InputError(f"{place}: limbeck exported it, and it says its units itself; leave --normalisation out")
    return made


def _check_entries(entries: Sequence[str]) -> None:
    """InputError unless two names are said, or none."""
    if entries and len(entries) != 2:
        named = ", ".join(entries)
        raise InputError(f"entries {named}: expected two names, of images and labels; `which` says which set is meant")


def _notes(place: Path, found: Found, batch: Batch, task: AbstractTask, times: int) -> list[str]:
    """What is missing in a set, and that its images were cut."""
    counts = batch.classes.bincount(minlength=len(task.classes))
    missing = missing_classes(place, found.files, counts, task.classes)
    whole = len(batch.classes) // times**2
    cut = f"each of {whole} images was cut into {times**2}, which are stored in its place" if times > 1 else ""
    return [note for note in (missing, cut) if note]


def _origin(place: Path, layout: str, found: Found, units: str, pixels: PixelValues) -> dict[str, Any]:
    """Where a set came from, by contents: nothing of where the files lay; and what its numbers were."""
    where = {"format": layout, "name": place.resolve().name}
    values = asdict(pixels) | {"low": list(pixels.low), "high": list(pixels.high)}
    return {**where, "digest": digest_of(found.files), "which": found.which, "units": units, "pixels": values}


def _units(
    place: Path,
    layout: str,
    found: Found,
    images: Tensor,
    centred: bool,
    task: AbstractTask,
    given: str,
    confirm: Callable[[str], bool] | None,
) -> tuple[str, PixelValues]:
    """The units of the images, and what they are as pixels; those of pictures and of whole numbers are not asked."""
    if not found.images.is_floating_point():
        given = units_of_whole(place, found.images, given or (EIGHT_BIT if layout == "folder" else ""))
    return told_units(place, candidates_of(layout, task, centred), images, task, given, confirm)


def _inputs(place: Path, images: Tensor, units: str, task: AbstractTask, factor: int) -> Tensor:
    """The images as a network sees them; those that are cut out of them where the factor is more than 1."""
    if factor > 1:
        inputs = own_codec(task).encode(formed(codec_of(units, task).decode(images), factor))
    else:
        inputs = converted(images, units, task)
    if not bool(inputs.isfinite().all()):
        raise InputError(f"{place}: numbers that overflow as {units}; check --normalisation")
    return inputs.contiguous()


def _schedule(place: Path, found: Found, given: float | None, classes: Tensor, times: int) -> Schedule:
    """How the set is to be trained on: by the steps published with it, else by 300 of all items at one rate."""
    rates = found.rates if given is None else (given,) * max(len(found.rates), 1)
    wrong = next((rate for rate in rates if not math.isfinite(rate) or rate <= 0), None)
    if wrong is not None:
        raise InputError(f"{place}: learning rate {wrong:g}, expected a positive number; say one with --learning-rate")
    if found.order is None and len(rates) < 2:
        return Fixed(learning_rate=rates[0] if rates else Fixed().learning_rate).render({}, classes, Key())
    if times > 1:
        raise InputError(f"{place}: steps with a learning rate each, which --factor is not for; leave it out")
    order = torch.arange(len(classes))[None] if found.order is None else found.order
    return Schedule(torch.tensor(rates), order, Momentum(0.0).rule())
