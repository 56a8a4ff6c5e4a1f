"""From the files of images to a task: a named set, or images of one's own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from limbeck.codecs.images import RIDGE, ImageCodec, fit_channels, fit_zca
from limbeck.core.errors import InputError
from limbeck.tasks import cache as kept
from limbeck.tasks import places
from limbeck.tasks.catalog import NAMED, Named, locate
from limbeck.tasks.cautions import cautions
from limbeck.tasks.frame import Frame
from limbeck.tasks.images import ImageTask, Split
from limbeck.tasks.places import roots
from limbeck.tasks.prepare import in_memory
from limbeck.tasks.readers import folder, hub, npz, parquet
from limbeck.tasks.readers.labels import readable
from limbeck.tasks.readers.source import Reading, Source
from limbeck.tasks.splits import Validation, arrange, check

_CHUNK = 1000


class Own(NamedTuple):
    """A way to name images of one's own."""

    summary: str
    find: Callable[[str, Reading], Source]
    takes: tuple[str, ...]
    """Which fields of a reading say something of such data."""
    argument: str = "PATH"


def _at(find: Callable[[Path, Reading], Source]) -> Callable[[str, Reading], Source]:
    return lambda path, reading: find(Path(path).expanduser(), reading)


OWN: dict[str, Own] = {
    "folder": Own(
        "images of your own, one folder per class (or train/ and test/ with those in them, or a table of labels)",
        _at(folder.find),
        ("layout", "label_column", "background", "max_pixels"),
    ),
    "parquet": Own(
        "a file, or a folder of train*, validation* and test* files, in the Hugging Face image layout or like it",
        _at(parquet.find),
        ("label_column", "background", "max_pixels"),
    ),
    "npz": Own(
        "a NumPy archive of x and y, optionally x_val, y_val, x_test, y_test; or of transitions: observations, "
        "actions, rewards, terminals",
        _at(npz.find),
        ("background",),
    ),
    "hf": Own(
        "a data set of the Hugging Face hub, through the datasets package",
        hub.find,
        ("label_column", "background", "max_pixels"),
        "NAME",
    ),
}
"""The ways to name images of one's own, KIND:ARGUMENT."""
ASSUMED = (
    "assumed: mirrored images may be of another class, so none is mirrored; --mirror yes (mirror=True in Python) where "
    "they keep their class"
)


def image_task(
    data: str,
    root: Path | None,
    *,
    zca: bool = False,
    size: int | None = None,
    mirror: bool | None = None,
    layout: str = "",
    label_column: str = "",
    background: str = "",
    max_pixels: int | None = None,
    validation: float | str | None = None,
    cache: Path | None = None,
) -> ImageTask:
    """The task of the images called `data`, whose options are as in `limbeck.load`."""
    reading = Reading(layout, label_column, background, max_pixels)
    validates = Validation.of(validation)
    source, named = _source(data, root, reading)
    store = (kept.default_folder() if cache is None else Path(cache)) if source.files else None
    usable = partial(check, validation=validates)
    if store is None:
        prepared = in_memory(source.read(), size, usable, background)
    else:
        prepared = kept.fetch(source, data, size, reading, store, usable)
    facts, form = prepared.facts, prepared.frame
    rows, carved = arrange(facts, prepared.fingerprint, validates)
    splits = {name: Split(prepared.images, each, facts.labels[each]) for name, each in rows.items()}
    channels = _channels(named, form, splits["train"])
    mirrored = mirror if mirror is not None else named.mirror if named else False
    choices = {
        "data": prepared.fingerprint,
        "mean": channels.mean,
        "std": channels.std,
        "zca": RIDGE if zca else None,
        "mirror": mirrored,
        **({} if validates.stated is None else {"validation": validates.stated}),
    }
    fingerprint = hashlib.sha256(json.dumps(choices).encode()).hexdigest()
    places.remember(data, fingerprint)
    codec = _whitened(channels, splits["train"], store, fingerprint) if zca else channels
    own = () if named else (*cautions(facts.classes, splits), *((ASSUMED,) if mirror is None else ()))
    stated = {**_stated(reading), **({} if validates.stated is None else {"validation": validates.stated})}
    return ImageTask(
        name=data,
        classes=facts.classes,
        shape=(form.channel, form.height, form.width),
        fingerprint=fingerprint,
        codec=codec,
        mirror=mirrored,
        notes=(
            *(named.notes if named else ()),
            *source.notes,
            *facts.notes,
            *carved,
            *_lossy(data, named, form.forms),
            *own,
        ),
        splits=splits,
        options={"zca": zca, "size": size, "mirror": mirror, **stated},
    )


def form_of(path: Path) -> str:
    """The way to name the images that lie at a path, a name of `OWN`; empty where there are none."""
    if path.is_dir():
        return "parquet" if any(path.glob("train*.parquet")) else "folder" if any(path.glob("*/")) else ""
    return path.suffix.lstrip(".") if path.is_file() and path.suffix in (".parquet", ".npz") else ""


def _stated(reading: Reading) -> dict[str, Any]:
    """What a reading says beyond its defaults."""
    return {name: value for name, value in asdict(reading).items() if value != getattr(Reading(), name)}


def _channels(named: Named | None, form: Frame, train: Split) -> ImageCodec:
    """The constants that the field uses for a named set, else those of the training examples."""
    constants = named.codec if named else None
    usable = constants is not None and len(constants.mean) == form.channel
    return constants if usable and constants is not None else fit_channels(_pixels(train))


def _check_stated(data: str, reading: Reading, takes: Sequence[str]) -> None:
    """Raise InputError for what is said of data that it says nothing of."""
    if reading.max_pixels is not None and reading.max_pixels < 1:
        raise InputError(f"max_pixels {reading.max_pixels}: expected at least 1")
    for name in _stated(reading):
        if name not in takes:
            spelled = ", ".join(f"--{each.replace('_', '-')}" for each in takes) or "none of its like"
            raise InputError(
                f"{data}: takes no --{name.replace('_', '-')} ({name} in Python), expected {spelled}; leave it out"
            )


def _source(data: str, root: Path | None, reading: Reading) -> tuple[Source, Named | None]:
    """The files of `data`, and what is known of it where it is a named set."""
    kind, colon, rest = data.partition(":")
    if colon:
        own = OWN[kind]
        if not rest:
            raise InputError(f"{data!r} names nothing; expected {kind}:{own.argument}")
        if readable(rest) != rest:
            raise InputError(f"{readable(data)!r}: a path that is no text, expected UTF-8; rename the folder")
        _check_stated(data, reading, own.takes)
        return own.find(rest, reading), None
    _check_stated(data, reading, ())
    where = next(iter(roots(root)), None)
    if where is not None and not where.is_dir() and (root is not None or NAMED[data].layouts):
        origin = "root" if root is not None else "LIMBECK_DATA"
        raise InputError(f"{origin} {where}: no such folder, expected the folder that holds the data sets; correct it")
    return locate(data, where), NAMED[data]


def _pixels(split: Split) -> Iterator[Tensor]:
    return (split.pixels(rows) for rows in torch.arange(len(split)).split(_CHUNK))


def _whitened(channels: ImageCodec, train: Split, store: Path | None, fingerprint: str) -> ImageCodec:
    """`channels` followed by ZCA fitted on the normalised training split; kept in `store` where there is one."""

    def make() -> ImageCodec:
        zca = fit_zca(lambda: (channels.encode(chunk) for chunk in _pixels(train)))
        return ImageCodec(channels.mean, channels.std, zca)

    return make() if store is None else kept.remember_zca(store / f"{fingerprint[:32]}.zca.safetensors", make)


def _lossy(data: str, named: Named | None, forms: tuple[str, ...]) -> tuple[str, ...]:
    if not {"JPEG", "MPO"} & set(forms):
        return ()
    if named is not None and named.lossless:
        return (
            "these images are JPEG copies, not the original pixels: accuracies are not comparable with published "
            f"figures for {data}",
        )
    return ("the images were decoded from JPEG",)
