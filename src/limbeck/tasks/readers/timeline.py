"""Tables of numbers over time: a column for each channel and a row for each time, in parquet or CSV files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from limbeck.core.errors import InputError
from limbeck.tasks.readers.source import Array

if TYPE_CHECKING:
    import pyarrow

CLOCKS = ("date", "time", "datetime", "timestamp", "index")
"""What columns are called that say when and are no channel."""


class Timeline(NamedTuple):
    """What a table holds."""

    columns: tuple[str, ...]
    series: Array
    """float64 (channel, time)."""
    notes: tuple[str, ...]


def read(path: Path, target: str = "") -> Timeline:
    """The channels of a table, in the order of its columns, or the one that is called `target`.

    A column that says when is left out, with a note. Raises InputError, which names column and row, for text among
    numbers, for gaps, and for a file that is neither parquet nor CSV.
    """
    table = _table(path)
    if not table.num_rows:
        raise InputError(f"{path}: found no rows, expected one for each time; add them")
    clocks = [field.name for field in table.schema if _says_when(field)]
    names = [name for name in table.column_names if name not in clocks]
    if target and target not in names:
        raise InputError(
            f"{path}: no column {target!r} of numbers, found {', '.join(names) or 'none'}; name one of these"
        )
    chosen = [target] if target else names
    if not chosen:
        raise InputError(f"{path}: found no column of numbers, expected one for each channel; add them")
    if len(set(chosen)) < len(chosen):
        raise InputError(f"{path}: two columns have one name, expected a name for each; rename them")
    series = np.stack([_numbers(table[name], name, path) for name in chosen])
    return Timeline(tuple(chosen), series, tuple(f"the column {name} says when, and is left out" for name in clocks))


def _table(path: Path) -> pyarrow.Table:
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet

    if not path.is_file():
        raise InputError(f"{path}: found no file, expected a table of numbers, .parquet or .csv; check the path")
    if path.suffix.lower() not in (".parquet", ".csv"):
        raise InputError(f"{path}: found the ending {path.suffix!r}, expected .parquet or .csv; convert or rename it")
    try:
        return pyarrow.csv.read_csv(path) if path.suffix.lower() == ".csv" else pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(
            f"{path}: damaged, or no {path.suffix[1:]} file ({str(error).splitlines()[0]}); copy or make it again"
        ) from error


def _says_when(field: pyarrow.Field) -> bool:
    import pyarrow

    types = pyarrow.types
    return types.is_temporal(field.type) or field.name.lower().strip() in CLOCKS


def _numbers(column: pyarrow.ChunkedArray, name: str, path: Path) -> Array:
    import pyarrow

    types, kind = pyarrow.types, column.type
    if not (types.is_integer(kind) or types.is_floating(kind)):
        raise InputError(f"{path}: column {name} holds {kind}, expected numbers; convert it, or name one with --target")
    made = column.to_numpy().astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(made))
    if len(wrong):
        raise InputError(
            f"{path} row {wrong[0]}: column {name} has no finite number there (as in {len(wrong)} rows), expected one "
            "at every time; fill the gaps"
        )
    return made
