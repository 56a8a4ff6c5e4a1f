"""Parquet files in the Hugging Face image layout: encoded images in a struct {bytes, path}, integer labels."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from limbeck.core.errors import InputError
from limbeck.tasks.readers.encoded import Encoded
from limbeck.tasks.readers.labels import integer_labels, numbered
from limbeck.tasks.readers.source import SPLIT_NAMES, Array, Part, Source

if TYPE_CHECKING:
    import pyarrow

_ASK = "expected a column image, struct{bytes, path}, and a column label of integers"
_LABELS = ("label", "fine_label")


class _Columns(NamedTuple):
    image: str
    label: str
    classes: tuple[str, ...] | None


def find(path: Path) -> Source:
    """One file, or the train*, validation* (val*) and test* files of a folder; InputError where there are none."""
    if path.is_file():
        return of_files({"train": (path,)})
    if not path.is_dir():
        raise InputError(f"{path}: found nothing, expected a .parquet file or a folder of them; check the path")
    splits = _by_split(path)
    if "train" not in splits:
        names = sorted(file.name for file in path.glob("*.parquet"))
        raise InputError(
            f"{path}: found {', '.join(names[:5]) or 'no .parquet file'}, expected train*.parquet "
            "(and validation*.parquet, test*.parquet); rename them or name one file"
        )
    used = {file for files in splits.values() for file in files}
    aside = sorted(file.name for file in path.glob("*.parquet") if file not in used)
    return of_files(splits, (f"left out files: {', '.join(aside)}",) if aside else ())


def find_named(folder: Path, test: str = "test") -> Source | None:
    """The train and test files in `folder` (`test` says what those are called), or None where one is missing."""
    splits = _by_split(folder)
    if "train" not in splits or test not in splits:
        return None
    chosen = {"train": splits["train"], "test": splits[test]}
    if test != "validation" and "validation" in splits:
        chosen["validation"] = splits["validation"]
    return of_files(chosen)


def of_files(splits: dict[str, tuple[Path, ...]], notes: tuple[str, ...] = ()) -> Source:
    """The given files of each split, in their order."""
    files = tuple(file for group in splits.values() for file in group)

    def read() -> tuple[Part, ...]:
        train = _part("train", splits["train"], None, notes)
        others = (_part(split, group, train.classes, ()) for split, group in splits.items() if split != "train")
        return (train, *others)

    return Source(files, read)


def _by_split(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Files by split: STEM.parquet alone where it is there, else every STEM*.parquet, shards in order."""
    splits: dict[str, tuple[Path, ...]] = {}
    for split, stems in SPLIT_NAMES.items():
        for stem in stems:
            whole = folder / f"{stem}.parquet"
            files = (whole,) if whole.is_file() else tuple(sorted(folder.glob(f"{stem}*.parquet")))
            if files:
                splits[split] = files
                break
    return splits


def _part(split: str, files: Sequence[Path], classes: tuple[str, ...] | None, notes: tuple[str, ...]) -> Part:
    """One split; `classes` are those of the training split, None for that split itself."""
    blobs: list[bytes | None] = []
    labels: list[Array] = []
    starts: list[int] = []
    place = _place_in(files, starts)
    named: tuple[str, ...] | None = None
    for path in files:
        starts.append(len(blobs))
        columns, content, values = _read_file(path)
        if classes is not None and columns.classes is not None and columns.classes != classes:
            raise InputError(f"{path}: its class names differ from those of the training files; make them the same")
        if path != files[0] and columns.classes != named:
            raise InputError(f"{path}: its class names differ from those of {files[0]}; make them the same")
        named = columns.classes
        blobs += content
        labels.append(values)
    known = classes or named
    whole = integer_labels(np.concatenate(labels), place, len(known) if known else None)
    return Part(split, Encoded(blobs, place), whole, known or numbered(whole), place, notes)


def _place_in(files: Sequence[Path], starts: Sequence[int]) -> Callable[[int], str]:
    def place(index: int) -> str:
        shard = int(np.searchsorted(starts, index, side="right")) - 1
        return f"{files[shard]} row {index - starts[shard]}"

    return place


def _read_file(path: Path) -> tuple[_Columns, list[bytes | None], Array]:
    """The columns, the encoded images and the labels of one file."""
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as opened:
            columns = _columns(opened.schema_arrow, path)
            table = opened.read(columns=[f"{columns.image}.bytes", columns.label])
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(
            f"{path}: damaged, or not a parquet file ({str(error).splitlines()[0]}); {_ASK}; copy or make it again"
        ) from error
    blobs = [item for chunk in table[columns.image].chunks for item in chunk.field("bytes").to_pylist()]
    return columns, blobs, _labels(table[columns.label], columns.label, path)


def _labels(column: pyarrow.ChunkedArray, name: str, path: Path) -> Array:
    import pyarrow

    if not pyarrow.types.is_integer(column.type):
        raise InputError(f"{path}: column {name} holds {column.type}, expected integers from 0; number the classes")
    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise InputError(f"{path} row {row}: no label, expected an integer; label or remove the row")
    return column.to_numpy()


def _columns(schema: pyarrow.Schema, path: Path) -> _Columns:
    """The image and label columns: by name, or else the only ones that the metadata gives those types."""
    import pyarrow

    features = _features(schema)
    image = _pick(("image",), schema, [name for name, kind in features.items() if kind.get("_type") == "Image"])
    label = _pick(_LABELS, schema, [name for name, kind in features.items() if kind.get("_type") == "ClassLabel"])
    kind = None if image is None else schema.field(image).type
    holds_bytes = (
        kind is not None
        and pyarrow.types.is_struct(kind)
        and kind.get_field_index("bytes") >= 0
        and kind.field("bytes").type in (pyarrow.binary(), pyarrow.large_binary())
    )
    if image is None or label is None or not holds_bytes:
        found = ", ".join(f"{field.name}: {field.type}" for field in schema)
        raise InputError(f"{path}: found columns {found or 'none'}; {_ASK}; rename or convert them")
    names = features.get(label, {}).get("names")
    return _Columns(image, label, tuple(map(str, names)) if isinstance(names, list) and names else None)


def _pick(usual: tuple[str, ...], schema: pyarrow.Schema, typed: list[str]) -> str | None:
    for name in usual:
        if name in schema.names:
            return name
    return typed[0] if len(typed) == 1 and typed[0] in schema.names else None


def _features(schema: pyarrow.Schema) -> dict[str, dict[str, Any]]:
    """The Hugging Face features of a schema; empty where there are none or they cannot be read."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    if not isinstance(features, dict):
        return {}
    return {name: kind for name, kind in features.items() if isinstance(kind, dict)}
