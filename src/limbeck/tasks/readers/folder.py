"""A folder of images with one folder per class, whole or within train, validation and test folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from limbeck.core.errors import InputError
from limbeck.tasks.readers.encoded import SUFFIXES, Encoded, paths_of
from limbeck.tasks.readers.source import SPLIT_NAMES, Part, Source

_ASK = "expected one folder per class with images in it"


def find(path: Path) -> Source:
    """The images below `path`; InputError where there are none, or a class has none."""
    if not path.is_dir():
        what = "a file" if path.exists() else "nothing"
        raise InputError(f"{path}: found {what}, {_ASK}; check the path")
    folders = _split_folders(path)
    listed = {split: _images_by_class(folder) for split, folder in folders.items()}
    classes = tuple(listed["train"][0])
    for split, (by_class, _) in listed.items():
        strangers = [name for name in by_class if name not in classes]
        if strangers:
            raise InputError(
                f"{folders[split]}: class folder {strangers[0]!r} is not in {folders['train']}, "
                "expected the classes of the training images; rename or remove it"
            )
    notes = _notes(path, folders, [other for _, others in listed.values() for other in others])
    files = tuple(file for by_class, _ in listed.values() for paths in by_class.values() for file in paths)

    def read() -> tuple[Part, ...]:
        return tuple(_part(split, by_class, classes, notes) for split, (by_class, _) in listed.items())

    return Source(files, read)


def _split_folders(path: Path) -> dict[str, Path]:
    """The folder of each split; `path` itself where its train folder is missing or is itself a class."""
    if not any(child.is_dir() for child in _children(path / "train")):
        return {"train": path}
    found = {split: [path / name for name in names if (path / name).is_dir()] for split, names in SPLIT_NAMES.items()}
    for split, folders in found.items():
        if len(folders) > 1:
            raise InputError(
                f"{path}: {folders[0].name} and {folders[1].name} are both there, expected one {split} folder; "
                "remove one"
            )
    return {split: folders[0] for split, folders in found.items() if folders}


def _children(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(child for child in folder.iterdir() if not child.name.startswith("."))


def _images_by_class(folder: Path) -> tuple[dict[str, list[Path]], list[Path]]:
    """Class name -> its image files in the order of their names, and the files that are not images."""
    by_class: dict[str, list[Path]] = {}
    others = [child for child in _children(folder) if not child.is_dir()]
    for child in (child for child in _children(folder) if child.is_dir()):
        files = sorted(
            Path(above) / name for above, _, names in os.walk(child) for name in names if not name.startswith(".")
        )
        by_class[child.name] = [file for file in files if file.suffix.lower() in SUFFIXES]
        others += [file for file in files if file.suffix.lower() not in SUFFIXES]
        if not by_class[child.name]:
            raise InputError(
                f"{child}: found no image ({', '.join(sorted(SUFFIXES))}), {_ASK}; fill or remove the class folder"
            )
    if not by_class:
        raise InputError(f"{folder}: found no class folder, {_ASK}; sort the images into one folder per class")
    return by_class, others


def _notes(path: Path, folders: dict[str, Path], others: Sequence[Path]) -> tuple[str, ...]:
    """What below `path` was left out, so that nothing is ignored in silence."""
    notes = []
    if others:
        notes.append(f"left out {len(others)} files that are not images, such as {others[0].relative_to(path)}")
    if folders["train"] != path:
        aside = [child.name for child in _children(path) if child.is_dir() and child not in folders.values()]
        if aside:
            notes.append(f"left out folders that are no split: {', '.join(aside)}")
    return tuple(notes)


def _part(split: str, by_class: dict[str, list[Path]], classes: tuple[str, ...], notes: tuple[str, ...]) -> Part:
    paths = [path for files in by_class.values() for path in files]
    labels = np.array([classes.index(name) for name, files in by_class.items() for _ in files], dtype=np.int64)
    return Part(split, Encoded(paths, paths_of(paths)), labels, classes, paths_of(paths), notes)
