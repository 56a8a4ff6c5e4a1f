"""Tables of texts and labels: CSV, tab-separated, JSON Lines and parquet files, one or a few for each split."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from limbeck.core.errors import InputError
from limbeck.core.text import listed, shown
from limbeck.tasks.readers.columns import features_of, labels_in
from limbeck.tasks.readers.labels import hard_labels, numbered, readable, unlabelled
from limbeck.tasks.readers.names import LABELS, first_named, hidden, split_within
from limbeck.tasks.readers.parquet import place_in
from limbeck.tasks.readers.source import SPLITS, Array

if TYPE_CHECKING:
    import pyarrow

TEXTS = (
    *("text", "sentence", "content", "review", "document", "body", "question", "title", "headline", "tweet"),
    *("comment", "message", "description", "utterance", "query"),
)
"""What columns of text are called, the usual first."""
ENDINGS = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
_JSON = (".jsonl", ".json")
_LARGEST = 2**31 - 1
_ASK = "expected a column of text and one of labels"


class Rows(NamedTuple):
    """The rows of one split."""

    texts: list[str]
    labels: Array
    """(row,) int64."""
    place: Callable[[int], str]
    """How a person finds a row."""


class Found(NamedTuple):
    """What lies at a path."""

    splits: dict[str, Rows]
    """The training split is always there, and first."""
    classes: tuple[str, ...]
    notes: tuple[str, ...]


class _Table(NamedTuple):
    texts: list[str]
    values: Array
    names: tuple[str, ...] | None


def find(path: Path, text_column: str = "", label_column: str = "") -> Found:
    """One file, or the files of each split in a folder, told by their names; InputError where there are none."""
    if path.is_file():
        return read({"train": (path,)}, text_column, label_column)
    if not path.is_dir():
        raise InputError(
            f"{readable(str(path))}: found nothing, expected a CSV, JSON Lines or parquet file, or a folder of them"
        )
    files = sorted(
        each for each in path.rglob("*") if each.suffix.lower() in ENDINGS and each.is_file() and not hidden(each.name)
    )
    splits = {split: tuple(each for each in files if split_within(each.stem) == split) for split in SPLITS}
    splits = {split: group for split, group in splits.items() if group}
    if "train" not in splits:
        names = listed([readable(str(each.relative_to(path))) for each in files], 5) or "no .csv or .parquet file"
        raise InputError(
            f"{readable(str(path))}: found {names}, expected train.csv or train*.parquet (and validation*, test*); "
            "rename them or name one file"
        )
    found = read(splits, text_column, label_column)
    used = {each for group in splits.values() for each in group}
    aside = [readable(str(each.relative_to(path))) for each in files if each not in used]
    return found._replace(notes=(f"left out files: {listed(aside, 5)}", *found.notes)) if aside else found


def read(
    splits: Mapping[str, tuple[Path, ...]], text_column: str = "", label_column: str = "", classes: Sequence[str] = ()
) -> Found:
    """The given files of each split, in their order; labels are names or numbers of `classes`, if known."""
    made: dict[str, Rows] = {}
    notes: list[str] = []
    known = tuple(classes)
    for split, files in splits.items():
        if len(endings := {each.suffix.lower() for each in files}) > 1:
            raise InputError(
                f"{readable(str(files[0]))}: the {split} split lies in files of {' and '.join(sorted(endings))}, "
                "expected one of these; move the others away"
            )
        tables = [_read(path, text_column, label_column) for path in files]
        starts = [0, *itertools.accumulate(len(each.texts) for each in tables[:-1])]
        place = place_in([readable(str(file)) for file in files], starts)
        values, texts = np.concatenate([each.values for each in tables]), [one for each in tables for one in each.texts]
        if not texts:
            raise InputError(f"{readable(str(files[0]))}: found no rows, expected some; add them or remove the split")
        if made and unlabelled(values):
            notes.append(f"left out the {split} split: none of its {len(texts):,} rows has a label")
            continue
        names = known if values.dtype.kind in "USO" else ()
        told = hard_labels(values, place, len(known) or None, names or tables[0].names)
        known = known or told.names or numbered(told.classes)
        notes += told.notes
        made[split] = Rows(texts, told.classes, place)
    return Found(made, known, tuple(dict.fromkeys(notes)))


def _read(path: Path, text_column: str, label_column: str) -> _Table:
    """The texts and labels of one file; InputError for one that cannot be read, and where columns are not plain."""
    import pyarrow

    told = readable(str(path))
    try:
        spelled = path.suffix.lower() not in (*_JSON, ".parquet")
        table = _csv(path) if spelled else _typed(path)
    except UnicodeDecodeError as error:
        raise InputError(f"{told}: byte {error.start} is no UTF-8, expected UTF-8; save the file as UTF-8") from error
    except (pyarrow.ArrowException, csv.Error, OSError) as error:
        reason = readable(str(error).partition("\n")[0])[:160]
        raise InputError(f"{told}: cannot be read ({reason}); {_ASK}; repair it or make it again") from error
    text, label = _columns(told, table, spelled, text_column, label_column)
    # An empty cell of a CSV is a text of nothing, and no label.
    labels = np.array([each or None for each in table[label].to_pylist()], object) if spelled else None
    names = features_of(table.schema).get(label, {}).get("names")
    return _Table(
        [each or "" for each in table[text].to_pylist()],
        labels_in(table[label], label, path) if labels is None else labels,
        tuple(map(str, names)) if isinstance(names, list) and names else None,
    )


def _typed(path: Path) -> pyarrow.Table:
    """A table that says the types of its columns, as JSON Lines and parquet files do."""
    import pyarrow.json
    import pyarrow.parquet

    if path.suffix.lower() in _JSON:
        room = pyarrow.json.ReadOptions(block_size=min(path.stat().st_size + 1, _LARGEST), use_threads=False)
        return pyarrow.json.read_json(path, read_options=room)
    with pyarrow.parquet.ParquetFile(path) as opened:
        return opened.read()


def _csv(path: Path) -> pyarrow.Table:
    """A table whose every cell is text."""
    import pyarrow
    import pyarrow.csv

    with open(path, encoding="utf-8-sig", newline="") as opened:
        line = opened.readline(_LARGEST)
    counts = {mark: line.count(mark) for mark in ("\t", ",", ";")}
    mark = max(counts, key=lambda each: counts[each])
    header = next(csv.reader([line], delimiter=mark), [])
    if len(set(header)) < len(header):
        raise pyarrow.ArrowInvalid("two columns of one name")
    return pyarrow.csv.read_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(block_size=min(path.stat().st_size + 1, _LARGEST), use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(delimiter=mark, newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(header, pyarrow.string()), strings_can_be_null=False
        ),
    )


def _columns(told: str, table: pyarrow.Table, spelled: bool, text_column: str, label_column: str) -> tuple[str, str]:
    """The columns of text and of labels: as they are named, else by the usual names, else the only one there may be."""
    names = table.column_names
    found = listed([shown(each) for each in names], 10) or "none"
    for option, named in (("--text-column", text_column), ("--label-column", label_column)):
        if named and named not in names:
            raise InputError(f"{told}: no column {shown(named)}, found columns {found}; name one of these by {option}")
    label = label_column or first_named(LABELS, [each for each in names if each != text_column])
    if label is None:
        raise InputError(f"{told}: found columns {found}; {_ASK}; name the labels with --label-column NAME")
    texts = [each for each in names if each != label and (spelled or _is_text(table.schema.field(each).type))]
    text = text_column or first_named(TEXTS, texts) or (texts[0] if len(texts) == 1 else None)
    if text is None or text not in texts:
        raise InputError(f"{told}: found columns {found}; {_ASK}; name the text with --text-column NAME")
    return text, label


def _is_text(kind: pyarrow.DataType) -> bool:
    import pyarrow

    types = pyarrow.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))
