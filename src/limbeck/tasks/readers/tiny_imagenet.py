"""The published folder of Tiny ImageNet: training images by class, labelled validation images, an unlabelled test."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from limbeck.core.errors import InputError
from limbeck.tasks.readers.encoded import Encoded, paths_of
from limbeck.tasks.readers.source import Part, Source

_NOTE = "the labelled validation images are the test split: the published test images have no labels"


def find(folder: Path) -> Source | None:
    """tiny-imagenet-200 at `folder`, or None where its train folder or val_annotations.txt is missing."""
    annotations = folder / "val" / "val_annotations.txt"
    if not (annotations.is_file() and (folder / "train").is_dir()):
        return None
    wnids = sorted(path.name for path in (folder / "train").iterdir() if path.is_dir())
    by_class = [sorted((folder / "train" / wnid / "images").glob("*.JPEG")) for wnid in wnids]
    train = [path for paths in by_class for path in paths]
    test, test_labels = _annotated(annotations, wnids)
    words = folder / "words.txt"
    files = (*train, *test, annotations, *([words] if words.is_file() else []))

    def read() -> tuple[Part, ...]:
        classes = _names(words, wnids)
        labels = np.repeat(np.arange(len(wnids), dtype=np.int64), [len(paths) for paths in by_class])
        return (
            Part("train", Encoded(train, paths_of(train)), labels, classes, paths_of(train), (_NOTE,)),
            Part("test", Encoded(test, paths_of(test)), test_labels, classes, paths_of(test)),
        )

    return Source(files, read)


def _annotated(annotations: Path, wnids: list[str]) -> tuple[list[Path], np.ndarray]:
    """The validation images and their labels: lines of file name, class, box, separated by tabs."""
    position = {wnid: index for index, wnid in enumerate(wnids)}
    paths, labels = [], []
    for number, line in enumerate(annotations.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        name, _, rest = line.partition("\t")
        wnid = rest.split("\t")[0]
        path = annotations.parent / "images" / name
        # A name with a folder in it could point outside the data.
        if wnid not in position or Path(name).name != name or not path.is_file():
            raise InputError(
                f"{annotations} line {number}: {line[:60]!r}, expected the name of a file in val/images, a tab and "
                "a class that has a train folder; unpack the archive again"
            )
        paths.append(path)
        labels.append(position[wnid])
    return paths, np.array(labels, dtype=np.int64)


def _names(words: Path, wnids: list[str]) -> tuple[str, ...]:
    """The first word for each class where words.txt gives every class one of its own, else the WordNet ids."""
    if not words.is_file():
        return tuple(wnids)
    lines = words.read_text(encoding="utf-8", errors="replace").splitlines()
    known = {wnid: rest.split(",")[0].strip() for wnid, _, rest in (line.partition("\t") for line in lines)}
    names = tuple(known.get(wnid, wnid) for wnid in wnids)
    return names if len(set(names)) == len(names) else tuple(wnids)
