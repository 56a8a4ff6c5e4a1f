"""A data set of the Hugging Face hub (or a local one), read through the `datasets` package."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from limbeck.core.errors import InputError
from limbeck.tasks.readers.encoded import Encoded, colour_of
from limbeck.tasks.readers.labels import hard_labels, numbered, unlabelled
from limbeck.tasks.readers.names import IMAGES, LABELS, first_named, split_of
from limbeck.tasks.readers.source import AS_IT_LOOKS, SPLITS, Part, Reading, Source


def find(name: str, reading: Reading = AS_IT_LOOKS) -> Source:
    """The data set called `name`; InputError where `datasets` is not installed or cannot load it."""
    try:
        import datasets
    except ImportError as error:
        raise InputError(
            f"hf:{name} is read by the datasets package, which is not installed; run pip install limbeck[hub]"
        ) from error
    colour_of(reading.background)
    try:
        found = datasets.load_dataset(name)
    except Exception as error:  # whatever the package, the network or the hub reports
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"hf:{name}: could not be loaded ({reason}); check the name and the connection") from error
    named = {split_of(each): each for each in found}
    splits = {split: found[named[split]] for split in SPLITS if split in named}
    if "train" not in splits:
        raise InputError(f"hf:{name}: found splits {', '.join(found)}, expected train; choose another data set")
    aside = [each for each in found if each not in named.values() or split_of(each) is None]
    notes = (f"left out splits: {', '.join(aside)}",) if aside else ()
    files = tuple(Path(entry["filename"]) for data in splits.values() for entry in data.cache_files)

    def read() -> tuple[Part, ...]:
        parts: list[Part] = []
        told: list[str] = []
        for split, data in splits.items():
            part = _part(f"hf:{name}", split, data, datasets, reading, parts[0].classes if parts else None)
            if part is None:
                told.append(f"left out the {split} split: none of its images has a label")
            else:
                parts.append(part)
        return (replace(parts[0], notes=(*told, *parts[0].notes)), *parts[1:])

    return Source(files, read, notes)


def _part(
    name: str, split: str, data: Any, datasets: Any, reading: Reading, known: tuple[str, ...] | None
) -> Part | None:
    """One split, whose classes are `known` unless it is that of training; None where it has no labels."""
    images = [column for column, kind in data.features.items() if isinstance(kind, datasets.Image)]
    kinds = {column: kind for column, kind in data.features.items() if isinstance(kind, datasets.ClassLabel)}
    image = first_named(IMAGES, images) or (images[0] if len(images) == 1 else None)
    others = [column for column in data.features if column != image]
    label = reading.label_column or first_named(("label", "fine_label"), others)
    label = label or (next(iter(kinds)) if len(kinds) == 1 else first_named(LABELS, others))
    if image is None or label not in others:
        raise InputError(
            f"{name}: found columns {', '.join(data.features)}, expected one image column and one label column; "
            "name the labels with --label-column NAME (label_column= in Python)"
        )

    def place(index: int) -> str:
        return f"{name} {split} row {index}"

    names = tuple(map(str, kinds[label].names)) if label in kinds else None
    values = data[label][:]
    array = np.array(values, object if any(isinstance(each, str | None) for each in values) else None)
    if known is not None and unlabelled(array):
        return None
    named = names or (known if array.dtype.kind == "O" else None)
    labels = hard_labels(array, place, None if known is None else len(known), named)
    stored = data.select_columns([image]).cast_column(image, datasets.Image(decode=False))
    contents = [_content(row[image]) for row in stored]
    classes = known or labels.names or numbered(labels.classes)
    return Part(split, Encoded(contents, place, reading), labels.classes, classes, place, labels.notes)


def _content(image: dict[str, Any] | None) -> bytes | Path | None:
    if image is None:
        return None
    return image["bytes"] if image.get("bytes") else Path(image["path"])
