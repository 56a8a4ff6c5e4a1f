"""Recordings in class folders, or in parquet files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from limbeck.core.errors import InputError
from limbeck.core.text import listed
from limbeck.tasks.readers.columns import Wanted
from limbeck.tasks.readers.decoded import SUFFIXES
from limbeck.tasks.readers.encoded import Encoded, paths_of
from limbeck.tasks.readers.labels import class_name, ordered, readable
from limbeck.tasks.readers.names import hidden, split_of
from limbeck.tasks.readers.parquet import of_files, splits_at
from limbeck.tasks.readers.source import SPLITS, Part, Reading

SOUNDS = Wanted("audio", "Audio", ("audio", "sound", "sounds", "clip", "recording", "wav", "flac", "file", "bytes"))
_ASK = "expected one folder per class with sounds in it, or train and test with those in them"


def find(path: Path, label_column: str = "") -> tuple[Part, ...]:
    """The recordings of each split, that of training first, whose `images` holds the files.

    A .parquet file, a folder of train*.parquet and test*.parquet, or a folder of class folders, within folders of
    splits or without. InputError for a class without sounds, and where there is nothing of the kind.
    """
    if path.is_file() or any(path.glob("*.parquet")):
        splits, notes = splits_at(path)
        return of_files(splits, notes, Reading(label_column=label_column), SOUNDS).read()
    if label_column:
        raise InputError(f"{path}: label column {label_column!r}: folders say the classes; leave it out")
    if not path.is_dir():
        raise InputError(f"{path}: found nothing, {_ASK}; check the path")
    folders = {split_of(each.name): each for each in _folders(path)}
    if "train" not in folders:
        return (_part("train", path, None),)
    train = _part("train", folders["train"], None)
    others = [_part(split, folders[split], train.classes) for split in SPLITS[1:] if split in folders]
    return (train, *others)


def _folders(path: Path) -> list[Path]:
    return sorted(each for each in path.iterdir() if each.is_dir() and not hidden(each.name))


def _part(split: str, folder: Path, known: tuple[str, ...] | None) -> Part:
    """The recordings of a folder of class folders, class by class."""
    by_class = {class_name(each.name): _sounds(each) for each in _folders(folder)}
    if not by_class:
        raise InputError(f"{folder}: found no class folder, {_ASK}; sort the sounds into one folder per class")
    empty = [name for name, files in by_class.items() if not files]
    if empty:
        raise InputError(
            f"{folder}: no sound in {listed([readable(each) for each in empty], 4)}, expected files that end in "
            f"{', '.join(sorted(SUFFIXES))}; add some or remove the folder"
        )
    classes = known or ordered(list(by_class))
    new = [readable(name) for name in by_class if name not in classes]
    if new:
        raise InputError(f"{folder}: the class {new[0]!r} has no training sounds; add some or remove the folder")
    files = [(path, classes.index(name)) for name in classes for path in by_class.get(name, [])]
    paths = [path for path, _ in files]
    aside = sum(1 for each in folder.rglob("*") if each.is_file()) - len(paths)
    notes = (f"left out {aside:,} files of {readable(folder.name)} that are no sound or are hidden",) if aside else ()
    labels = np.array([label for _, label in files], np.int64)
    return Part(split, Encoded(paths, paths_of(paths)), labels, classes, paths_of(paths), notes)


def _sounds(folder: Path) -> list[Path]:
    """Every file of sound in a folder, in the order of their paths."""
    return sorted(
        each
        for each in folder.rglob("*")
        if each.suffix.lower() in SUFFIXES and each.is_file() and not any(map(hidden, each.relative_to(folder).parts))
    )
