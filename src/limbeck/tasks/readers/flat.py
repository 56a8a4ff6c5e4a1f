"""Images without class folders: their classes are in a table beside them, or in their names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from limbeck.core.errors import InputError
from limbeck.tasks.readers.labels import class_name, readable
from limbeck.tasks.readers.names import split_within
from limbeck.tasks.readers.tables import is_table, labels_in_names, read_table
from limbeck.tasks.readers.tree import Folder


@dataclass
class Flat:
    """Images and their classes by split, as tables or names say them."""

    splits: dict[str, dict[Path, str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    tables: list[Path] = field(default_factory=list)
    """The tables that were read."""
    aside: list[Path] = field(default_factory=list)
    """Images that were left out, which a note says."""


def tables_in(*folders: Folder) -> list[Path]:
    """The files of the folders themselves that may be tables of labels."""
    return [
        path for folder in {each.path: each for each in folders}.values() for path in folder.others if is_table(path)
    ]


def read_split(
    split: str, folder: Folder, tables: Sequence[Path], label_column: str, everywhere: Collection[str]
) -> Flat:
    """The images in `folder`, which are all of one split, as the table for that split or their names say.

    A table may name images of other splits, too, whose names are `everywhere`. Nothing, with a note, where nothing says
    the classes of these.
    """
    found = Flat()
    images = folder.all_images()
    fitting = [path for path in tables if split_within(path.stem) in (None, split)]
    for table in sorted(fitting, key=lambda path: (split_within(path.stem) is None, path)):
        _take(table, images, split, label_column, found, everywhere)
        if found.splits:
            _unnamed(images, found)
            return found
    named = labels_in_names(images)
    if named is not None:
        found.splits[split] = named
        found.notes.append(_said_by_names(named))
    else:
        found.aside += images
        found.notes.append(
            f"left out the {len(images)} images of {readable(folder.name)}: no table or folder says their classes"
        )
    return found


def read_whole(folder: Folder, tables: Sequence[Path], label_column: str) -> Flat:
    """The images in `folder` of all splits: one for each table that names one, such as train.csv and test.csv."""
    found = Flat()
    images = folder.all_images()
    for table in sorted(tables, key=lambda path: (split_within(path.stem) is None, path)):
        split = split_within(table.stem) or "train"
        if split not in found.splits:
            _take(table, images, split, label_column, found, ())
    if not found.splits:
        named = labels_in_names(images)
        if named is not None:
            found.splits["train"] = named
            found.notes.append(_said_by_names(named))
        return found
    _unnamed(images, found)
    return found


def _unnamed(images: Sequence[Path], found: Flat) -> None:
    """Note the images that no table gives a label."""
    aside = [path for path in images if not any(path in labels for labels in found.splits.values())]
    if aside:
        found.aside += aside
        found.notes.append(
            f"left out {len(aside)} images that no table gives a label, such as {readable(aside[0].name)}"
        )


def _take(
    table: Path, images: Sequence[Path], split: str, label_column: str, found: Flat, everywhere: Collection[str]
) -> None:
    """Take what a table says of a split, where it says something."""
    listed = read_table(table, images, label_column, everywhere)
    if listed is None or listed.labels is None:
        return
    labels = {path: class_name(label) for path, label in sorted(listed.labels.items()) if label}
    found.tables.append(table)
    if not labels:
        return
    found.splits[split] = labels
    found.notes.append(f"the classes of {split} are those in {readable(table.name)}")
    if listed.missing:
        found.notes.append(
            f"{len(listed.missing)} rows of {readable(table.name)} name no image that is there, such as "
            f"{readable(listed.missing[0])}"
        )


def _said_by_names(named: dict[Path, str]) -> str:
    example = min(named)
    return (
        f"the classes are how the names of the files begin: {readable(example.name)} is of the class {named[example]}"
    )


def refuse(folder: Folder, tables: Sequence[Path], splits: str = "") -> InputError:
    """What was seen where nothing says the classes of images; `splits` are the folders that were taken for splits."""
    images = folder.all_images()
    seen = f"{len(images)} images without class folders, such as {images[0].relative_to(folder.path)}"
    beside = (
        f", and beside them {', '.join(path.name for path in tables[:4])}, which name few of them" if tables else ""
    )
    classes = f"; where {splits} are classes, pass --layout class (layout='class' in Python)" if splits else ""
    return InputError(
        f"{folder.path}: found {seen}{beside}; expected one folder per class, a table train.csv of file names and a "
        f"column label, or files named CLASS_NUMBER, three or more of each class; sort or name them so{classes}"
    )
