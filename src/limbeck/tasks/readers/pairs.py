"""Parquet files of encoded images, each with a text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from limbeck.core.errors import InputError
from limbeck.tasks.readers.columns import PICTURES, blobs_of, column_of_bytes, said_of
from limbeck.tasks.readers.parquet import place_in, splits_at
from limbeck.tasks.readers.source import Part, Reading

if TYPE_CHECKING:
    import pyarrow

TEXTS = ("text", "caption", "captions", "sentence", "sentences", "description", "alt_text", "prompt", "words")
"""What columns of texts are called."""
_ASK = "expected a column image, of bytes or struct{bytes, path}, and a column text"
ALL = "all"
"""The one group of pairs."""


class Written(NamedTuple):
    """One split: its pictures, as a part of the only class, and the text of each."""

    part: Part
    texts: tuple[str, ...]


def read(path: Path, text_column: str, reading: Reading) -> tuple[list[Written], tuple[str, ...]]:
    """The pairs of each split at a path, and notes; InputError for what is no table of pairs.

    `text_column` names the texts where that is not "".
    """
    splits, notes = splits_at(path)
    found = []
    told = list(notes)
    for split, files in splits.items():
        blobs: list[bytes | None] = []
        texts: list[str] = []
        starts: list[int] = []
        for file in files:
            starts.append(len(blobs))
            table, said = _table(file, text_column)
            blobs += blobs_of(table[0])
            texts += _texts(table[1], file)
            told += said
        found.append(_written(split, blobs, texts, place_in(files, starts), reading))
    return found, tuple(dict.fromkeys(told))


def _written(split: str, blobs: list[bytes | None], texts: list[str], place: Any, reading: Reading) -> Written:
    import numpy as np

    from limbeck.tasks.readers.encoded import Encoded

    if not blobs:
        raise InputError(f"the {split} split holds no pairs, expected some; add them or remove the split")
    images = Encoded(blobs, place, reading)
    return Written(Part(split, images, np.zeros(len(blobs), np.int64), (ALL,), place), tuple(texts))


def _table(path: Path, text_column: str) -> tuple[Any, list[str]]:
    """The two columns of a file, and a note on texts of which each row has several."""
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as opened:
            image, text = _chosen(opened.schema_arrow, path, text_column)
            table = opened.read(columns=[image, text])
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(
            f"{path}: damaged, or not a parquet file ({str(error).splitlines()[0]}); {_ASK}; copy or make it again"
        ) from error
    several = _lists(table[text].type)
    return (table[image], table[text]), [f"of the texts in {text} the first of each row is read"] if several else []


def _chosen(schema: pyarrow.Schema, path: Path, text_column: str) -> tuple[str, str]:
    image = column_of_bytes(schema, PICTURES)
    if image is None:
        raise InputError(f"{path}: found columns {said_of(schema)}; {_ASK}; rename or convert them")
    texts = [field.name for field in schema if field.name != image and _is_text(field.type)]
    if text_column:
        if text_column not in texts:
            raise InputError(
                f"{path}: no column {text_column!r} of texts, found columns {said_of(schema)}; name one of these"
            )
        return image, text_column
    named = [name for name in texts if name.lower() in TEXTS] or texts
    if len(named) != 1:
        several = f"{' and '.join(named)} could both be the texts" if named else f"found columns {said_of(schema)}"
        raise InputError(f"{path}: {several}; {_ASK}; name it with --text-column NAME (text_column= in Python)")
    return image, named[0]


def _is_text(kind: pyarrow.DataType) -> bool:
    import pyarrow

    types = pyarrow.types
    kind = kind.value_type if _lists(kind) or types.is_dictionary(kind) else kind
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _lists(kind: pyarrow.DataType) -> bool:
    import pyarrow

    return bool(pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind))


def _texts(column: pyarrow.ChunkedArray, path: Path) -> list[str]:
    """The text of each row on one line; InputError for a row without one."""
    found = []
    for row, each in enumerate(column.to_pylist()):
        first = next(iter(each or ()), "") if isinstance(each, list) else each
        text = " ".join((first or "").split())
        if not text:
            raise InputError(f"{path} row {row}: no text, expected one in every row; write one or remove the row")
        found.append(text)
    return found
