"""What `limbeck export` wrote of other data than images, as the set that it was: every number was kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from limbeck.codecs import ImageCodec, codec_of
from limbeck.core import tree
from limbeck.core.contracts import AbstractCodec, AbstractTask, Batch, Schedule
from limbeck.core.errors import InputError
from limbeck.core.family import part_name
from limbeck.core.tree import Tree
from limbeck.core.version import VERSION
from limbeck.distilled_set import DistilledSet
from limbeck.exported.contents import CODEC, INITIALISATION, NORMALISED, TARGETS
from limbeck.exported.recognised import form_of
from limbeck.imported.found import digest_of
from limbeck.imported.own import arrays_of, check_labels, check_order, kind_of, schedule_of
from limbeck.parameterizations import Pixels
from limbeck.parameterizations.pixels import held, one_hot

ANEW = "its numbers are brought into other units: networks see these data in others than those that it was exported in"
INPUTS = ("inputs", "images")
"""What inputs are called: in a NumPy archive both have one name, which is read as that of images."""


def kept_of(path: Path, task: AbstractTask, learning_rate: float | None, network: str) -> DistilledSet | None:
    """The set of the data `task` that limbeck exported to `path` in a file of arrays; None of images, and of others.

    Inputs are the very numbers where networks see these data in the units that they saw those in, else they are made
    from those in the units of the data. Raises InputError where it is no longer what was written, and where it is not
    of these data.
    """
    form = "" if isinstance(task.codec, ImageCodec) else form_of(path)
    if form not in ("npz", "pt"):
        return None
    arrays, facts = arrays_of(form, path)
    if (kind := kind_of(facts)) != part_name(type(task.codec)):
        raise InputError(
            f"{path}: items of the codec {kind}, which are not those of {task.name}; name the data that it was "
            "distilled from"
        )
    try:
        named = {name: each for name, each in arrays.items() if isinstance(each, Tensor)}
        said = json.loads(facts)
        classes, start = tuple(said["classes"]), _part(named, INITIALISATION)
        batch, notes = _batch(named, said, len(classes), task.codec)
        schedule = schedule_of(named, said)
        check_order(len(batch.classes), schedule.order)
        _check(batch, schedule, start)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: damaged or changed by hand ({reason}); export the set again") from error
    _check_data(path, batch, classes, task)
    rates = schedule.learning_rates
    return DistilledSet(
        params=held(batch),
        parameterization=Pixels(),
        schedule=schedule if learning_rate is None else schedule._replace(
            learning_rates=torch.full_like(rates, learning_rate)
        ),
        codec=task.codec,
        classes=task.classes,
        data=task.reference,
        spec={
            "imported": {
                "format": form,
                "name": path.resolve().name,
                "digest": digest_of([path]),
                "units": kind,
                "learning rate": "stated" if learning_rate is None else "given",
                "notes": notes,
            },
            "network": task.network(network or str(said["network"])).name,
        },
        version=VERSION,
        initialisation=start,
    )  # fmt: skip


def _batch(
    named: Mapping[str, Tensor], said: Mapping[str, Any], count: int, codec: AbstractCodec
) -> tuple[Batch, list[str]]:
    """The items, of `count` classes, as a network sees them now, and what is to be said of that."""
    ours = {name.removeprefix(f"{CODEC}/"): each for name, each in named.items() if name.startswith(f"{CODEC}/")}
    labels, same = named["labels"], _same(codec_of(said["units"], ours).to_tensors(), codec.to_tensors())
    check_labels(labels, count)
    inputs = _any(named, NORMALISED) if same else codec.encode(_any(named, ""))
    mode = said["label mode"]
    targets = one_hot(labels, count, torch.float32) if mode == "hard" else _part(named, TARGETS[mode])
    if targets is None:
        raise KeyError(TARGETS[mode])
    return Batch(inputs, targets, labels), [] if same else [ANEW]


def _any(named: Mapping[str, Tensor], ending: str) -> Tree:
    """The inputs, by whichever name they have."""
    found = next((part for name in INPUTS if (part := _part(named, name + ending)) is not None), None)
    if found is None:
        raise KeyError(INPUTS[0] + ending)
    return found


def _part(named: Mapping[str, Tensor], name: str) -> Tree | None:
    """An array, or a tree of those below its name; None where there is neither."""
    if name in named:
        return named[name]
    below = {path: each for path, each in named.items() if path.startswith(f"{name}/")}
    return tree.nest(below)[name] if below else None


def _same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    """Whether two codecs are the same to the last bit."""
    return ours.keys() == theirs.keys() and all(torch.equal(each, theirs[name]) for name, each in ours.items())


def _check(batch: Batch, schedule: Schedule, start: Tree | None) -> None:
    """ValueError where parts do not belong together."""
    if any(len(leaf) != len(batch.classes) for leaf in tree.leaves((batch.inputs, batch.targets))):
        raise ValueError(f"inputs or targets that are not as many as the {len(batch.classes)} labels")
    if not tree.finite((batch.inputs, batch.targets, schedule, start or {})):
        raise ValueError("a number that is not finite")


def _check_data(path: Path, batch: Batch, classes: tuple[str, ...], task: AbstractTask) -> None:
    """InputError where items are not of the classes and the shape that the data have."""
    count = len(batch.classes)
    like = tree.build(task.shape, count, lambda _, shape: torch.zeros(()).expand(shape))
    found, expected = (
        {name: tuple(leaf.shape[1:]) for name, leaf in tree.flatten(each, "inputs").items()}
        for each in (batch.inputs, like)
    )
    if classes != task.classes or found != expected:
        raise InputError(
            f"{path}: a set of {len(classes)} classes and inputs of the shape {_said(found)}, expected "
            f"{len(task.classes)} and {_said(expected)}, those of {task.name}; name the data that it was distilled "
            "from, with the options of then"
        )


def _said(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes.values()))
