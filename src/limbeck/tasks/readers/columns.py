"""The columns of one parquet file: which hold images and which labels, and what is in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from limbeck.core.errors import InputError
from limbeck.tasks.readers.names import IMAGES, LABELS, first_named
from limbeck.tasks.readers.shards import Shard, stamp_of
from limbeck.tasks.readers.source import Array

if TYPE_CHECKING:
    import pyarrow

_USUAL = ("label", "fine_label")


class Wanted(NamedTuple):
    """What a column of encoded files is to hold."""

    word: str
    """What one is called, which columns are usually called too."""
    feature: str
    """The feature of the Hugging Face that says so."""
    usual: tuple[str, ...]
    """What columns of them are called, the usual first."""

    @property
    def asked(self) -> str:
        """What is expected of a table, in words."""
        return f"expected a column {self.word}, of bytes or struct{{bytes, path}}, and a column label"


PICTURES = Wanted("image", "Image", IMAGES)


class Columns(NamedTuple):
    """What one file holds."""

    images: Shard
    """Where its images are, which are not read yet."""
    labels: Array
    """(example, ...): integers, floats, or text."""
    classes: tuple[str, ...] | None
    """The names of the classes, where the file says them."""
    notes: tuple[str, ...]


def read_file(path: Path, label_column: str, wanted: Wanted = PICTURES) -> Columns:
    """Where the images of one file are, or what is wanted in their place, and its labels.

    `label_column` names the labels where that is not "".
    """
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as opened:
            schema = opened.schema_arrow
            image, label = _chosen(schema, path, label_column, wanted)
            struct = pyarrow.types.is_struct(schema.field(image).type)
            column = opened.read(columns=[label])[label]
            groups = tuple(opened.metadata.row_group(index).num_rows for index in range(opened.num_row_groups))
            images = Shard(path, image, struct, groups, stamp_of(path))
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(
            f"{path}: damaged, or not a parquet file ({str(error).splitlines()[0]}); {wanted.asked}; copy or make "
            "it again"
        ) from error
    names = features_of(schema).get(label, {}).get("names")
    classes = tuple(map(str, names)) if isinstance(names, list) and names else None
    others = [name for name in schema.names if name in LABELS and name != label]
    said = label_column or not others
    notes = (
        () if said else (f"the labels are those of the column {label}, not {', '.join(others)}; --label-column NAME",)
    )
    return Columns(images, labels_in(column, label, path), classes, notes)


def labels_in(column: pyarrow.ChunkedArray, name: str, path: Path) -> Array:
    """The labels of a column, (example,) or (example, number); InputError for what can be no labels."""
    import pyarrow

    types = pyarrow.types
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    row = column.is_null().to_pylist().index(True) if 0 < column.null_count < len(column) else None
    if row is not None:
        raise InputError(f"{path} row {row}: no label, expected one in every row; label or remove the row")
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        return np.full(len(column), -1) if len(column) and column.null_count else np.asarray(column.to_numpy())
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_null(kind):
        return np.array(column.to_pylist(), object)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        rows = column.to_pylist()
        if len({len(each) for each in rows}) == 1:
            return np.array(rows)
    raise InputError(
        f"{path}: column {name} holds {kind}, expected integers from 0, or the names of classes; convert it, or name "
        "another with --label-column (label_column= in Python)"
    )


def _chosen(schema: pyarrow.Schema, path: Path, label_column: str, wanted: Wanted) -> tuple[str, str]:
    """The columns of files and of labels: by name, or else the only ones that may be."""
    features = features_of(schema)
    found, image = said_of(schema), column_of_bytes(schema, wanted)
    if image is None:
        raise InputError(f"{path}: found columns {found}; {wanted.asked}; rename or convert them")
    if label_column:
        if label_column not in schema.names or label_column == image:
            raise InputError(f"{path}: no column {label_column!r} of labels, found columns {found}; name one of these")
        return image, label_column
    others = [name for name in schema.names if name != image]
    typed = [name for name, kind in features.items() if kind.get("_type") == "ClassLabel"]
    label = first_named(_USUAL, others) or _only(typed) or first_named(LABELS, others)
    if label is None:
        raise InputError(
            f"{path}: found columns {found}; {wanted.asked}; name the labels with --label-column NAME "
            "(label_column= in Python)"
        )
    return image, label


def column_of_bytes(schema: pyarrow.Schema, wanted: Wanted) -> str | None:
    """The column that holds encoded files: by the first of the usual names, by its feature, by name, or alone."""
    features = features_of(schema)
    bytes_ = [field.name for field in schema if _holds_bytes(field.type)]
    typed = [name for name, kind in features.items() if kind.get("_type") == wanted.feature and name in bytes_]
    return first_named((wanted.word,), bytes_) or _only(typed) or first_named(wanted.usual, bytes_) or _only(bytes_)


def said_of(schema: pyarrow.Schema) -> str:
    """The columns of a table and their types, in words."""
    return ", ".join(f"{field.name}: {field.type}" for field in schema) or "none"


def blobs_of(column: pyarrow.ChunkedArray) -> list[bytes | None]:
    """The bytes of each row of a column that holds them, or structs of them."""
    import pyarrow

    struct = pyarrow.types.is_struct(column.type)
    return [blob for chunk in column.chunks for blob in (chunk.field("bytes") if struct else chunk).to_pylist()]


def _holds_bytes(kind: pyarrow.DataType) -> bool:
    import pyarrow

    if pyarrow.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0 and _holds_bytes(kind.field("bytes").type)
    return bool(pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind))


def _only(names: list[str]) -> str | None:
    return names[0] if len(names) == 1 else None


def features_of(schema: pyarrow.Schema) -> dict[str, dict[str, Any]]:
    """The Hugging Face features of a schema; empty where there are none or they cannot be read."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    if not isinstance(features, dict):
        return {}
    return {name: kind for name, kind in features.items() if isinstance(kind, dict)}
