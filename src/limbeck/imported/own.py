"""What `limbeck export` wrote, read back: to the last bit, where it kept every number."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from limbeck.codecs import ImageCodec
from limbeck.core import tree
from limbeck.core.contracts import Schedule
from limbeck.core.documents import read_document
from limbeck.core.errors import InputError
from limbeck.core.tree import Tree
from limbeck.exported.contents import INITIALISATION, NORMALISED
from limbeck.exported.npz import FACTS, NAMES
from limbeck.exported.pictures import PICTURES, TRAINING
from limbeck.exported.written import INDEX
from limbeck.learn.rules import rule_named

SEEN = f"images{NORMALISED}"
_ORIGINAL = {NAMES[name]: name for name in ("images", SEEN, "labels", "soft_labels", "targets")}
"""The names of arrays elsewhere, by those they have in a NumPy archive."""
_CODEC = ("mean", "std", "zca_matrix", "zca_mean")


class Own(NamedTuple):
    """A set that limbeck exported."""

    pixels: Tensor | None
    """None where they are in pictures."""
    seen: Tensor | None
    """The images as a network sees them, by `codec`; None where they are in pictures."""
    codec: ImageCodec
    labels: Tensor
    """The class that each was made for."""
    soft_labels: Tensor | None
    schedule: Schedule
    initialisation: Tree | None
    classes: tuple[str, ...]
    network: str


def of_arrays(path: Path, arrays: Mapping[str, Any], facts: str) -> Own:
    """The set of a file that holds these arrays by their names in a dict; InputError where it is no longer whole."""
    try:
        held = {name: each for name, each in arrays.items() if isinstance(each, Tensor)}
        said = json.loads(facts)
        rule = tree.nest({name: each for name, each in held.items() if name.startswith("rule/")})
        parts = {"learning_rates": held["learning_rates"], "order": held["order"], **rule}
        start = tree.nest({name: each for name, each in held.items() if name.split("/")[0] == INITIALISATION})
        own = Own(
            pixels=held.get("images"),
            seen=held.get(SEEN),
            codec=ImageCodec.from_tensors({name: held[name] for name in _CODEC if name in held}),
            labels=held["labels"],
            soft_labels=held.get("soft_labels"),
            schedule=Schedule.from_tensors(parts, rule_named(said["optimizer"])),
            initialisation=start.get(INITIALISATION),
            classes=tuple(said["classes"]),
            network=said["network"],
        )
        _check(own)
        return own
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{path}: limbeck exported it, and it is damaged or changed by hand ({reason}); export the set again"
        ) from error


def of_archive(path: Path, arrays: Mapping[str, Any]) -> Own | None:
    """The set of the arrays of a NumPy archive; None where limbeck did not export it."""
    if FACTS not in arrays:
        return None
    named = {}
    for name, each in arrays.items():
        head, *rest = name.split("/")
        if each.dtype.kind in "iufb":
            named["/".join([_ORIGINAL.get(head, head), *rest])] = torch.from_numpy(each)
    return of_arrays(path, named, str(arrays[FACTS]))


class OwnPictures(NamedTuple):
    """The pictures of a set that limbeck exported."""

    own: Own
    files: tuple[Path, ...]
    """In the order of the items."""


def of_folder(path: Path) -> OwnPictures | None:
    """The pictures of a folder and what lies beside them; None where limbeck did not export it as pictures."""
    if not (path / INDEX).is_file():
        return None
    index = read_document(path / INDEX)
    if PICTURES not in index:
        return None
    training = path / TRAINING
    try:
        with np.load(io.BytesIO(training.read_bytes()), allow_pickle=False) as archive:
            own = of_archive(training, {name: archive[name] for name in archive.files})
        files = tuple(path / each["file"] for each in index[PICTURES])
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{training}: missing or damaged ({error}); export the set again") from error
    root = path.resolve()
    if own is None or len(own.labels) != len(files) or not all(root in file.resolve().parents for file in files):
        raise InputError(f"{path}: its pictures are not those that {INDEX} lists; export the set again")
    return OwnPictures(own, files)


def _check(own: Own) -> None:
    """Raise ValueError where the parts do not belong together."""
    count = len(own.labels)
    numbers = [each for each in (own.seen, own.soft_labels) if each is not None]
    if any(len(each) != count or not bool(each.isfinite().all()) for each in numbers):
        raise ValueError(f"{count} labels, and images or soft labels that are not as many finite ones")
    if own.labels.dtype != torch.int64 or own.labels.dim() != 1:
        raise ValueError("labels that are no list of whole numbers")
    order = own.schedule.order
    if order.dtype != torch.int64 or order.dim() != 2 or not -1 <= int(order.min()) <= int(order.max()) < count:
        raise ValueError("an order of items that are not there")
    if not tree.finite((own.schedule, own.initialisation or {})):
        raise ValueError("a number that is not finite")
