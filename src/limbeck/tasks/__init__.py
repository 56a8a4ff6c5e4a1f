"""L2, tasks: what is learned and how it is judged."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from limbeck.core.errors import InputError, unknown
from limbeck.tasks import cache as kept
from limbeck.tasks.catalog import NAMED, Named, locate
from limbeck.tasks.images import ImageTask, Split
from limbeck.tasks.normalisation import RIDGE, Normalisation, fit_channels, fit_zca
from limbeck.tasks.prepare import in_memory
from limbeck.tasks.readers import folder, hub, npz, parquet
from limbeck.tasks.readers.source import Source
from limbeck.tasks.splits import arrange

__all__ = ["ImageTask", "Normalisation", "load", "names", "reload"]

_CHUNK = 1000

_OWN: dict[str, tuple[str, Callable[[str], Source]]] = {
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
_OWN_ARGUMENT = {"hf": "NAME"}


def names() -> list[dict[str, str]]:
    """[{name, summary}] of every set with a name, then of every way to name one's own."""
    own = [{"name": f"{kind}:{_OWN_ARGUMENT.get(kind, 'PATH')}", "summary": line} for kind, (line, _) in _OWN.items()]
    return [{"name": name, "summary": named.summary} for name, named in NAMED.items()] + own


def load(
    data: str,
    *,
    root: Path | None = None,
    zca: bool = False,
    size: int | None = None,
    cache: Path | None = None,
) -> ImageTask:
    """The image task called `data`: a named set, or folder:PATH, parquet:PATH, npz:PATH or hf:NAME.

    Named sets are looked for under `root` (else LIMBECK_DATA). `zca` whitens after normalising. `size`
    resizes the short side and keeps the centre square. Decoded pixels are kept under `cache` (else
    LIMBECK_CACHE, else ~/.cache/limbeck). Raises InputError for data that cannot be used.
    """
    source, named = _source(data, root)
    store = (kept.default_folder() if cache is None else Path(cache)) if source.files else None
    prepared = in_memory(source.read(), size) if store is None else kept.fetch(source, data, size, store)
    facts, form = prepared.facts, prepared.frame
    rows, carved = arrange(facts, prepared.fingerprint)
    splits = {name: Split(prepared.images, each, facts.labels[each]) for name, each in rows.items()}
    constants = named.normalisation if named else None
    usable = constants is not None and len(constants.mean) == form.channel
    channels = constants if usable and constants is not None else fit_channels(_pixels(splits["train"]))
    choices = {"data": prepared.fingerprint, "mean": channels.mean, "std": channels.std, "zca": RIDGE if zca else None}
    fingerprint = hashlib.sha256(json.dumps(choices).encode()).hexdigest()
    normalisation = _whitened(channels, splits["train"], store, fingerprint) if zca else channels
    notes = (*(named.notes if named else ()), *facts.notes, *carved, *_lossy(data, named, form.forms))
    return ImageTask(
        name=data,
        classes=facts.classes,
        shape=(form.channel, form.height, form.width),
        fingerprint=fingerprint,
        normalisation=normalisation,
        mirror=named.mirror if named else True,
        notes=notes,
        splits=splits,
        options={"zca": zca, "size": size},
    )


def reload(data: Mapping[str, Any], root: Path | None) -> ImageTask:
    """The task that a set or a run names: {name, fingerprint} and the options of `load`.

    Raises InputError where the data found now are not those it was made from.
    """
    options = {name: value for name, value in data.items() if name not in ("name", "fingerprint")}
    task = load(data["name"], root=root, **options)
    if task.fingerprint != data["fingerprint"]:
        raise InputError(
            f"{task.name}: found data with the fingerprint {task.fingerprint[:12]}, "
            f"expected {str(data['fingerprint'])[:12]}, those that the set was made from; "
            "name their place with --data-root"
        )
    return task


def _source(data: str, root: Path | None) -> tuple[Source, Named | None]:
    """The files of `data`, and what is known of it where it is a named set."""
    kind, colon, rest = data.partition(":")
    if colon and kind in _OWN:
        if not rest:
            raise InputError(f"{data!r} names nothing; expected {kind}:{_OWN_ARGUMENT.get(kind, 'PATH')}")
        return _OWN[kind][1](rest), None
    if data not in NAMED:
        path = Path(data)
        form = "folder" if path.is_dir() else path.suffix.lstrip(".") if path.is_file() else ""
        if form in _OWN:
            raise InputError(f"unknown data {data!r}: it is a path; did you mean '{form}:{data}'?")
        raise unknown("data", data, [each["name"] for each in names()])
    given = root if root is not None else os.environ.get("LIMBECK_DATA") or None
    where = None if given is None else Path(given).expanduser()
    if where is not None and not where.is_dir() and (root is not None or NAMED[data].layouts):
        origin = "root" if root is not None else "LIMBECK_DATA"
        raise InputError(f"{origin} {where}: no such folder, expected the folder that holds the data sets; correct it")
    return locate(data, where), NAMED[data]


def _pixels(split: Split) -> Iterator[Tensor]:
    return (split.pixels(rows) for rows in torch.arange(len(split)).split(_CHUNK))


def _whitened(channels: Normalisation, train: Split, store: Path | None, fingerprint: str) -> Normalisation:
    """`channels` followed by ZCA fitted on the normalised training split; kept in `store` where there is one."""

    def make() -> Normalisation:
        zca = fit_zca(lambda: (channels.apply(chunk) for chunk in _pixels(train)))
        return Normalisation(channels.mean, channels.std, zca)

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
