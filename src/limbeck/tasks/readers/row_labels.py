"""The classes of the rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from limbeck.core.errors import InputError
from limbeck.core.text import listed
from limbeck.tasks.readers.columns import features_of
from limbeck.tasks.readers.labels import hard_labels
from limbeck.tasks.readers.names import LABELS, first_named
from limbeck.tasks.readers.source import Array

if TYPE_CHECKING:
    import pyarrow

MOST = 1000
"""Classes, at most."""
_ASK = "name the column of classes with --label-column NAME (label_column= in Python)"


class RowLabels(NamedTuple):
    """The classes of all rows, one split after the other."""

    column: str
    classes: Array
    """(row,) int64, positions in `names`."""
    names: tuple[str, ...]
    notes: tuple[str, ...]


def labels_in(parts: Mapping[str, pyarrow.Table], path: Path, label_column: str) -> RowLabels:
    """The classes in the column that is named, or that is called as labels are; those of training are all there are.

    Raises InputError where there is no such column, where cells are empty, and where it holds numbers and no classes.
    """
    train = parts["train"]
    column = _chosen(train.column_names, path, label_column)
    names = features_of(train.schema).get(column, {}).get("names")
    known = tuple(map(str, names)) if isinstance(names, list) and names else None
    said = {split: _texts(part[column], f"{path}, {split} rows", column, known) for split, part in parts.items()}
    different = len(set(said["train"].tolist()))
    if different > min(MOST, max(2, len(train) // 2)):
        raise InputError(
            f"{path}: column {column!r} has {different:,} different values in {len(train):,} training rows, expected "
            f"at most {MOST:,} classes of some rows each; {_ASK}"
        )
    if different < 2:
        raise InputError(f"{path}: column {column!r} has one class in training, expected at least two; {_ASK}")
    classes = []
    for split, texts in said.items():
        place = _place(path, split, len(parts))
        read = hard_labels(texts, place, names=known)
        known = read.names
        classes.append(read.classes)
    assert known is not None
    present = np.bincount(classes[0], minlength=len(known)) > 0
    if not present.all():
        missing = [name for name, there in zip(known, present, strict=True) if not there]
        raise InputError(f"{path}: no training row is of the class {missing[0]!r}; add some, or take its name out")
    found = "" if label_column or column == "label" else f"the classes are those of the column {column}"
    return RowLabels(column, np.concatenate(classes), known, (found,) if found else ())


def _place(path: Path, split: str, parts: int) -> Any:
    where = f"{path}" if parts == 1 else f"{path}, {split}"
    return lambda row: f"{where} row {row}"


def _chosen(columns: list[str], path: Path, label_column: str) -> str:
    if label_column:
        if label_column not in columns:
            raise InputError(
                f"{path}: no column {label_column!r} of labels, found columns {listed(columns, 20)}; name one of these"
            )
        return label_column
    column = first_named(LABELS, columns)
    if column is None:
        raise InputError(f"{path}: found columns {listed(columns, 20)}, expected one called label; {_ASK}")
    return column


def _texts(cells: pyarrow.ChunkedArray, where: str, column: str, names: tuple[str, ...] | None) -> Array:
    """The cells as text, which classes are known by; numbers where classes are numbered and have names."""
    import pyarrow

    types = pyarrow.types
    if types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    if cells.null_count:
        row = cells.is_null().to_pylist().index(True)
        raise InputError(f"{where}: row {row} has no label, expected one in every row; label or remove the row")
    if types.is_floating(cells.type) or types.is_decimal(cells.type):
        numbers = np.asarray(cells.cast(pyarrow.float64()).to_numpy(), np.float64)
        if not np.isfinite(numbers).all() or (numbers != np.round(numbers)).any():
            raise InputError(
                f"{where}: column {column!r} holds real numbers ({len(np.unique(numbers)):,} different), expected "
                f"classes; make classes of them, or {_ASK}"
            )
        return np.array([str(int(each)) for each in numbers], object)
    if types.is_integer(cells.type):
        whole = cells.to_pylist()
        return np.array(whole, np.int64) if names is not None else np.array([str(each) for each in whole], object)
    if types.is_boolean(cells.type):
        return np.array([("no", "yes")[each] for each in cells.to_pylist()], object)
    if types.is_string(cells.type) or types.is_large_string(cells.type) or types.is_string_view(cells.type):
        return np.array(cells.to_pylist(), object)
    raise InputError(f"{where}: column {column!r} holds {cells.type}, expected classes by name or number; {_ASK}")
