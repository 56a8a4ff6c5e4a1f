"""The layouts in which distilled sets are published, and which of them a file or folder is in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from limbeck.core.errors import InputError, unknown
from limbeck.imported.archives import is_archive, verified
from limbeck.imported.arrays import is_array, read_arrays, tensor_of
from limbeck.imported.contents import holds_list, names_among, rates, short
from limbeck.imported.folders import class_folders
from limbeck.imported.found import Found, Wanted
from limbeck.imported.tensors import read_torch
from limbeck.imported.torch_files import is_images, labels_beside, one_file, two_files
from limbeck.tasks.readers.names import hidden

AUTO = "auto"
"""In place of a name: whichever layout the file is in."""
_TEXT = (".json", ".jsonl", ".csv", ".tsv")
_GRAPH = ("feat_", "adj_")


class Layout(NamedTuple):
    """A way of laying out a set in files."""

    summary: str
    read: Callable[[Path, Wanted], Found]
    """read(path, what is wanted of it) -> what is there."""


def archive(path: Path, wanted: Wanted) -> Found:
    """A NumPy archive of images and labels under any of their usual names; nothing in it is unpickled."""
    arrays = read_arrays(path)
    if arrays.names == ("",):
        raise InputError(
            f"{path}: a single array, expected images and labels; save both with "
            "numpy.savez(path, x=images, y=labels), or as images.npy and labels.npy"
        )
    names = names_among(path, arrays.names, wanted.keys)
    images = tensor_of(path, names.images, arrays.read(names.images))
    learned = () if names.rate is None else rates(path, tensor_of(path, names.rate, arrays.read(names.rate)))
    left = (f"left out: {', '.join(map(short, names.others[:6]))}",) if names.others else ()
    both = (names.images, names.labels)
    return Found(images, arrays.read(names.labels), (path,), learned, names=both, notes=left)


LAYOUTS: dict[str, Layout] = {
    "dc": Layout("gradient matching: a .pt file of images and labels for each repetition", one_file),
    "dsa": Layout("gradient matching with augmentation: as dc", one_file),
    "dm": Layout("distribution matching: as dc", one_file),
    "mtt": Layout("trajectory matching: images_NAME.pt, labels_NAME.pt and perhaps lr_NAME.pt, or .npy", two_files),
    "paper": Layout("a .pt file of images and labels: a dict, a list or a TensorDataset", one_file),
    "npz": Layout("a NumPy archive of images and labels", archive),
    "folder": Layout("a folder of images for each class", class_folders),
}
"""The layouts by the name that `--format` takes."""


def layout_of(path: Path) -> str:
    """The layout that a file or folder is in; InputError where it may be in two, or is no set of images."""
    if path.is_dir():
        return _of_folder(path)
    if not path.is_file():
        raise InputError(f"{path}: found nothing, expected a distilled set; check the path")
    _expect_images(path, [path])
    if labels_beside(path) is not None and is_images(path):
        return "mtt"
    if is_array(path) or (is_archive(path) and not _of_torch(path)):
        return "npz"
    whole = read_torch(path)
    if isinstance(whole, Tensor) and whole.dim() <= 2:
        raise InputError(
            f"{path}: a matrix of shape {tuple(whole.shape)}, as condensed graphs have for features, labels or an "
            "adjacency; expected images with their labels, or --data with the graph that it was condensed from"
        )
    return "dc" if holds_list(whole) else "paper"


def _of_folder(path: Path) -> str:
    inside = [each for each in path.iterdir() if not hidden(each.name)]
    files, folders = any(map(is_images, inside)), any(each.is_dir() for each in inside)
    if files and folders:
        raise InputError(
            f"{path}: holds both files of images, as images_best.pt, and folders, as of classes; say --format mtt for "
            "the files, or --format folder for the folders"
        )
    if files or folders:
        return "mtt" if files else "folder"
    _expect_images(path, inside)
    kinds = ", ".join(sorted({each.suffix or each.name for each in inside})[:5]) or "nothing"
    raise InputError(
        f"{path}: a folder of {kinds}, expected images_NAME.pt and labels_NAME.pt, or a folder of images for each "
        "class; name a file of it, or check the path"
    )


def _expect_images(path: Path, inside: Sequence[Path]) -> None:
    """InputError where the names of files are those of sets of something else than images."""
    other = ""
    if any(each.suffix.lower() in _TEXT for each in inside):
        other = "a set of texts or of a table"
    if any(each.name.lower().startswith(_GRAPH) and each.suffix in (".pt", ".npz", ".npy") for each in inside):
        other = "a condensed graph (features of nodes, labels, an adjacency)"
    if other:
        raise InputError(
            f"{path}: {other}, and these data are images; expected a .pt or .npz file of images, or a folder"
        )


def _of_torch(path: Path) -> bool:
    members = verified(path, "save it again").sizes
    return any(name.rsplit("/", 1)[-1] == "data.pkl" for name in members)


def read_layout(name: str, path: Path, wanted: Wanted) -> tuple[str, Found]:
    """The layout that a file or folder is in (`name`, unless that is "auto"), and what it holds."""
    if name not in (AUTO, *LAYOUTS):
        raise unknown("format", name, (AUTO, *LAYOUTS))
    chosen = layout_of(path) if name == AUTO else name
    return chosen, LAYOUTS[chosen].read(path, wanted)
