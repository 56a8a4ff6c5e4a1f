"""Sets in files of torch.save: one file of everything, or a file of images beside one of labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from limbeck.core.errors import InputError
from limbeck.core.text import listed
from limbeck.imported.archives import FLOOR, RATIO
from limbeck.imported.arrays import read_arrays, tensor_of
from limbeck.imported.contents import (
    IMAGES,
    LABELS,
    RATES,
    Contents,
    contents,
    holds_list,
    is_listed,
    numbers,
    rates,
    sets_in,
    short,
)  # fmt: skip
from limbeck.imported.found import Found, Wanted
from limbeck.imported.tensors import read_torch
from limbeck.tasks.readers.source import Array

SUFFIXES = (".pt", ".pth", ".npy")
_STEPS = 10_000


def one_file(path: Path, wanted: Wanted) -> Found:
    """A file of torch.save: a set, a list of sets, or the steps of a set with a learning rate each (Wang et al. 2018).

    Of a list under "data" (Zhao et al. 2021) set `which` is taken, counted from 0, or the last where none is named:
    those files hold no word of which is best.
    """
    whole = read_torch(path)
    if _are_steps(whole) and wanted.which is None:
        return _steps(path, whole)
    sets = sets_in(path, whole, wanted.keys)
    repetitions = holds_list(whole)
    at = len(sets) - 1 if wanted.which is None else wanted.which
    if wanted.which is None and len(sets) > 1 and not repetitions:
        raise InputError(
            f"{path}: a list of {len(sets)} sets, and nothing says which is meant; say --which 0 to {len(sets) - 1}"
        )
    if not 0 <= at < len(sets):
        raise InputError(f"{path}: holds {len(sets)} sets, found --which {at}; expected 0 to {len(sets) - 1}")
    found = _found(contents(path, sets[at], wanted.keys), (path,), at if repetitions or len(sets) > 1 else None)
    if len(sets) == 1 or wanted.which is not None:
        return found
    return found.noting(f"the last of {len(sets)} sets was taken; --which names another")


def two_files(path: Path, _wanted: Wanted) -> Found:
    """Files of images and of labels, and of a learning rate where it is there (Cazenavette et al. 2022).

    They are called images_NAME.pt, labels_NAME.pt and lr_NAME.pt, or images.pt and so on, or are arrays (.npy).
    `path` is the file of images, or their folder: there images_best.pt is taken, or the only one.
    """
    images = _images_in(path) if path.is_dir() else path
    labels = labels_beside(images)
    if labels is None:
        raise InputError(
            f"{images}: found no file of labels beside it, expected images_NAME.pt and labels_NAME.pt of one NAME; "
            "copy the labels there"
        )
    rate = _beside(images, RATES)
    learned = () if rate is None else rates(rate, _value(rate))
    made = Contents(numbers(images, "images", _value(images)), numbers(labels, "labels", _value(labels)), learned)
    return _found(made, tuple(each for each in (images, labels, rate) if each is not None), None)


def labels_beside(images: Path) -> Path | None:
    """The file of labels that belongs to a file of images; None where there is none."""
    return _beside(images, LABELS)


def is_images(path: Path) -> bool:
    """Whether a file is called as one of images alone is."""
    return path.suffix in SUFFIXES and path.is_file() and _word(path) is not None


def _found(made: Contents, files: tuple[Path, ...], which: int | None) -> Found:
    notes = (f"left out: {', '.join(map(short, made.others[:6]))}",) if made.others else ()
    return Found(made.images, labels_of(made.labels), files, made.rates, which=which, names=made.names, notes=notes)


def labels_of(labels: Tensor) -> Array:
    """Labels as an array."""
    exact: Array = (labels.float() if labels.dtype == torch.bfloat16 else labels).numpy()
    return exact


def _value(path: Path) -> Any:
    return tensor_of(path, "the array", read_arrays(path).read("")) if path.suffix == ".npy" else read_torch(path)


def _images_in(folder: Path) -> Path:
    images = sorted(filter(is_images, folder.iterdir()))
    best = [each for each in images if each.stem == "images_best"] or images
    if len(best) == 1:
        return best[0]
    if best:
        names = listed([each.name for each in best], 6)
        raise InputError(f"{folder}: any of {names} may be meant; name one of them in place of the folder")
    raise InputError(f"{folder}: expected images_best.pt and labels_best.pt in it; name the file of images")


def _word(path: Path) -> str | None:
    """The longest word for images that the name of a file is, or begins with before a "_"."""
    found = [word for word in IMAGES if re.fullmatch(f"{word}(_.*)?", path.stem, re.IGNORECASE)]
    return max(found, key=len, default=None)


def _beside(images: Path, words: Iterable[str]) -> Path | None:
    word = _word(images)
    if word is None or not images.is_file():
        return None
    ending = images.name[len(word) :]
    # Where images are saved with the whitening undone, the labels are still of the same step.
    endings = dict.fromkeys((ending, ending.replace("_zca_", "_", 1)))
    places = (images.with_name(f"{word}{ending}") for ending in endings for word in words)
    return next((place for place in places if place.is_file()), None)


def _are_steps(value: Any) -> bool:
    """Whether it is a list of images, labels and the learning rate of a step each."""
    return is_listed(value) and len(value) > 1 and all(is_listed(each) and len(each) == 3 for each in value)


def _steps(path: Path, steps: Sequence[Any]) -> Found:
    """The set whose items are those of all steps, and which of them each step sees; equal steps are kept once."""
    if len(steps) > _STEPS:
        raise InputError(f"{path}: {len(steps):,} steps, expected at most {_STEPS:,}; save fewer")
    places: dict[tuple[Any, ...], tuple[int, int]] = {}
    images: list[Tensor] = []
    labels: list[Tensor] = []
    learned: list[float] = []
    rows: list[tuple[int, int]] = []
    count = 0
    for step in steps:
        seen = tuple(_identity(each) for each in step[:2])
        if seen not in places:
            made = contents(path, step[:2], ())
            places[seen] = (count, len(made.images))
            images.append(made.images)
            labels.append(made.labels)
            count += len(made.images)
            _check_total(path, images)
        rows.append(places[seen])
        learned += rates(path, step[2])
    if len({(each.shape[1:], each.dtype) for each in (*images,)}) > 1 or len({each.shape[1:] for each in labels}) > 1:
        raise InputError(f"{path}: steps of images or labels of different shapes, expected all alike; save them so")
    if len(learned) != len(steps):
        raise InputError(f"{path}: {len(learned)} learning rates for {len(steps)} steps, expected one each")
    order = torch.full((len(rows), max(length for _, length in rows)), -1)
    for row, (first, length) in zip(order, rows, strict=True):
        row[:length] = torch.arange(first, first + length)
    found = Found(torch.cat(images), labels_of(torch.cat(labels)), (path,), tuple(learned), order)
    return found.noting(f"{len(rows)} steps with a learning rate each: `--protocol own` trains so; --which takes one")


def _check_total(path: Path, images: Sequence[Tensor]) -> None:
    """InputError where views show far more numbers than the file has."""
    total, stored = sum(each.numel() for each in images), path.stat().st_size
    if total > max(FLOOR, RATIO * stored):
        raise InputError(
            f"{path}: its steps show {stored:,} stored bytes as more than {total:,} numbers, expected every number to "
            "be stored; save it again with .contiguous()"
        )


def _identity(value: Any) -> tuple[Any, ...]:
    """What tells whether two tensors of a file show the same numbers."""
    if not isinstance(value, Tensor):
        return (id(value),)
    return value.data_ptr(), value.dtype, tuple(value.shape), tuple(value.stride())
