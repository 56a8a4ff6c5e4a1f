"""Condensed graphs of others: features of nodes in one file, and beside it perhaps an adjacency and labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from limbeck.core.contracts import AbstractTask, Batch
from limbeck.core.errors import InputError
from limbeck.core.key import Key
from limbeck.core.placing import cpu
from limbeck.core.version import VERSION
from limbeck.distilled_set import DistilledSet
from limbeck.imported.found import digest_of
from limbeck.imported.tensors import plain, read_torch
from limbeck.learn.graphs import EDGES, FEATURES
from limbeck.learn.rules import Adam
from limbeck.parameterizations import Pixels
from limbeck.parameterizations.pixels import held
from limbeck.schedules import Fixed

LAYOUT = "graph"
SUMMARY = "features of nodes, and perhaps edges and labels, of a condensed graph: feat_, adj_ and label_NAME.pt"
FEAT, ADJ, LABEL = "feat_", "adj_", "label_"
TRAINED = Fixed(steps=600, learning_rate=0.01, optimizer=Adam(weight_decay=5e-4))
"""How condensed graphs are trained on, where nothing is published with them (Jin et al., ICLR 2022)."""


def graph_of(
    path: Path, task: AbstractTask, learning_rate: float | None, network: str, normalisation: str
) -> DistilledSet:
    """The condensed graph whose features are in `path`, feat_NAME.pt, as one of the graph `task`.

    adj_NAME.pt beside it has the edges, none where it is missing. label_NAME.pt has the classes; without it they are
    equal blocks, in the order in which classes first occur among the training nodes, as published code makes them.
    Features are in the units of the data. Raises InputError for what is no such graph.
    """
    if normalisation:
        raise InputError(f"{path}: a condensed graph is in the units of the data; leave --normalisation out")
    if not path.name.startswith(FEAT):
        raise InputError(f"{path}: expected the features of nodes, in a file feat_NAME.pt; name that file")
    beside = {kind: path.with_name(kind + path.name.removeprefix(FEAT)) for kind in (ADJ, LABEL)}
    files = (path, *(file for file in beside.values() if file.is_file()))
    features = _matrix(path, "features")
    count, numbers = features.shape
    if (numbers,) != task.shape[FEATURES]:
        raise InputError(
            f"{path}: {numbers} features of each node, and {task.name} has {task.shape[FEATURES][0]}; name the graph "
            "that it was condensed from"
        )
    edges = _matrix(beside[ADJ], "edges") if beside[ADJ] in files else torch.zeros(count, count)
    if edges.shape != (count, count):
        raise InputError(
            f"{beside[ADJ]}: edges of shape {tuple(edges.shape)}, expected ({count}, {count}), as {path.name} has "
            f"{count} nodes; name files of one graph"
        )
    classes = _labels(beside[LABEL], count, task) if beside[LABEL] in files else blocks(task, count, path)
    targets = nn.functional.one_hot(classes, len(task.classes)).float()
    batch = Batch(task.codec.encode({EDGES: edges, FEATURES: features}), targets, classes)
    schedule = TRAINED.render({}, classes, Key())
    if learning_rate is not None:
        schedule = schedule._replace(learning_rates=torch.full_like(schedule.learning_rates, learning_rate))
    notes = [] if beside[LABEL] in files else ["it has no labels: equal blocks, in the order of the training nodes"]
    notes += [] if beside[ADJ] in files else ["it has no edges"]
    return DistilledSet(
        params=held(batch), parameterization=Pixels(), schedule=schedule, codec=task.codec, classes=task.classes,
        data=task.reference, spec={"imported": _origin(path, files, features, learning_rate, notes),
                                   "network": task.network(network).name},
        version=VERSION,
    )  # fmt: skip


def _origin(
    path: Path, files: tuple[Path, ...], features: Tensor, learning_rate: float | None, notes: list[str]
) -> dict[str, Any]:
    """Where it came from, by contents."""
    outside = float(((features < 0) | (features > 1)).double().mean())
    return {
        "format": LAYOUT,
        "name": path.resolve().name,
        "digest": digest_of(files),
        "which": None,
        "units": "those of the data",
        "pixels": {"low": [float(features.min())], "high": [float(features.max())], "outside": outside},
        "learning rate": "usual" if learning_rate is None else "given",
        "factor": 1,
        "notes": notes,
    }


def blocks(task: AbstractTask, count: int, path: Path) -> Int[Tensor, " node"]:
    """Equal blocks of classes, in the order in which these first occur among the training nodes, rarer ones first.

    Raises InputError where they cannot be equal.
    """
    labels = task.in_place(cpu(), "train").classes.tolist()
    order = sorted(dict.fromkeys(labels), key=labels.count)
    if count % len(order):
        raise InputError(
            f"{path}: {count} nodes and no labels, expected label_NAME.pt beside, as they are no equal blocks of "
            f"{len(order)} classes; save the labels"
        )
    return torch.tensor(order).repeat_interleave(count // len(order))


def _labels(path: Path, count: int, task: AbstractTask) -> Int[Tensor, " node"]:
    found = plain(read_torch(path))
    if found is None or found.is_floating_point() or found.shape != (count,) or not count:
        raise InputError(f"{path}: expected {count} whole numbers, the class of each node; save them so")
    if not 0 <= int(found.min()) <= int(found.max()) < len(task.classes):
        raise InputError(f"{path}: classes from {int(found.min())} to {int(found.max())}, expected 0 to "
                         f"{len(task.classes) - 1}; name the graph that it was condensed from")  # fmt: skip
    return found.long()


def _matrix(path: Path, what: str) -> Tensor:
    found = plain(read_torch(path))
    if found is None or found.dim() != 2 or not found.is_floating_point() or not found.numel():
        raise InputError(f"{path}: expected a matrix of {what}, floats; save it as a plain tensor")
    if not bool(found.isfinite().all()):
        raise InputError(f"{path}: NaN or infinite numbers, expected none; get the file anew")
    return found.float()
