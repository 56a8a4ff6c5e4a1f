"""Series in parquet files: a list of numbers in each row, or a list of channels, and the class of the row."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limbeck.core.errors import InputError
from limbeck.tasks.readers.labels import Labels, hard_labels, unlabelled
from limbeck.tasks.readers.names import LABELS, first_named, hidden, split_within
from limbeck.tasks.readers.source import SPLITS, Array, rows_of

if TYPE_CHECKING:
    import pyarrow

NAMES = ("series", "values", "signal", "signals", "time_series", "timeseries", "x", "data")
"""What columns of series are called, the usual first."""
_ASK = "expected a column of series (a list of numbers, or a list of channels) and a column of labels"


@dataclass(frozen=True)
class Rows:
    """What the file of one split holds."""

    series: list[Array]
    """Of each row, float64 (channel, time)."""
    labels: Labels
    place: Callable[[int], str]
    """How a person finds a row."""


def files_of(path: Path) -> dict[str, Path]:
    """The file of each split, "train" among them: one file, or those of a folder by their names.

    Raises InputError where nothing is there, and where two files are of one split.
    """
    if path.is_file():
        return {"train": path}
    if not path.is_dir():
        raise InputError(f"{path}: found nothing, expected a .parquet file or a folder of them; check the path")
    found: dict[str, Path] = {}
    every = sorted(file for file in path.glob("*.parquet") if not hidden(file.name))
    for file in every:
        split = split_within(file.stem)
        if split is None:
            continue
        if split in found:
            raise InputError(
                f"{path}: {found[split].name} and {file.name} are both of {split}, expected one; join them"
            )
        found[split] = file
    if "train" not in found:
        names = ", ".join(file.name for file in every[:5]) or "no .parquet file"
        raise InputError(
            f"{path}: found {names}, expected train*.parquet (and validation*.parquet, test*.parquet); "
            "rename them or name one file"
        )
    return {split: found[split] for split in SPLITS if split in found}


def read(files: dict[str, Path], label_column: str = "", length: int | None = None) -> tuple[dict[str, Rows], Any]:
    """The rows of each split, all of one number of channels and one length, and a note on what was resampled.

    With `length`, series are brought to so many times by linear interpolation; without, all must be of one length.
    Raises InputError, which names the first offending row, for anything else.
    """
    parts: dict[str, Rows] = {}
    for split, file in files.items():
        series, values, names = _content(file, label_column)
        if split != "train" and unlabelled(values):
            raise InputError(f"{file}: none of its rows has a label, expected one in every row; add them or move it")
        known = parts["train"].labels.names if parts else None
        place = rows_of(file)
        parts[split] = Rows(series, hard_labels(values, place, len(known) if known else None, known or names), place)
        if parts[split].labels.names is None:
            count = int(parts[split].labels.classes.max()) + 1
            parts[split] = Rows(series, parts[split].labels._replace(names=tuple(map(str, range(count)))), place)
    return parts, _even(parts, length)


def _even(parts: dict[str, Rows], length: int | None) -> str:
    """Make all series of one shape, in place; a note where that changed any."""
    first = parts["train"].series[0]
    lengths = sorted({each.shape[1] for rows in parts.values() for each in rows.series})
    for rows in parts.values():
        for index, each in enumerate(rows.series):
            if each.shape[0] != first.shape[0]:
                raise InputError(
                    f"{rows.place(index)}: {each.shape[0]} channels, expected {first.shape[0]} as in "
                    f"{parts['train'].place(0)}; give every row the same channels"
                )
            if length is None and each.shape[1] != first.shape[1]:
                raise InputError(
                    f"{rows.place(index)}: a series of length {each.shape[1]}, expected {first.shape[1]} as in "
                    f"{parts['train'].place(0)} (lengths go from {lengths[0]} to {lengths[-1]}); resample all to one "
                    f"with --length {lengths[-1]} (length= in Python)"
                )
    if length is None or lengths == [length]:
        return ""
    for rows in parts.values():
        rows.series[:] = [resampled(each, length) for each in rows.series]
    before = str(lengths[0]) if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"
    return f"series of length {before} were resampled to {length} times by linear interpolation: a time is a share"


def resampled(series: Array, length: int) -> Array:
    """A series (channel, time) read at so many even places from its first time to its last, linearly between times.

    >>> resampled(np.array([[0.0, 2.0, 4.0]]), 5).tolist()
    [[0.0, 1.0, 2.0, 3.0, 4.0]]
    """
    if series.shape[1] == length:
        return series
    at, times = np.linspace(0, series.shape[1] - 1, length), np.arange(series.shape[1])
    return np.stack([np.interp(at, times, channel) for channel in series])


def _content(path: Path, label_column: str) -> tuple[list[Array], Array, tuple[str, ...] | None]:
    """The series of one file, its labels as they stand there, and the names of the classes, where it says them."""
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(
            f"{path}: damaged, or not a parquet file ({str(error).splitlines()[0]}); {_ASK}; copy or make it again"
        ) from error
    if not table.num_rows:
        raise InputError(f"{path}: found no rows, expected some; add them or remove the file")
    series, label = _chosen(table.schema, path, label_column)
    values = table[label].to_pylist()
    if None in values and any(value is not None for value in values):
        raise InputError(f"{path} row {values.index(None)}: no label, expected one in every row; label or remove it")
    text = any(isinstance(value, str | bytes) or value is None for value in values)
    labels = np.array(values, object) if text else np.asarray(values)
    return _series(table[series], path), labels, _class_names(table.schema, label)


def _chosen(schema: pyarrow.Schema, path: Path, label_column: str) -> tuple[str, str]:
    """The columns of series and of labels: by name, or else the only ones that may be."""
    import pyarrow

    found = ", ".join(f"{field.name}: {field.type}" for field in schema) or "none"
    lists = [field.name for field in schema if _is_list(field.type)]
    series = first_named(NAMES, lists) or (lists[0] if len(lists) == 1 else None)
    if series is None:
        raise InputError(f"{path}: found columns {found}; {_ASK}; rename or convert them")
    kind = schema.field(series).type.value_type
    kind = kind.value_type if _is_list(kind) else kind
    if not (pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind)):
        raise InputError(
            f"{path}: column {series} holds lists of {kind}, expected of numbers, or of channels that are; convert it"
        )
    others = [name for name in schema.names if name != series]
    if label_column and label_column not in others:
        raise InputError(f"{path}: no column {label_column!r} of labels, found columns {found}; name one of these")
    label = label_column or first_named(LABELS, others)
    if label is None:
        raise InputError(
            f"{path}: found columns {found}; {_ASK}; name the labels with --label-column NAME (label_column= in Python)"
        )
    return series, label


def _series(column: pyarrow.ChunkedArray, path: Path) -> list[Array]:
    """Each row as float64 (channel, time); InputError for a row that is empty, uneven or not of numbers alone."""
    found = []
    for index, row in enumerate(column.to_pylist()):
        channels = row if row and isinstance(row[0], list) else [row]
        lengths = [len(channel) if channel is not None else 0 for channel in channels]
        if row is None or not lengths or not all(lengths):
            raise InputError(f"{path} row {index}: an empty series, expected numbers; fill or remove the row")
        if len(set(lengths)) > 1:
            other = next(number for number, length in enumerate(lengths) if length != lengths[0])
            raise InputError(
                f"{path} row {index}: channel 0 has {lengths[0]} times and channel {other} {lengths[other]}, expected "
                "as many in all; repair the row"
            )
        made = np.array(channels, np.float64)
        if not np.isfinite(made).all():
            channel, time = (int(at[0]) for at in np.nonzero(~np.isfinite(made)))
            raise InputError(
                f"{path} row {index}: channel {channel} has {'no number' if np.isnan(made[channel, time]) else 'inf'} "
                f"at time {time}, expected finite numbers; fill the gap or remove the row"
            )
        found.append(made)
    return found


def _class_names(schema: pyarrow.Schema, label: str) -> tuple[str, ...] | None:
    """The names that the Hugging Face features of a schema give the classes, where they do."""
    try:
        names = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"][label]["names"]
    except (ValueError, KeyError, TypeError):
        return None
    return tuple(map(str, names)) if isinstance(names, list) and names else None


def _is_list(kind: pyarrow.DataType) -> bool:
    import pyarrow

    types = pyarrow.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))
