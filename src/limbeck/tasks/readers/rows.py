"""Tables of rows: CSV and parquet files, or a folder with one for each split."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limbeck.core.errors import InputError
from limbeck.core.text import listed
from limbeck.tasks.readers.names import hidden, split_of

if TYPE_CHECKING:
    import pyarrow

ENDINGS = (".parquet", ".csv", ".tsv")
EMPTY = ("", "?", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None")
"""What stands in a cell that is empty."""
_SPLITS = ("train", "validation", "test")
_MARKS = ("\t", ",", ";")


def read(path: Path) -> dict[str, pyarrow.Table]:
    """The rows of each split: of one file those of "train", of a folder those of the files named after splits.

    Raises InputError for what is no such table, and for files whose columns differ.
    """
    files = _files(path)
    tables = {split: _table(file) for split, file in files.items()}
    train = tables["train"]
    for split, table in tables.items():
        missing = [name for name in train.column_names if name not in table.column_names]
        if missing:
            raise InputError(
                f"{files[split]}: no column {missing[0]!r}, which {files['train']} has; expected the same columns in "
                "each; add it, or take the file away"
            )
        if not len(table):
            raise InputError(f"{files[split]}: found a table without rows, expected some; add them")
    return {split: table.select(train.column_names) for split, table in tables.items()}


def _files(path: Path) -> dict[str, Path]:
    """The file of each split."""
    if path.is_file():
        if path.suffix.lower() not in ENDINGS:
            raise InputError(f"{path}: found the ending {path.suffix!r}, expected {', '.join(ENDINGS)}; convert it")
        return {"train": path}
    if not path.is_dir():
        raise InputError(f"{path}: found nothing, expected a table ({', '.join(ENDINGS)}) or a folder of them")
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in ENDINGS and not hidden(file.name))
    found: dict[str, Path] = {}
    for file in files:
        split = split_of(file.stem)
        if split is None and len(files) == 1:
            split = "train"
        if split is not None and found.setdefault(split, file) != file:
            raise InputError(f"{path}: found {found[split].name} and {file.name}, expected one file for each split")
    if "train" not in found:
        names = listed([file.name for file in files], 5) if files else "no table"
        raise InputError(f"{path}: found {names}, expected train and test files ({', '.join(ENDINGS)}); rename them")
    return {split: found[split] for split in _SPLITS if split in found}


def _table(path: Path) -> pyarrow.Table:
    """The rows of one file; InputError where it is damaged, ragged, empty, or names a column twice."""
    import pyarrow

    try:
        table = _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)
    except (pyarrow.ArrowException, OSError) as error:
        said = (str(error).splitlines() or [""])[0]
        raise InputError(f"{path}: it cannot be read ({said[:200]}); expected rows of as many cells each") from error
    twice = [name for name, count in Counter(table.column_names).items() if count > 1]
    if twice:
        raise InputError(f"{path}: found {twice[0]!r} as the name of several columns, expected different ones; rename")
    named = table.rename_columns([name.strip() or "(unnamed)" for name in table.column_names])
    return named.replace_schema_metadata(table.schema.metadata)


def _parquet(path: Path) -> pyarrow.Table:
    from pyarrow import parquet

    # A file by itself: not one part of a data set whose folders name columns.
    with parquet.ParquetFile(path) as opened:
        return opened.read()


def _csv(path: Path) -> pyarrow.Table:
    """A table whose first line has the names of its columns, parted by commas, semicolons or tabs."""
    from pyarrow import csv

    size = path.stat().st_size
    if size >= 2**31 - 1:
        raise InputError(f"{path}: found {size / 1e9:.1f} GB, expected less than 2.1 GB of text; save it as parquet")
    with path.open("rb") as opened:
        first = opened.readline(2**20).decode("utf-8", "replace")
    mark = max(_MARKS, key=first.count)
    table = csv.read_csv(
        path,
        # One block: what a column holds is found from all of its cells.
        read_options=csv.ReadOptions(use_threads=False, block_size=size + 1),
        parse_options=csv.ParseOptions(delimiter=mark, newlines_in_values=True),
        convert_options=csv.ConvertOptions(null_values=list(EMPTY), strings_can_be_null=True),
    )
    named = [name for name, column in zip(table.column_names, table.columns, strict=True) if _numbers(column)]
    if named and all(_is_number(name) for name in named):
        raise InputError(f"{path}: the first line holds numbers ({listed(named, 3)}), expected the names of columns")
    return table


def _numbers(column: Any) -> bool:
    import pyarrow

    return bool(pyarrow.types.is_integer(column.type) or pyarrow.types.is_floating(column.type))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
