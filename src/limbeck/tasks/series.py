"""Series of numbers over time and their classes: named sets of the UCR and UEA archives, and files of one's own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from limbeck.codecs import SeriesCodec
from limbeck.core.contracts import AbstractNetwork, AbstractTask
from limbeck.core.errors import InputError
from limbeck.tasks import places
from limbeck.tasks.cautions import unbalanced, unique
from limbeck.tasks.labelled import Labelled, LabelledTask
from limbeck.tasks.places import not_found, root_of
from limbeck.tasks.prepare import Facts
from limbeck.tasks.readers import series as reader
from limbeck.tasks.readers.series import Rows
from limbeck.tasks.splits import Validation, arrange, check

FOLDER = "time_series"
"""Where the named sets lie under the root."""
DEFAULT = "convnet1d"


@dataclass(frozen=True, eq=False)
class SeriesTask(LabelledTask):
    """Classification of series (example, channel, time)."""

    def network(self, name: str) -> AbstractNetwork:
        """The network of that name for series; InputError for an unknown one."""
        from limbeck.learn import networks

        return networks.build(name, self.shape, len(self.classes), takes="series", default=DEFAULT)

    def describe(self) -> dict[str, Any]:
        """What every task says, the channels and the times, and what is odd: classes that are uneven, flat series."""
        counts = {
            split: dict(zip(unique(self.classes), map(len, self.groups(split)), strict=True)) for split in self.splits
        }
        warnings = unbalanced(counts)
        for split, (native, _) in self.splits.items():
            flat = int((native.amax((1, 2)) == native.amin((1, 2))).sum())
            if flat:
                warnings.append(f"constant series: {flat} in {split} are of a single value")
        still = [str(channel) for channel, std in enumerate(self._spread()) if std == 0]
        if still:
            warnings.append(f"constant channels: {', '.join(still)} never change in the training examples")
        channels, times = self.shape
        return {**super().describe(), "channels": channels, "times": times, "warnings": warnings}

    def _spread(self) -> list[float]:
        """The range of each channel over all training examples."""
        native = self.splits["train"].native
        spread: list[float] = (native.amax((0, 2)) - native.amin((0, 2))).tolist()
        return spread


@dataclass(frozen=True)
class _Named:
    """A set of the archives."""

    spelled: str
    """As the archive spells it, and its files are called."""
    summary: str
    uneven: int | None = None
    """Of series of unequal length, that of the longest, to which all are resampled."""
    notes: tuple[str, ...] = ()


_ARCHIVE = (
    _Named("GunPoint", "200 hand movements, with and without a gun: 150 times"),
    _Named("ItalyPowerDemand", "1,096 days of power demand, of two halves of a year: 24 times"),
    _Named("ArrowHead", "211 outlines of arrowheads in 3 classes: 251 times"),
    _Named("OSULeaf", "442 outlines of leaves in 6 classes: 427 times"),
    _Named("SyntheticControl", "600 simulated control charts in 6 classes: 60 times"),
    _Named("BasicMotions", "80 movements in 4 classes: 6 channels of 100 times"),
    _Named("JapaneseVowels", "640 utterances of 9 speakers: 12 channels of 7 to 29 times", 29),
    _Named("FacesUCR", "2,250 outlines of heads in 14 classes: 131 times"),
    _Named(
        "TwoPatterns",
        "4,999 simulated series of two steps in 4 classes: 128 times",
        notes=("the test split may lack the first of 4,000 published examples",),
    ),
    _Named(
        "ElectricDevicesPart",
        "14,851 days of a device's power in 7 classes, a part of ElectricDevices: 96 times",
        notes=("its splits are not the published ones of ElectricDevices: figures are not comparable",),
    ),
)


def named() -> dict[str, tuple[str, Callable[..., AbstractTask]]]:
    """By name, what each named set is and what loads it."""
    return {each.spelled.lower(): (each.summary, partial(_load_named, each)) for each in _ARCHIVE}


def _load_named(
    each: _Named, root: Path | None, *, length: int | None = None, validation: float | str | None = None
) -> AbstractTask:
    """The named set under the root; InputError that says where was looked, and for what."""
    name = each.spelled.lower()
    folder = root_of(name, root) / FOLDER
    files = {split: folder / f"{each.spelled}_{split}.parquet" for split in ("train", "test")}
    if not all(file.is_file() for file in files.values()):
        looked = " and ".join(file.name for file in files.values())
        raise not_found(name, f"in {folder} for {looked}")
    options = _stated({"length": length, "validation": validation})
    return _task(name, files, options, length=length or each.uneven, validation=validation, notes=each.notes)


def load(
    path: str,
    root: Path | None,
    *,
    label_column: str = "",
    length: int | None = None,
    validation: float | str | None = None,
) -> AbstractTask:
    """The series in a parquet file, or in a folder of train, validation and test files; InputError as the reader's.

    `length` is to how many times all are resampled, `label_column` where the labels are, `validation` as of images.
    """
    name, files = f"series:{path}", reader.files_of(Path(path).expanduser())
    options = _stated({"label_column": label_column, "length": length, "validation": validation})
    task = _task(name, files, options, label_column=label_column, length=length, validation=validation)
    places.remember(name, task.fingerprint)
    return task


def _stated(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that say something."""
    return {name: value for name, value in options.items() if value not in (None, "")}


def _task(
    name: str,
    files: Mapping[str, Path],
    options: Mapping[str, Any],
    *,
    label_column: str = "",
    length: int | None = None,
    validation: float | str | None = None,
    notes: tuple[str, ...] = (),
) -> SeriesTask:
    if length is not None and length < 1:
        raise InputError(f"length {length}: expected at least 1")
    parts, note = reader.read(dict(files), label_column, length)
    validates, train = Validation.of(validation), parts["train"]
    facts = _facts(parts)
    check(facts, validates)
    every = torch.from_numpy(np.stack([each for rows in parts.values() for each in rows.series])).float()
    labels = torch.from_numpy(facts.labels)
    digest = hashlib.sha256(every.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
    rows, carved = arrange(facts, digest, validates)
    splits = {
        split: Labelled(every[torch.from_numpy(each)], labels[torch.from_numpy(each)]) for split, each in rows.items()
    }
    native = splits["train"].native
    if bool((native == native.flatten()[0]).all()):
        raise InputError(
            f"{train.place(0)}: every number of all {len(native):,} training series is {float(native.flatten()[0]):g}, "
            "expected series that differ; check how they were written"
        )
    told = (*notes, *filter(None, [note]), *train.labels.notes, *carved)
    return SeriesTask(name, facts.classes, SeriesCodec.fit(native), splits, options, told)


def _facts(parts: Mapping[str, Rows]) -> Facts:
    """All there is to know of the examples; InputError where there is one class, or a class without examples."""
    train = parts["train"]
    names = tuple(train.labels.names or ())
    classes = train.labels.classes
    if len(names) < 2:
        raise InputError(
            f"{train.place(0)}: found the single class {', '.join(names)!r}, expected at least two; "
            "add series of another"
        )
    counts = np.bincount(classes, minlength=len(names))
    if not counts.all():
        empty = int(np.flatnonzero(counts == 0)[0])
        raise InputError(
            f"{train.place(0)}: class {names[empty]!r} (label {empty}) has no training examples, expected some in "
            "every class; number the classes without gaps"
        )
    return Facts(
        lengths={split: len(rows.series) for split, rows in parts.items()},
        classes=names,
        labels=np.concatenate([rows.labels.classes for rows in parts.values()]),
        notes=(),
        examples=tuple(train.place(int(np.flatnonzero(classes == label)[0])) for label in range(len(names))),
    )
