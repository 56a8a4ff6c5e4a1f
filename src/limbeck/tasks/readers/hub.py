"""A data set of the Hugging Face hub (or a local one), read through the `datasets` package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from limbeck.core.errors import InputError
from limbeck.tasks.readers.encoded import Encoded
from limbeck.tasks.readers.labels import integer_labels, numbered
from limbeck.tasks.readers.source import SPLIT_NAMES, Part, Source


def find(name: str) -> Source:
    """The data set called `name`; InputError where `datasets` is not installed or cannot load it."""
    try:
        import datasets
    except ImportError as error:
        raise InputError(
            f"hf:{name} is read by the datasets package, which is not installed; run pip install limbeck[hub]"
        ) from error
    try:
        found = datasets.load_dataset(name)
    except Exception as error:  # whatever the package, the network or the hub reports
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"hf:{name}: could not be loaded ({reason}); check the name and the connection") from error
    splits = {
        split: found[names]
        for split, usual in SPLIT_NAMES.items()
        if (names := next((each for each in usual if each in found), None)) is not None
    }
    if "train" not in splits:
        raise InputError(f"hf:{name}: found splits {', '.join(found)}, expected train; choose another data set")
    files = tuple(Path(entry["filename"]) for data in splits.values() for entry in data.cache_files)
    return Source(files, lambda: tuple(_part(f"hf:{name}", split, data, datasets) for split, data in splits.items()))


def _part(name: str, split: str, data: Any, datasets: Any) -> Part:
    images = [column for column, kind in data.features.items() if isinstance(kind, datasets.Image)]
    kinds = {column: kind for column, kind in data.features.items() if isinstance(kind, datasets.ClassLabel)}
    image = "image" if "image" in images else images[0] if len(images) == 1 else None
    label = next((column for column in ("label", "fine_label") if column in data.features), None)
    label = label or (next(iter(kinds)) if len(kinds) == 1 else None)
    if image is None or label is None:
        raise InputError(
            f"{name}: found columns {', '.join(data.features)}, expected one image column and one label column; "
            "save it as parquet with columns image and label, and load that with parquet:PATH"
        )

    def place(index: int) -> str:
        return f"{name} {split} row {index}"

    names = tuple(map(str, kinds[label].names)) if label in kinds else None
    labels = integer_labels(np.asarray(data[label][:]), place, len(names) if names else None)
    stored = data.select_columns([image]).cast_column(image, datasets.Image(decode=False))
    contents = [_content(row[image]) for row in stored]
    return Part(split, Encoded(contents, place), labels, names or numbered(labels), place)


def _content(image: dict[str, Any] | None) -> bytes | Path | None:
    if image is None:
        return None
    return image["bytes"] if image.get("bytes") else Path(image["path"])
