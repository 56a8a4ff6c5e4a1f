"""The layouts in which distilled sets are published: how each is read into images and labels."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from limbeck.core.errors import InputError
from limbeck.imported.tensors import read_torch
from limbeck.tasks.readers.encoded import SUFFIXES, Encoded, paths_of
from limbeck.tasks.readers.source import Array


class Found(NamedTuple):
    """What a file or folder holds, as it stands there."""

    images: Tensor
    """(item, channel, height, width), or channels last, or (item, height, width); integers in 0..255 or floats."""
    labels: Tensor
    """(item,) integers, or (item, output) weights."""
    files: tuple[Path, ...]
    """Every file that was read."""
    learning_rate: float | None = None
    """The learned learning rate, where one lies beside them."""
    which: int | None = None
    """Which of several sets in one file."""


Read = Callable[[Path, int | None, Sequence[str]], Found]
"""read(path, which, class names) -> what is there."""


class Layout(NamedTuple):
    """A way of laying out a set in files."""

    summary: str
    read: Read


def repetitions(path: Path, which: int | None, _classes: Sequence[str]) -> Found:
    """{"data": [[images, labels], ...], "accs_all_exps": ...}: one pair for each repetition (Zhao et al. 2021).

    Repetition `which`, counted from 0, is taken; the last where none is named: the files hold no word of which is best.
    """
    found = read_torch(path)
    pairs = found.get("data") if isinstance(found, dict) else None
    if not isinstance(pairs, list | tuple) or not pairs:
        raise InputError(
            f"{path}: found {_said(found)}, expected a dict whose 'data' lists [images, labels]; try --format"
        )
    at = len(pairs) - 1 if which is None else which
    if not 0 <= at < len(pairs):
        raise InputError(f"{path}: holds {len(pairs)} sets, found --which {which}; expected 0 to {len(pairs) - 1}")
    pair = pairs[at]
    if not isinstance(pair, list | tuple) or len(pair) < 2:
        raise InputError(f"{path}: set {at} is {_said(pair)}, expected a pair [images, labels]; try another --format")
    return Found(_tensor(path, "images", pair[0]), _tensor(path, "labels", pair[1]), (path,), which=at)


def best(path: Path, _which: int | None, _classes: Sequence[str]) -> Found:
    """images_best.pt and labels_best.pt, and lr_best.pt where it is there (Cazenavette et al. 2022).

    `path` is their folder, or one of several files of images, such as images_5000.pt.
    """
    images = path / "images_best.pt" if path.is_dir() else path
    if not images.name.startswith("images_"):
        raise InputError(f"{path}: expected a folder with images_best.pt, or a file images_NAME.pt; name that")
    ending = images.name.removeprefix("images_")
    # Where they are saved with the whitening undone, the labels are still of the same step.
    candidates = dict.fromkeys((ending, ending.removeprefix("zca_")))
    labels = _first(images, [f"labels_{each}" for each in candidates])
    if labels is None:
        raise InputError(f"{images}: found no labels_{ending} beside it, expected its labels; copy them there")
    size = _first(images, [f"{name}_{each}" for name in ("lr", "syn_lr") for each in candidates])
    learned = None if size is None else _tensor(size, "learning rate", read_torch(size))
    if learned is not None and learned.numel() != 1:
        raise InputError(
            f"{size}: {learned.numel()} learning rates, expected one; remove the file and say --learning-rate"
        )
    return Found(
        _tensor(images, "images", read_torch(images)),
        _tensor(labels, "labels", read_torch(labels)),
        tuple(each for each in (images, labels, size) if each is not None),
        None if learned is None else float(learned),
    )


def tensors(path: Path, _which: int | None, _classes: Sequence[str]) -> Found:
    """{"data": images, "label": labels}: two tensors in a dict (Yang et al. 2024)."""
    found = read_torch(path)
    if not isinstance(found, dict) or "data" not in found or not ({"label", "labels"} & set(found)):
        raise InputError(f"{path}: found {_said(found)}, expected a dict of 'data' and 'label'; try another --format")
    label = found["label"] if "label" in found else found["labels"]
    return Found(_tensor(path, "data", found["data"]), _tensor(path, "label", label), (path,))


def exported(path: Path, _which: int | None, _classes: Sequence[str]) -> Found:
    """What limbeck exported is read before any layout is asked: here is something else."""
    raise InputError(f"{path}: found something else than `limbeck export --format pt` writes; try another --format")


def arrays(path: Path, _which: int | None, _classes: Sequence[str]) -> Found:
    """A NumPy archive of the arrays x (or images) and y (or labels); nothing in it is unpickled."""
    if not path.is_file():
        raise InputError(f"{path}: no such file, expected a .npz archive; check the path")
    named = []
    try:
        with np.load(path, allow_pickle=False) as archive:
            for one, other in (("x", "images"), ("y", "labels")):
                name = one if one in archive.files else other
                if name not in archive.files:
                    there = ", ".join(archive.files) or "none"
                    raise InputError(f"{path}: found arrays {there}, expected {one} or {other} among them; rename them")
                named.append(_number(path, name, archive[name]))
    except InputError:
        raise
    except (ValueError, OSError, EOFError, KeyError, AttributeError, MemoryError, zipfile.BadZipFile, zlib.error) as e:
        raise InputError(
            f"{path}: damaged, no .npz archive, or one of pickled objects, which are never loaded; "
            "save it again with numpy.savez(path, x=images, y=labels)"
        ) from e
    return Found(named[0], named[1], (path,))


def folders(path: Path, _which: int | None, classes: Sequence[str]) -> Found:
    """One folder of PNG or other images for each class, by its name or its number from 0."""
    if not path.is_dir():
        raise InputError(f"{path}: expected a folder with one folder of images for each class; check the path")
    files: list[Path] = []
    labels: list[int] = []
    for child in sorted(each for each in path.iterdir() if each.is_dir() and not each.name.startswith(".")):
        inside = sorted(each for each in child.iterdir() if each.suffix.lower() in SUFFIXES)
        files += inside
        labels += [_class(child, classes)] * len(inside)
    if not files:
        raise InputError(f"{path}: found no images in folders of classes, expected some; check the path")
    encoded = Encoded(files, paths_of(files))
    decoded = [encoded.decode(index) for index in range(len(files))]
    for file, image in zip(files, decoded, strict=True):
        if image.shape != decoded[0].shape:
            raise InputError(
                f"{file}: of shape {image.shape}, expected {decoded[0].shape} as {files[0]}; make them alike"
            )
    return Found(torch.from_numpy(np.stack(decoded)).permute(0, 3, 1, 2), torch.tensor(labels), tuple(files))


LAYOUTS: dict[str, Layout] = {
    "dc": Layout("gradient matching: a .pt file of [images, labels] for each repetition", repetitions),
    "dsa": Layout("gradient matching with augmentation: as dc", repetitions),
    "dm": Layout("distribution matching: as dc", repetitions),
    "mtt": Layout("trajectory matching: a folder with images_best.pt, labels_best.pt and perhaps lr_best.pt", best),
    "paper": Layout("a .pt file of a dict of data and label", tensors),
    "npz": Layout("a NumPy archive of x and y", arrays),
    "folder": Layout("a folder of images for each class", folders),
    "pt": Layout("what `limbeck export --format pt` wrote", exported),
}
"""The layouts by the name that `--format` takes."""


def _first(beside: Path, names: Sequence[str]) -> Path | None:
    return next((beside.with_name(name) for name in names if beside.with_name(name).is_file()), None)


def _tensor(path: Path, name: str, value: Any) -> Tensor:
    if isinstance(value, Tensor) and value.layout == torch.strided and value.device.type == "cpu":
        if not (value.is_complex() or value.is_quantized):
            return value.detach().clone()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return torch.tensor(value)
    raise InputError(f"{path}: {name} is {_said(value)}, expected a plain tensor; save it so, or try another --format")


def _number(path: Path, name: str, array: Array) -> Tensor:
    if array.dtype.kind not in "iuf":
        raise InputError(f"{path}: array {name} of type {array.dtype}, expected numbers; convert it")
    wide = array.astype(np.int64) if array.dtype.kind in "iu" else array.astype(np.float32)
    return torch.from_numpy(wide)


def _class(folder: Path, classes: Sequence[str]) -> int:
    if folder.name in classes:
        return list(classes).index(folder.name)
    if folder.name.isascii() and folder.name.isdigit() and int(folder.name) < len(classes):
        return int(folder.name)
    raise InputError(
        f"{folder}: no class of the data, expected one of {', '.join(classes[:10])} or a number below {len(classes)}; "
        "rename or remove it"
    )


def _said(value: Any) -> str:
    """A value in a few words."""
    if isinstance(value, dict):
        return f"a dict of {', '.join(map(repr, list(value)[:6])) or 'nothing'}"
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    return f"a {type(value).__name__}"
