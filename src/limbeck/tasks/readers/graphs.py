"""A graph in a NumPy archive: features of nodes, edges, labels, and which nodes train, validate and test."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from limbeck.core.errors import InputError, refused
from limbeck.core.key import Key
from limbeck.tasks.readers.source import SPLITS, Array

NAMES = {"train": "train_idx", "validation": "val_idx", "test": "test_idx"}
CSR = ("feat_indptr", "feat_indices", "feat_values", "feat_shape")
ASK = (
    "expected a .npz archive with features (node, number), or feat_indptr, feat_indices, feat_values and feat_shape of "
    "a CSR matrix; edge_index (2, edge); labels (node); train_idx, test_idx and perhaps val_idx; perhaps class_names"
)
VALIDATES = 0.1
"""The share of the training nodes of each class that validates where no split does."""


@dataclass(frozen=True)
class Graph:
    """A graph whose nodes have classes."""

    features: Any
    """(node, number), float32: a SciPy CSR matrix, or a dense array."""
    edges: Array
    """(2, edge), int64: each undirected edge once, the smaller node first, without loops."""
    labels: Array
    """(node), int64; -1 where it is not known."""
    splits: Mapping[str, Array]
    """The numbers of the nodes of each split, int64."""
    classes: tuple[str, ...]
    notes: tuple[str, ...]


def read(path: Path) -> Graph:
    """The graph in the archive at `path`, of the layout that `ASK` says.

    Edges are undirected: one in each direction, repeats and loops come to one edge or none. Splits are numbers of
    nodes. Without val_idx a tenth of the training nodes of each class validates. Labels below 0 are unknown. Raises
    InputError, in one line, for what cannot be a graph.
    """
    arrays = _arrays(path)
    features = _features(path, arrays)
    count = features.shape[0]
    edges, notes = _edges(path, arrays["edge_index"], count)
    labels = _whole(path, "labels", arrays["labels"])
    if labels.shape != (count,):
        raise InputError(
            f"{path}: found features of {count} nodes and labels of shape {labels.shape}, expected one label for each "
            "node; check how they were saved"
        )
    labels = np.maximum(labels, -1)
    splits, more = _splits(path, arrays, labels)
    classes = _classes(path, arrays, labels, splits["train"])
    return Graph(features, edges, labels, splits, classes, (*notes, *more))


def _arrays(path: Path) -> dict[str, Array]:
    """The arrays of the archive, read without unpickling anything."""
    if not path.is_file():
        raise InputError(f"{path}: found {'a folder' if path.is_dir() else 'nothing'}, {ASK}; check the path")
    try:
        if not zipfile.is_zipfile(path):
            raise InputError(f"{path}: damaged, or no .npz archive; {ASK}; save it again with numpy.savez")
        with np.load(path, allow_pickle=False) as archive:
            found = {name: archive[name] for name in archive.files}
    except InputError:
        raise
    except OSError as error:
        raise refused(str(path), error) from error
    except Exception as error:  # what is no archive, or a damaged one, may fail in any way
        why = "pickled objects, which are never loaded" if "pickle" in str(error) else "damaged, or no .npz archive"
        raise InputError(f"{path}: {why}; {ASK}; save it again with numpy.savez") from error
    dense = "features" in found
    missing = [
        name for name in ("edge_index", "labels", "train_idx", "test_idx", *(() if dense else CSR)) if name not in found
    ]
    if missing:
        raise InputError(f"{path}: found arrays {', '.join(found) or 'none'} and no {', '.join(missing)}; {ASK}")
    return found


def _features(path: Path, arrays: Mapping[str, Array]) -> Any:
    """The features, sparse or dense, finite."""
    if "features" in arrays:
        features = arrays["features"]
        if features.ndim != 2 or features.dtype.kind not in "biuf" or not features.size:
            raise InputError(
                f"{path}: features is of shape {features.shape} and type {features.dtype}, expected numbers "
                "(node, number); save it again as such"
            )
        made, numbers = features.astype(np.float32), features.astype(np.float32)
    else:
        made = _sparse(path, *(arrays[name] for name in CSR))
        numbers = made.data
    if not np.isfinite(numbers).all():
        bad = int((~np.isfinite(numbers)).sum())
        raise InputError(f"{path}: features has {bad} NaN or infinite numbers, expected none; remove or replace those")
    return made


def _sparse(path: Path, indptr: Array, indices: Array, values: Array, shape: Array) -> Any:
    """A CSR matrix of its four parts."""
    from scipy.sparse import csr_matrix

    try:
        rows, columns = (int(side) for side in _whole(path, "feat_shape", shape))
        data = np.broadcast_to(values.astype(np.float32), indices.shape)
        made = csr_matrix((data, indices.astype(np.int64), indptr.astype(np.int64)), shape=(rows, columns))
        made.check_format(full_check=True)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{path}: feat_indptr, feat_indices and the like make no CSR matrix ({error}); {ASK}"
        ) from None
    made.sum_duplicates()
    return made


def _edges(path: Path, edges: Array, count: int) -> tuple[Array, list[str]]:
    """Each undirected edge once, and what was merged."""
    edges = _whole(path, "edge_index", edges)
    if edges.ndim != 2 or len(edges) != 2:
        raise InputError(f"{path}: edge_index is of shape {edges.shape}, expected (2, edge); transpose it perhaps")
    outside = (edges < 0) | (edges >= count)
    if outside.any():
        place = int(outside.any(0).argmax())
        raise InputError(
            f"{path}: edge {place} joins nodes {edges[0, place]} and {edges[1, place]}, expected numbers from 0 to "
            f"{count - 1}, as there are {count} nodes; leave the edge out or correct it"
        )
    loops = edges[0] == edges[1]
    once = np.unique(np.sort(edges[:, ~loops], 0), axis=1)
    if not once.shape[1]:
        raise InputError(
            f"{path}: found no edge between two nodes, expected a graph; give edges, or use table: or npz:"
        )
    notes = [f"{int(loops.sum())} edges from a node to itself were left out"] if loops.any() else []
    return once, notes


def _splits(path: Path, arrays: Mapping[str, Array], labels: Array) -> tuple[dict[str, Array], list[str]]:
    """The nodes of each split, none in two, each with a label."""
    found = {}
    for split, name in NAMES.items():
        if name in arrays:
            found[split] = nodes = _numbers(path, name, arrays[name], len(labels))
            if not len(nodes):
                raise InputError(f"{path}: {name} names no node, expected some; say which nodes are of that split")
            if (labels[nodes] < 0).any():
                node = int(nodes[(labels[nodes] < 0).argmax()])
                raise InputError(f"{path}: node {node} of {name} has no label, expected one; take it out of {name}")
    numbers, counts = np.unique(np.concatenate(list(found.values())), return_counts=True)
    if (counts > 1).any():
        node = int(numbers[(counts > 1).argmax()])
        named = [NAMES[split] for split, nodes in found.items() if node in nodes]
        said = " and ".join(named) if len(named) > 1 else f"{named[0]} twice"
        raise InputError(f"{path}: node {node} is in {said}, expected every node in one split, once; leave one out")
    if "validation" in found:
        return {split: found[split] for split in SPLITS}, []
    found["validation"], found["train"] = _carved(path, found["train"], labels)
    note = f"the validation split is {len(found['validation'])} nodes of the training split, a tenth of each class"
    return {split: found[split] for split in SPLITS}, [note]


def _carved(path: Path, train: Array, labels: Array) -> tuple[Array, Array]:
    """A share of the training nodes of each class, at least one, and the others."""
    taken = np.zeros(len(train), dtype=bool)
    for label in np.unique(labels[train]):
        rows = np.flatnonzero(labels[train] == label)
        if len(rows) < 2:
            raise InputError(
                f"{path}: one training node is of class {label} and there is no val_idx, expected at least 2 of each "
                "class, one of which validates; add one, or give val_idx"
            )
        order = Key(("validation of a graph", int(label))).permutation(len(rows)).numpy()
        taken[rows[order[: max(1, round(VALIDATES * len(rows)))]]] = True
    return train[taken], train[~taken]


def _classes(path: Path, arrays: Mapping[str, Array], labels: Array, train: Array) -> tuple[str, ...]:
    """The names of the classes, of each of which there is a training node."""
    count = int(labels.max()) + 1
    names = arrays.get("class_names")
    if names is not None and (names.dtype.kind != "U" or names.shape != (count,) or len(set(names.tolist())) < count):
        raise InputError(
            f"{path}: class_names is of shape {names.shape} and type {names.dtype}, expected {count} different texts, "
            "one for each label; save them so"
        )
    if count < 2:
        raise InputError(f"{path}: found labels of {max(count, 0)} classes, expected at least 2; give more labels")
    classes = tuple(map(str, range(count))) if names is None else tuple(map(str, names))
    held = np.bincount(labels[train], minlength=count)
    if not held.all():
        raise InputError(
            f"{path}: no training node is of class {classes[int(held.argmin())]!r}, expected some of each of the "
            f"{count} classes; add one to train_idx, or number the classes without gaps"
        )
    return classes


def _numbers(path: Path, name: str, nodes: Array, count: int) -> Array:
    """Numbers of nodes; a mask over all nodes is one, too."""
    if nodes.dtype == np.bool_ and nodes.shape == (count,):
        return np.flatnonzero(nodes)
    nodes = _whole(path, name, nodes)
    if nodes.ndim != 1 or ((nodes < 0) | (nodes >= count)).any():
        raise InputError(
            f"{path}: {name} is of shape {nodes.shape} with numbers from {nodes.min(initial=0)} to "
            f"{nodes.max(initial=0)}, expected a list of numbers from 0 to {count - 1}; correct it"
        )
    return nodes


def _whole(path: Path, name: str, array: Array) -> Array:
    """Whole numbers as int64."""
    if array.dtype.kind not in "iu":
        raise InputError(f"{path}: {name} is of type {array.dtype}, expected whole numbers; save it again as such")
    return array.astype(np.int64)
