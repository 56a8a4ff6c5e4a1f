"""Rows of mixed columns that name a class: named tables, and tables of one's own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.codecs.columns import Columns
from limbeck.core.contracts import AbstractNetwork, Batch, Metric
from limbeck.core.errors import InputError, unknown
from limbeck.core.task import label_bytes
from limbeck.core.text import listed
from limbeck.tasks import places
from limbeck.tasks.labelled import Labelled, LabelledTask
from limbeck.tasks.places import not_found, root_of
from limbeck.tasks.prepare import Facts
from limbeck.tasks.readers import rows as tables
from limbeck.tasks.readers.cells import SCALES, STANDARD, found
from limbeck.tasks.readers.labels import class_name
from limbeck.tasks.readers.row_labels import labels_in
from limbeck.tasks.readers.source import Array
from limbeck.tasks.splits import Validation, arrange, check

DEFAULT = "mlp"
"""The network of tables where none is named."""
IMBALANCED = 1.5
"""Largest class over smallest from which classes are called unbalanced."""
METRICS = (Metric("accuracy", "fraction", True), Metric("balanced accuracy", "fraction", True))


@dataclass(frozen=True, eq=False)
class TableTask(LabelledTask):
    """Classification of rows of mixed columns.

    It is scored by accuracy and, beside it, by the mean over classes of the share that is named rightly.
    """

    metrics: tuple[Metric, ...] = METRICS

    @property
    def columns(self) -> Columns:
        """What the columns hold."""
        assert isinstance(self.codec, Columns)
        return self.codec

    @property
    def bytes_per_example(self) -> int:
        """Those of a row as it came: 4 for a number, a category and a class as an integer each."""
        each = [label_bytes(len(one.values)) if one.chooses else 4 + one.missing for one in self.columns.columns]
        return sum(each) + label_bytes(len(self.classes))

    @property
    def numbers_per_example(self) -> int:
        """The cells of a row, whether each is missing where that may be, and its class."""
        return len(self.columns.field_names) + 1

    @functools.cached_property
    def _seen(self) -> dict[str, Float[Tensor, "row number"]]:
        """What a network sees of all rows of each split: little beside what it takes to code them again and again."""
        return {split: self.columns.encode(held.native.double()).float() for split, held in self.splits.items()}

    def load(self, split: str, rows: Int[Tensor, " example"] | None = None) -> Batch:
        """The given rows of `split`: float32 inputs, one-hot targets, int64 classes."""
        classes, inputs = self._split(split).labels, self._seen[split]
        if rows is not None:
            classes, inputs = classes[rows.cpu()], inputs[rows.cpu()]
        return Batch(inputs, torch.nn.functional.one_hot(classes, len(self.classes)).float(), classes)

    def network(self, name: str) -> AbstractNetwork:
        """The network of that name for what is seen of a row; InputError for an unknown one."""
        from limbeck.learn import networks

        return networks.build(name, self.shape, len(self.classes), networks.VECTORS, DEFAULT)

    def measure(self, outputs: Float[Tensor, "example output"], examples: Batch) -> dict[str, float]:
        """The share of rows whose largest output is their class, and its mean over the classes that there are."""
        right = (outputs.argmax(-1) == examples.classes).double()
        shares = [right[examples.classes == label].mean() for label in examples.classes.unique()]
        return {"accuracy": float(right.mean()), "balanced accuracy": float(torch.stack(shares).mean())}

    def describe(self) -> dict[str, Any]:
        """As every task; its columns are in the codec, and repeated rows and unbalanced classes are warned of."""
        told = super().describe()
        counts, hashes = told["counts"]["train"], {split: self._hashes(split) for split in self.splits}
        most, fewest = max(counts, key=counts.get), min(counts, key=counts.get)
        warnings = []
        if counts[most] >= IMBALANCED * counts[fewest]:
            warnings.append(f"imbalance: {counts[most]} training rows of {most!r}, {counts[fewest]} of {fewest!r}")
        for split in ("validation", "test"):
            shared = sum(each in hashes["train"] for each in hashes[split])
            if shared and self.splits[split] is not self.splits["train"]:
                warnings.append(f"duplicates across splits: {shared} different {split} rows are also in train")
        return {**told, "warnings": [*told["warnings"], *warnings]}

    def _hashes(self, split: str) -> set[bytes]:
        return {each.tobytes() for each in self._split(split).native.numpy()}


def table(
    path: str,
    root: Path | None,
    *,
    label_column: str = "",
    validation: float | str | None = None,
    numbers: str = STANDARD,
) -> TableTask:
    """The task of a table of one's own: a .parquet, .csv or .tsv file, or a folder with one for each split.

    `label_column` names the column of classes, by default found by its name. `numbers` says how numbers are seen:
    standard, or quantiles. Raises InputError for what is no such table.
    """
    stated = {"label_column": label_column, "validation": validation, "numbers": numbers}
    made = _task(f"table:{path}", Path(path).expanduser(), label_column, validation, numbers, (), _given(stated))
    places.remember(made.name, made.fingerprint)
    return made


class Named(NamedTuple):
    """A table that has a name."""

    summary: str
    file: str
    """The file under its folder; "" for the folder itself."""
    contents: str
    notes: tuple[str, ...] = ()


NAMED = {
    "adult": Named(
        "48,842 rows of a census of 1994, 14 columns: who earns more than 50,000 dollars a year",
        "",
        "train.parquet and test.parquet",
        ("people by sex and race, and what they earned in 1994: no ground for a decision about anyone",),
    ),
    "letter_recognition": Named(
        "20,000 rows of 16 whole numbers that were measured of printed letters: which of 26", "",
        "train.parquet and test.parquet",
    ),
    "magic_telescope": Named(
        "19,020 simulated showers in a telescope, 10 numbers each: gamma rays or hadrons", "magic.parquet",
        "magic.parquet",
    ),
}  # fmt: skip


def named() -> dict[str, tuple[str, Callable[..., Any]]]:
    """{name: (summary, loader)} of every table that has a name."""
    return {name: (each.summary, functools.partial(_named, name)) for name, each in NAMED.items()}


def _named(
    name: str, root: Path | None, *, validation: float | str | None = None, numbers: str = STANDARD
) -> TableTask:
    """The task of a table that has a name; InputError where it is not found."""
    each, folder = NAMED[name], root_of(name, root) / name
    place = folder / each.file
    if not place.exists():
        raise not_found(name, f"in {folder} for {each.contents}")
    stated = {"validation": validation, "numbers": numbers}
    return _task(name, place, "label", validation, numbers, each.notes, _given(stated))


def _given(stated: Mapping[str, Any]) -> dict[str, Any]:
    """What was said beyond the defaults."""
    defaults = {"label_column": "", "validation": None, "numbers": STANDARD}
    return {name: value for name, value in stated.items() if value != defaults[name]}


def _task(
    name: str,
    path: Path,
    label_column: str,
    validation: float | str | None,
    numbers: str,
    notes: tuple[str, ...],
    options: Mapping[str, Any],
) -> TableTask:
    if numbers not in SCALES:
        raise unknown("scale of numbers", numbers, SCALES)
    parts, validates = tables.read(path), Validation.of(validation)
    labels = labels_in(parts, path, label_column)
    codec, native, told = _columns(parts, path, labels.column, numbers)
    lengths = {split: len(part) for split, part in parts.items()}
    examples = tuple(f"{path} row {int(row)}" for row in np.unique(labels.classes, return_index=True)[1])
    facts = Facts(lengths, labels.names, labels.classes, (), examples)
    check(facts, validates)
    whole = torch.from_numpy(native).float()
    every = Labelled(whole, torch.from_numpy(labels.classes))
    digest = TableTask(name, labels.names, codec, {"train": every}).fingerprint
    rows, carved = arrange(facts, digest, validates)
    splits = {split: Labelled(whole[each], every.labels[each]) for split, each in rows.items()}
    return TableTask(name, labels.names, codec, splits, dict(options), (*notes, *labels.notes, *told, *carved))


def _columns(parts: Mapping[str, Any], path: Path, label: str, numbers: str) -> tuple[Columns, Array, tuple[str, ...]]:
    """The codec of the columns but the labels, all rows in their own units, and what is to be said of columns."""
    columns, native, notes = [], [], dict[str, list[str]]()
    for name in parts["train"].column_names:
        if name == label:
            continue
        try:
            each = found(class_name(name), [part[name] for part in parts.values()], numbers)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        for note in each.notes:
            notes.setdefault(note, []).append(class_name(name))
        if each.column is not None:
            columns.append(each.column)
            native.append(each.native)
    said = tuple(f"column{'s' * (len(names) > 1)} {listed(names, 8)}: {note}" for note, names in notes.items())
    if not columns:
        why = "; ".join(said) or f"{label!r} alone"
        raise InputError(
            f"{path}: found no column to learn from ({why}), expected numbers, dates or categories; add one"
        )
    return Columns(tuple(columns)), np.concatenate(native, 1), said
