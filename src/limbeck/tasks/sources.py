"""From the files of images to a task: a named set, or images of one's own."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from limbeck.codecs.images import RIDGE, ImageCodec, fit_channels, fit_zca
from limbeck.core.errors import InputError
from limbeck.tasks import cache as kept
from limbeck.tasks import places
from limbeck.tasks.catalog import NAMED, Named, locate
from limbeck.tasks.images import ImageTask, Split
from limbeck.tasks.prepare import in_memory
from limbeck.tasks.readers import folder, hub, npz, parquet
from limbeck.tasks.readers.source import Source
from limbeck.tasks.splits import arrange

_CHUNK = 1000

OWN: dict[str, tuple[str, Callable[[str], Source]]] = {
    "folder": (
        "images of your own, one folder per class (or train/ and test/ with those in them)",
        lambda path: folder.find(Path(path).expanduser()),
    ),
    "parquet": (
        "a file, or a folder of train*, validation* and test* files, in the Hugging Face image layout",
        lambda path: parquet.find(Path(path).expanduser()),
    ),
    "npz": (
        "a NumPy archive of x and y, optionally x_test and y_test",
        lambda path: npz.find(Path(path).expanduser()),
    ),
    "hf": ("a data set of the Hugging Face hub, through the datasets package", hub.find),
}
"""The ways to name images of one's own, KIND:REST, each with its summary and what finds the files."""
OWN_ARGUMENT = {"hf": "NAME"}
ASSUMED = "assumed: mirrored images keep their class; --mirror no (mirror=False in Python) if not"


def image_task(
    data: str,
    root: Path | None,
    *,
    zca: bool = False,
    size: int | None = None,
    mirror: bool | None = None,
    cache: Path | None = None,
) -> ImageTask:
    """The task of the images called `data`, whose options are as in `limbeck.load`."""
    source, named = _source(data, root)
    store = (kept.default_folder() if cache is None else Path(cache)) if source.files else None
    prepared = in_memory(source.read(), size) if store is None else kept.fetch(source, data, size, store)
    facts, form = prepared.facts, prepared.frame
    rows, carved = arrange(facts, prepared.fingerprint)
    splits = {name: Split(prepared.images, each, facts.labels[each]) for name, each in rows.items()}
    constants = named.codec if named else None
    usable = constants is not None and len(constants.mean) == form.channel
    channels = constants if usable and constants is not None else fit_channels(_pixels(splits["train"]))
    mirrored = mirror if mirror is not None else named.mirror if named else True
    choices = {
        "data": prepared.fingerprint,
        "mean": channels.mean,
        "std": channels.std,
        "zca": RIDGE if zca else None,
        "mirror": mirrored,
    }
    fingerprint = hashlib.sha256(json.dumps(choices).encode()).hexdigest()
    places.remember(data, fingerprint)
    codec = _whitened(channels, splits["train"], store, fingerprint) if zca else channels
    assumed = (ASSUMED,) if mirror is None and named is None else ()
    notes = (*(named.notes if named else ()), *facts.notes, *carved, *_lossy(data, named, form.forms), *assumed)
    return ImageTask(
        name=data,
        classes=facts.classes,
        shape=(form.channel, form.height, form.width),
        fingerprint=fingerprint,
        codec=codec,
        mirror=mirrored,
        notes=notes,
        splits=splits,
        options={"zca": zca, "size": size, "mirror": mirror},
    )


def form_of(path: Path) -> str:
    """The way to name the images that lie at a path, a name of `OWN`; empty where there are none."""
    if path.is_dir():
        return "parquet" if any(path.glob("train*.parquet")) else "folder" if any(path.glob("*/")) else ""
    return path.suffix.lstrip(".") if path.is_file() and path.suffix in (".parquet", ".npz") else ""


def roots(root: Path | None) -> tuple[Path, ...]:
    """The folder of named data that is given, else that of the environment, if there is one."""
    given = root if root is not None else os.environ.get("LIMBECK_DATA") or None
    return () if given is None else (Path(given).expanduser(),)


def _source(data: str, root: Path | None) -> tuple[Source, Named | None]:
    """The files of `data`, and what is known of it where it is a named set."""
    kind, colon, rest = data.partition(":")
    if colon:
        if not rest:
            raise InputError(f"{data!r} names nothing; expected {kind}:{OWN_ARGUMENT.get(kind, 'PATH')}")
        return OWN[kind][1](rest), None
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
