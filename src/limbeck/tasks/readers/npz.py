"""Arrays in a NumPy archive: images and labels of each split, by the names that people give them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from limbeck.core.errors import InputError
from limbeck.tasks.readers import ranges
from limbeck.tasks.readers.encoded import colour_of
from limbeck.tasks.readers.labels import hard_labels, numbered, unlabelled
from limbeck.tasks.readers.names import IMAGES, LABELS, split_within, words_of
from limbeck.tasks.readers.source import AS_IT_LOOKS, SPLITS, Array, Part, Reading, Source, Stacked, rows_of

_ASK = "expected a .npz archive with arrays x and y (optionally x_val, y_val, x_test, y_test)"


class _Pair(NamedTuple):
    """The arrays of one split, by their names in the archive."""

    images: str
    labels: str


def find(path: Path, reading: Reading = AS_IT_LOOKS) -> Source:
    """The archive at `path`; InputError where there is none."""
    background = colour_of(reading.background)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "nothing"
        raise InputError(f"{path}: found {what}, {_ASK}; check the path")
    return Source((path,), lambda: _read(path, background))


def _read(path: Path, background: Sequence[int]) -> tuple[Part, ...]:
    arrays, pairs, notes = _arrays(path)
    for split in list(pairs):
        if split != "train" and unlabelled(arrays[pairs[split].labels]):
            count = len(arrays[pairs.pop(split).images])
            notes.append(f"left out the {split} split: none of its {count} images has a label")
    images = {split: arrays[pair.images] for split, pair in pairs.items()}
    reading = ranges.reading_of({f"{path} {pairs[split].images}": each for split, each in images.items()})
    notes += reading.notes
    parts: list[Part] = []
    for split, pair in pairs.items():
        known = parts[0].classes if parts else None
        x, y = images[split], arrays[pair.labels]
        if x.ndim and y.ndim and len(x) != len(y):
            raise InputError(
                f"{path}: {pair.images} has {len(x)} images and {pair.labels} {len(y)} labels, expected as many; "
                "check how they were saved"
            )
        named = known is not None and y.dtype.kind in "USO"
        place = rows_of(f"{path} {pair.labels}")
        labels = hard_labels(y, place, None if known is None else len(known), known if named else None)
        name = f"{path} {pair.images}"
        stacked = _opaque(_channels_last(reading.apply(x), name), background)
        classes = known or labels.names or numbered(labels.classes)
        parts.append(Part(split, stacked, labels.classes, classes, rows_of(name), (*notes, *labels.notes)))
    return tuple(parts)


def _kind_of(name: str) -> tuple[str, str] | None:
    """The split and the kind of an array, "images" or "labels", by its name; None for a name that says neither.

    >>> _kind_of("x"), _kind_of("y_test"), _kind_of("val_images"), _kind_of("X_train"), _kind_of("mean")
    (('train', 'images'), ('test', 'labels'), ('validation', 'images'), ('train', 'images'), None)
    """
    split = split_within(name)
    words = [word for word in words_of(name) if split_within(word) is None]
    if len(words) != 1:
        return None
    kind = (
        "images" if words[0] in (*IMAGES, "inputs", "samples", "features") else "labels" if words[0] in LABELS else ""
    )
    return (split or "train", kind) if kind else None


def _pairs(path: Path, names: list[str]) -> dict[str, _Pair]:
    """The arrays of each split; InputError where one of a pair is missing, or two claim one place."""
    found: dict[tuple[str, str], str] = {}
    for name in names:
        kind = _kind_of(name)
        if kind is not None and kind in found:
            raise InputError(
                f"{path}: {found[kind]} and {name} may both be the {kind[1]} of {kind[0]}, expected one; remove one"
            )
        if kind is not None:
            found[kind] = name
    pairs = {}
    for split in SPLITS:
        images, labels = (found.get((split, kind)) for kind in ("images", "labels"))
        if images and labels:
            pairs[split] = _Pair(images, labels)
        elif images or labels:
            there, lacking = (images, "labels") if images else (labels, "images")
            raise InputError(
                f"{path}: found arrays {', '.join(names)} and no {lacking} to {there}; {_ASK}; rename or add them, or "
                f"save it again without {there}"
            )
    if "train" not in pairs:
        raise InputError(f"{path}: found arrays {', '.join(names) or 'none'}, {_ASK}; rename them")
    return pairs


def _arrays(path: Path) -> tuple[dict[str, Array], dict[str, _Pair], list[str]]:
    """The arrays that matter, read without unpickling anything, which split they are of, and what was left out."""
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise InputError(f"{path}: a single array, {_ASK}; save it with numpy.savez(path, x=..., y=...)")
        with archive:
            pairs = _pairs(path, archive.files)
            used = [name for pair in pairs.values() for name in pair]
            aside = [name for name in archive.files if name not in used]
            notes = [f"left out arrays: {', '.join(aside)}"] if aside else []
            return {name: archive[name] for name in used}, pairs, notes
    except InputError:
        raise
    except Exception as error:  # hostile bytes may make a reader of archives fail in any way
        pickled = "allow_pickle" in str(error) or "pickled" in str(error)
        reason = "pickled objects, which are never loaded" if pickled else "damaged, or not a .npz archive"
        raise InputError(f"{path}: {reason}; {_ASK} of numbers; save it again with numpy.savez") from error


def _channels_last(x: Array, name: str) -> Array:
    if x.ndim == 3:
        return x[..., None]
    if x.ndim == 4 and x.shape[-1] in (1, 3, 4):
        return x
    if x.ndim == 4 and x.shape[1] in (1, 3, 4):
        return np.moveaxis(x, 1, -1)
    raise InputError(
        f"{name}: an array of shape {x.shape}, expected (image, height, width) or (image, height, width, channel) "
        "or (image, channel, height, width) with 1 or 3 channels, or 4 where the last is opacity; reshape it"
    )


def _opaque(x: Array, background: Sequence[int]) -> Stacked:
    """Images laid on a background, where their fourth channel is opacity."""
    if x.shape[-1] != 4:
        return Stacked(x)
    white = 255 if x.dtype == np.uint8 else 1
    alpha = x[..., 3:].astype(np.float64) / white
    laid = x[..., :3] * alpha + np.asarray(background) / 255 * white * (1 - alpha)
    return Stacked((laid.round() if white == 255 else laid).astype(x.dtype), alpha=True)
