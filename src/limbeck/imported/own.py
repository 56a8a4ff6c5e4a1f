"""What `limbeck export` wrote, as the set that it was: to the last bit, where every number was kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from limbeck.codecs import ImageCodec
from limbeck.core import tree
from limbeck.core.contracts import AbstractTask, Batch, Schedule
from limbeck.core.documents import read_document
from limbeck.core.errors import InputError
from limbeck.core.family import part_name
from limbeck.core.tree import Tree
from limbeck.core.version import VERSION
from limbeck.distilled_set import DistilledSet
from limbeck.exported.contents import INITIALISATION, NORMALISED
from limbeck.exported.npz import FACTS, NAMES
from limbeck.exported.pictures import PICTURES, TRAINING
from limbeck.exported.recognised import form_of
from limbeck.exported.written import INDEX
from limbeck.imported.arrays import read_arrays
from limbeck.imported.folders import stacked
from limbeck.imported.found import digest_of
from limbeck.imported.tensors import read_torch
from limbeck.imported.units import RAW, own_codec
from limbeck.learn.losses import loss_named
from limbeck.learn.rules import rule_named
from limbeck.parameterizations import Pixels
from limbeck.parameterizations.pixels import held

SEEN = f"images{NORMALISED}"
_ORIGINAL = {NAMES[name]: name for name in ("images", SEEN, "labels", "soft_labels", "targets")}
"""The names of arrays elsewhere, by those they have in a NumPy archive."""
PICTURED = "its images are pictures of 8 bits, and not the very numbers that were exported"
ANEW = "its pixels are normalised anew: networks see these data in other units than those that it was exported in"
IMAGES = part_name(ImageCodec)
_CODEC = ("mean", "std", "zca_matrix", "zca_mean")


class Own(NamedTuple):
    """A set that limbeck exported, and the files that it was read from."""

    form: str
    """npz, pt or folder."""
    files: tuple[Path, ...]
    pixels: Tensor
    seen: Tensor | None
    """The images as a network sees them, by `codec`; None where only pictures were kept."""
    codec: ImageCodec
    labels: Tensor
    """The class that each was made for."""
    soft_labels: Tensor | None
    schedule: Schedule
    initialisation: Tree | None
    classes: tuple[str, ...]
    network: str


def read_export(path: Path) -> Own | None:
    """The set of images that limbeck exported to `path`; None where it is something else.

    Raises InputError where it is no longer what was written.
    """
    form = form_of(path)
    if form == "folder":
        return _of_pictures(path)
    return _own(form, path, (path,), *arrays_of(form, path), None) if form else None


def arrays_of(form: str, path: Path) -> tuple[dict[str, Any], str]:
    """The arrays of a file of that form by their names elsewhere, and its facts."""
    if form == "npz":
        return _archive(path)
    found = read_torch(path)
    return found, str(found.get(FACTS))


def kind_of(facts: str) -> str:
    """The codec that facts name; that of images where they name none."""
    try:
        return str(json.loads(facts)["units"]["name"])
    except (KeyError, TypeError, ValueError):
        return IMAGES


def schedule_of(held: Mapping[str, Tensor], said: Mapping[str, Any]) -> Schedule:
    """The schedule among arrays; KeyError or ValueError where it is not there or not as it must be."""
    below = tree.nest({name: each for name, each in held.items() if name.startswith(("rule/", "labels/"))})
    return Schedule.from_tensors(
        {"learning_rates": held["learning_rates"], "order": held["order"], **below},
        rule_named(said["optimizer"]),
        loss_named(said.get("training loss", "task-loss")),
    )


def check_order(count: int, order: Tensor) -> None:
    """ValueError for an order of other items than the `count` that there are."""
    if order.dtype != torch.int64 or order.dim() != 2 or not -1 <= int(order.min()) <= int(order.max()) < count:
        raise ValueError("an order of items that are not there")


def check_labels(labels: Tensor, classes: int) -> None:
    """ValueError for labels that are not those of so many classes."""
    if labels.dtype != torch.int64 or labels.dim() != 1 or not len(labels):
        raise ValueError("labels that are no list of whole numbers")
    if not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ValueError("labels of classes that are not there")


def restored(path: Path, own: Own, task: AbstractTask, learning_rate: float | None, network: str) -> DistilledSet:
    """The set, as one of the data `task`; its steps may be at another learning rate.

    Images are the very numbers where networks see these data in the units that they saw those in, else from the pixels.
    """
    codec = own_codec(task)
    if own.classes != task.classes or tuple(own.pixels.shape[1:]) != tuple(task.shape):
        raise InputError(
            f"{path}: a set of {len(own.classes)} classes and images of shape {tuple(own.pixels.shape[1:])}, which are "
            f"not those of {task.name}; name the data that it was distilled from"
        )
    kept = own.seen is not None and _same(own.codec, codec)
    inputs = own.seen if kept else codec.encode(own.pixels).contiguous()
    hard = nn.functional.one_hot(own.labels, len(task.classes)).to(torch.float32)
    batch = Batch(inputs, hard if own.soft_labels is None else own.soft_labels, own.labels)
    rates = own.schedule.learning_rates
    given = rates if learning_rate is None else torch.full_like(rates, learning_rate)
    return DistilledSet(
        params=held(batch),
        parameterization=Pixels(),
        schedule=own.schedule._replace(learning_rates=given),
        codec=codec,
        classes=task.classes,
        data=task.reference,
        spec={
            "imported": {
                **_origin(path, own),
                "learning rate": "stated" if learning_rate is None else "given",
                "notes": [] if kept else [PICTURED if own.seen is None else ANEW],
            },
            "network": task.network(network or own.network).name,
        },
        version=VERSION,
        initialisation=own.initialisation,
    )


def _origin(path: Path, own: Own) -> dict[str, Any]:
    """Where the set came from, by contents."""
    by_channel = own.pixels.movedim(1, 0).flatten(1)
    outside = float(((own.pixels < 0) | (own.pixels > 1)).double().mean())
    return {
        "format": own.form,
        "name": path.resolve().name,
        "digest": digest_of(own.files),
        "which": None,
        "units": RAW,
        "pixels": {"low": by_channel.amin(1).tolist(), "high": by_channel.amax(1).tolist(), "outside": outside},
    }


def _same(one: ImageCodec, other: ImageCodec) -> bool:
    """Whether two codecs are the same to the last bit."""
    ours, theirs = one.to_tensors(), other.to_tensors()
    return ours.keys() == theirs.keys() and all(torch.equal(each, theirs[name]) for name, each in ours.items())


def _archive(path: Path) -> tuple[dict[str, Tensor], str]:
    """The arrays of an archive by their names elsewhere, and its facts."""
    try:
        held = read_arrays(path)
        arrays = {name: held.read(name) for name in held.names}
    except InputError as error:
        reason = str(error).removeprefix(f"{path}: ").partition("; ")[0]
        raise InputError(f"{path}: missing or damaged ({reason}); export the set again") from error
    named = {}
    for name, each in arrays.items():
        head, *rest = name.split("/")
        if each.dtype.kind in "iufb":
            named["/".join([_ORIGINAL.get(head, head), *rest])] = torch.from_numpy(each.copy())
    return named, str(arrays.get(FACTS))


def _of_pictures(path: Path) -> Own:
    """The pictures that an index lists, and what lies beside them."""
    index = read_document(path / INDEX)
    files = tuple(path / str(each["file"]) for each in index[PICTURES])
    if not all(path.resolve() in file.resolve().parents for file in files):
        raise InputError(f"{path / INDEX}: lists files that lie elsewhere; export the set again")
    pixels = stacked(files, "export the set again").to(torch.float32) / 255
    return _own("folder", path / TRAINING, (path / TRAINING, *files), *_archive(path / TRAINING), pixels)


def _own(
    form: str, path: Path, files: tuple[Path, ...], arrays: Mapping[str, Any], facts: str, pixels: Tensor | None
) -> Own:
    """The set of the arrays and facts of a file; `pixels` are given where it has none itself."""
    if (kind := kind_of(facts)) != IMAGES:
        raise InputError(f"{path}: items of the codec {kind}, expected images; name the data it was distilled from")
    try:
        held = {name: each for name, each in arrays.items() if isinstance(each, Tensor)}
        said = json.loads(facts)
        start = tree.nest({name: each for name, each in held.items() if name.startswith(f"{INITIALISATION}/")})
        own = Own(
            form=form,
            files=files,
            pixels=held["images"] if pixels is None else pixels,
            seen=held.get(SEEN),
            codec=ImageCodec.from_tensors({name: held[name] for name in _CODEC if name in held}),
            labels=held["labels"],
            soft_labels=held.get("soft_labels", held.get("targets")),
            schedule=schedule_of(held, said),
            initialisation=start.get(INITIALISATION),
            classes=tuple(said["classes"]),
            network=str(said["network"]),
        )
        _check(own)
        return own
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: damaged or changed by hand ({reason}); export the set again") from error


def _check(own: Own) -> None:
    """Raise ValueError where the parts do not belong together."""
    count = len(own.labels)
    check_labels(own.labels, len(own.classes))
    check_order(count, own.schedule.order)
    numbers = [each for each in (own.pixels, own.seen, own.soft_labels) if each is not None]
    if any(len(each) != count or each.dtype != torch.float32 for each in numbers):
        raise ValueError(f"images or soft labels that are no floats or not as many as the {count} labels")
    if own.soft_labels is not None and own.soft_labels.shape != (count, len(own.classes)):
        raise ValueError(f"soft labels of shape {tuple(own.soft_labels.shape)}")
    if own.pixels.dim() != 4 or (own.seen is not None and own.seen.shape != own.pixels.shape):
        raise ValueError("images of another shape than (item, channel, height, width)")
    if not tree.finite((*numbers, own.schedule, own.initialisation or {})):
        raise ValueError("a number that is not finite")
