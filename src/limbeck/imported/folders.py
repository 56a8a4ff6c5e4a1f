"""Sets published as pictures: a folder for each class, called by its name or by its number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from limbeck.core.errors import InputError
from limbeck.core.text import listed
from limbeck.imported.found import Found, Wanted
from limbeck.tasks.readers.encoded import SUFFIXES, Encoded, all_decoded, paths_of
from limbeck.tasks.readers.labels import class_name
from limbeck.tasks.readers.names import hidden, split_of

NAMES, NUMBERS = "names", "numbers"
_NUMBER = re.compile(r"(?:new|class)?[_-]?(\d+)", re.ASCII | re.IGNORECASE)
"""A class by its number: 3, 00003, new003 (Yin et al. 2023), class_3."""


def class_folders(path: Path, wanted: Wanted) -> Found:
    """One folder of PNG or other images for each class, by its name or its number from 0 (3, 00003, new003).

    Folders are called by names where each of them is the name of a class, else by numbers where none is. Raises
    InputError where they may be both, and where two folders are of one class.
    """
    if not path.is_dir():
        raise InputError(f"{path}: expected a folder with one folder of images for each class; check the path")
    path = _above_classes(path)
    inside = _seen(path)
    found = [each for each in inside if each.is_dir()]
    if not found:
        raise InputError(f"{path}: found no folders in it, expected one of images for each class; check the path")
    of_class = _classes(path, found, wanted)
    files: list[Path] = []
    labels: list[int] = []
    others = [each for each in inside if not each.is_dir()]
    for folder, label in zip(found, of_class, strict=True):
        there = _seen(folder)
        images = [each for each in there if _is_image(each)]
        others += [each for each in there if each not in images]
        files += images
        labels += [label] * len(images)
    if not files:
        kinds = ", ".join(sorted({each.suffix or each.name for each in others})[:5]) or "nothing"
        raise InputError(f"{path}: found {kinds} in its folders, expected images; check the path")
    made = Found(stacked(files, "make them alike"), np.array(labels, np.int64), tuple(files))
    if not others:
        return made
    return made.noting(f"left out: {len(others)} that {'is' if len(others) == 1 else 'are'} no image, as {others[0]}")


def _seen(folder: Path) -> list[Path]:
    return [each for each in sorted(folder.iterdir()) if not hidden(each.name)]


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _above_classes(path: Path) -> Path:
    """The folder whose folders hold images: `path`, or the one folder within it, as an unpacked archive leaves it."""
    inside = _seen(path)
    if len(inside) == 1 and inside[0].is_dir():
        below = _seen(inside[0])
        if any(each.is_dir() for each in below) and not any(map(_is_image, below)):
            return _above_classes(inside[0])
    return path


def stacked(files: Sequence[Path], advice: str) -> UInt8[Tensor, "item channel height width"]:
    """The pictures in files; InputError, which ends in `advice`, where they are not all of one shape."""
    decoded = all_decoded(Encoded(files, paths_of(files)))
    for file, image in zip(files, decoded, strict=True):
        if image.shape != decoded[0].shape:
            raise InputError(f"{file}: of shape {image.shape}, expected {decoded[0].shape} as {files[0]}; {advice}")
    return torch.from_numpy(np.stack(decoded)).permute(0, 3, 1, 2)


def _classes(path: Path, folders: Sequence[Path], wanted: Wanted) -> list[int]:
    """The class of each folder."""
    splits = [each for each in folders if split_of(each.name) and each.name not in wanted.classes]
    if splits:
        raise InputError(
            f"{path}: holds {', '.join(each.name for each in splits)}, as of splits, expected a folder for each class; "
            f"name one of them, as {splits[0]}"
        )
    position = {class_name(name): index for index, name in enumerate(wanted.classes)}
    by_name = [position.get(class_name(each.name)) for each in folders]
    by_number = [_number(each.name, len(wanted.classes)) for each in folders]
    if wanted.folders:
        chosen = by_name if wanted.folders == NAMES else by_number
        return _all(folders, chosen, wanted.folders, wanted.classes)
    named, numbered = all(each is not None for each in by_name), all(each is not None for each in by_number)
    if named and numbered and by_name != by_number or not named and numbered and any(e is not None for e in by_name):
        at = next(at for at, name in enumerate(by_name) if name is not None and name != by_number[at])
        told = "some are" if not named else "all are"
        raise InputError(
            f"{path}: its folders are called by numbers, and {told} names of classes too: {folders[at].name} is class "
            f"{by_number[at]} by number ({wanted.classes[by_number[at] or 0]}), and {by_name[at]} by name; say "
            f"--folders {NUMBERS}" + (f" or --folders {NAMES}" if named else "")
        )
    if named:
        return _all(folders, by_name, NAMES, wanted.classes)
    return _all(folders, by_number if numbered else _mixed(folders, by_name, by_number), "", wanted.classes)


def _mixed(
    folders: Sequence[Path], by_name: Sequence[int | None], by_number: Sequence[int | None]
) -> Sequence[int | None]:
    """What the folders are where they are not all alike: names where any is a name, so that what is strange is told."""
    return by_name if any(each is not None for each in by_name) else by_number


def _all(folders: Sequence[Path], found: Sequence[int | None], called: str, classes: Sequence[str]) -> list[int]:
    """Every class; InputError for a folder of none, and for two of one."""
    first: dict[int, Path] = {}
    for folder, label in zip(folders, found, strict=True):
        if label is None:
            raise InputError(
                f"{folder}: no class of the data, expected {_expected(called, classes)}; rename or remove it"
            )
        if label in first:
            raise InputError(
                f"{folder}: of class {label} ({classes[label]}) as {first[label]} is, expected one folder for each "
                "class; put their images together"
            )
        first[label] = folder
    return [label for label in found if label is not None]


def _expected(called: str, classes: Sequence[str]) -> str:
    names = f"one of {listed(classes, 10)}"
    numbers = f"a number below {len(classes)}"
    return {NAMES: names, NUMBERS: numbers}.get(called, f"{names}, or {numbers}")


def _number(name: str, count: int) -> int | None:
    digits = _NUMBER.fullmatch(name)
    if digits is None or len(digits.group(1)) > 9:
        return None
    return int(digits.group(1)) if int(digits.group(1)) < count else None
