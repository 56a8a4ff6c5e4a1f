"""Parquet files of encoded images and labels: as the Hugging Face hub has them, or as people write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from limbeck.core.errors import InputError
from limbeck.tasks.readers.columns import PICTURES, Wanted, read_file
from limbeck.tasks.readers.encoded import Encoded, colour_of
from limbeck.tasks.readers.labels import hard_labels, numbered, readable, unlabelled
from limbeck.tasks.readers.names import hidden, split_within
from limbeck.tasks.readers.shards import Shard, Shards
from limbeck.tasks.readers.source import AS_IT_LOOKS, SPLITS, Array, Part, Reading, Source

_STEMS = {"train": ("train",), "validation": ("validation", "valid", "val"), "test": ("test",)}
"""What the files of each split begin with, as published sets have them."""


class _Content(NamedTuple):
    """What the files of one split hold."""

    images: Shards
    values: Array
    """(example, ...), labels as they stand there."""
    names: tuple[str, ...] | None
    """The names of the classes, where the files say them."""
    place: Callable[[int], str]
    notes: tuple[str, ...]


def find(path: Path, reading: Reading = AS_IT_LOOKS) -> Source:
    """One file, or the files of each split in a folder or the folders in it; InputError where there are none."""
    colour_of(reading.background)
    return of_files(*splits_at(path), reading)


def splits_at(path: Path) -> tuple[dict[str, tuple[Path, ...]], tuple[str, ...]]:
    """The files of each split at a path, and notes on what else is there; InputError where there are none."""
    if path.is_file():
        return {"train": (path,)}, ()
    if not path.is_dir():
        raise InputError(f"{path}: found nothing, expected a .parquet file or a folder of them; check the path")
    files = sorted(file for file in path.rglob("*.parquet") if not _hidden(file, path))
    splits = _by_split(path) or _nested(path, files)
    if "train" not in splits:
        names = [str(file.relative_to(path)) for file in files]
        raise InputError(
            f"{path}: found {', '.join(names[:5]) or 'no .parquet file'}, expected train*.parquet "
            "(and validation*.parquet, test*.parquet); rename them or name one file"
        )
    used = {file for group in splits.values() for file in group}
    aside = [readable(str(file.relative_to(path))) for file in files if file not in used]
    return splits, (f"left out files: {', '.join(aside)}",) if aside else ()


def _hidden(file: Path, root: Path) -> bool:
    return any(hidden(part) for part in file.relative_to(root).parts)


def find_named(folder: Path, test: str = "test") -> Source | None:
    """The train and test files in `folder` (`test` says what those are called), or None where one is missing."""
    splits = _by_split(folder)
    if "train" not in splits or test not in splits:
        return None
    chosen = {"train": splits["train"], "test": splits[test]}
    if test != "validation" and "validation" in splits:
        chosen["validation"] = splits["validation"]
    return of_files(chosen)


def of_files(
    splits: dict[str, tuple[Path, ...]],
    notes: tuple[str, ...] = (),
    reading: Reading = AS_IT_LOOKS,
    wanted: Wanted = PICTURES,
) -> Source:
    """The given files of each split, in their order; of images, or what is wanted in their place."""
    files = tuple(file for group in splits.values() for file in group)

    def read() -> tuple[Part, ...]:
        parts: list[Part] = []
        told: list[str] = []
        for split, group in splits.items():
            content = _content(group, reading, wanted)
            if split != "train" and unlabelled(content.values):
                told.append(f"left out the {split} split: none of its {len(content.images)} images has a label")
                continue
            parts.append(_part(split, group, content, parts[0] if parts else None, reading))
        return (replace(parts[0], notes=(*told, *parts[0].notes)), *parts[1:])

    return Source(files, read, notes)


def _by_split(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Files by split: STEM.parquet alone where it is there, else every STEM*.parquet, shards in order."""
    splits: dict[str, tuple[Path, ...]] = {}
    for split, stems in _STEMS.items():
        for stem in stems:
            whole = folder / f"{stem}.parquet"
            files = (whole,) if whole.is_file() else tuple(sorted(folder.glob(f"{stem}*.parquet")))
            if files:
                splits[split] = files
                break
    return splits


def _nested(root: Path, files: Sequence[Path]) -> dict[str, tuple[Path, ...]]:
    """Files by the split that their name or the folder next above speaks of, in any case.

    Raises InputError where files of one split lie in several folders, as those of several configurations do.
    """
    by_split: dict[str, dict[Path, list[Path]]] = {}
    for file in files:
        above = (part for part in reversed(file.relative_to(root).parts[:-1]))
        split = next(filter(None, (split_within(name) for name in (file.stem, *above))), None)
        if split is not None:
            by_split.setdefault(split, {}).setdefault(file.parent, []).append(file)
    for split, folders in by_split.items():
        if len(folders) > 1:
            first, second = (folder.relative_to(root) for folder in list(folders)[:2])
            raise InputError(
                f"{root}: {first} and {second} both hold files of {split}, expected one folder of them; name one, "
                f"such as parquet:{root / first.parts[0]}"
            )
    return {split: tuple(next(iter(by_split[split].values()))) for split in SPLITS if split in by_split}


def _content(files: Sequence[Path], reading: Reading, wanted: Wanted) -> _Content:
    shards: list[Shard] = []
    values: list[Array] = []
    starts: list[int] = []
    notes: list[str] = []
    named: tuple[str, ...] | None = None
    for path in files:
        starts.append(sum(map(len, values)))
        found = read_file(path, reading.label_column, wanted)
        if path != files[0] and found.classes != named:
            raise InputError(f"{path}: its class names differ from those of {files[0]}; make them the same")
        named = found.classes
        shards.append(found.images)
        values.append(found.labels)
        notes += found.notes
    return _Content(Shards(shards), np.concatenate(values), named, place_in(files, starts), tuple(dict.fromkeys(notes)))


def _part(split: str, files: Sequence[Path], content: _Content, train: Part | None, reading: Reading) -> Part:
    """One split; its classes are those of `train`, where that is another."""
    known = None if train is None else train.classes
    if known is not None and content.names is not None and content.names != known:
        raise InputError(f"{files[0]}: its class names differ from those of the training files; make them the same")
    text = content.values.dtype.kind in "USO"
    names = known if text or content.names is not None else content.names
    count = None if known is None else len(known)
    labels = hard_labels(content.values, content.place, count, names or content.names)
    classes = known or labels.names or numbered(labels.classes)
    images = Encoded(content.images, content.place, reading)
    return Part(split, images, labels.classes, classes, content.place, (*content.notes, *labels.notes))


def place_in(files: Sequence[Path | str], starts: Sequence[int]) -> Callable[[int], str]:
    """The place of a row of several files that are one table; each file begins at one of `starts`."""

    def place(index: int) -> str:
        shard = int(np.searchsorted(starts, index, side="right")) - 1
        return f"{files[shard]} row {index - starts[shard]}"

    return place
