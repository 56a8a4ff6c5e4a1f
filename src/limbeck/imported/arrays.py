"""NumPy's files, read as numbers and text alone, whose sizes are checked before any memory is taken."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from limbeck.core.errors import InputError
from limbeck.imported.archives import expect_known, is_archive, verified
from limbeck.tasks.readers.source import Array

_RESAVE = "save it again with numpy.savez(path, x=images, y=labels)"
_MAGIC = b"\x93NUMPY"
_HEADERS: dict[tuple[int, int], Callable[[IO[bytes]], Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@dataclass(frozen=True)
class Arrays:
    """The arrays of a .npz archive, each read when it is asked for, or the one of a .npy file under the name ""."""

    path: Path
    names: tuple[str, ...]

    def read(self, name: str) -> Array:
        """An array of numbers or text; InputError for a damaged one or one of objects, which are pickled."""
        if not name:
            return _array(self.path, "the array", self.path.read_bytes())
        with zipfile.ZipFile(self.path) as archive:
            return _array(self.path, name, archive.read(f"{name}.npy"))


def is_array(path: Path) -> bool:
    """Whether a file is a single array of NumPy's."""
    with open(path, "rb") as opened:
        return opened.read(len(_MAGIC)) == _MAGIC


def read_arrays(path: Path) -> Arrays:
    """The arrays of a file of NumPy's.

    Raises InputError where there is no such file, and where it is damaged in any bit that its checksums cover.
    """
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no such file"
        raise InputError(f"{path}: {what}, expected a .npz archive; check the path")
    expect_known(path)
    if is_archive(path):
        names = verified(path, _RESAVE).sizes
        return Arrays(path, tuple(name.removesuffix(".npy") for name in names if name.endswith(".npy")))
    if is_array(path):
        return Arrays(path, ("",))
    raise InputError(f"{path}: damaged, or no .npz archive; {_RESAVE}")


def _array(path: Path, name: str, raw: bytes) -> Array:
    """The array that bytes are of; no more memory is taken than they have."""
    opened = io.BytesIO(raw)
    try:
        version = np.lib.format.read_magic(opened)
        shape, by_column, dtype = _HEADERS[version](opened)
        there = len(raw) - opened.tell()
        if not dtype.hasobject and (min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != there):
            raise InputError(
                f"{path}: {name} says that it is of shape {shape} and type {dtype}, which is not what its {there:,} "
                f"bytes hold; {_RESAVE}"
            )
        if not dtype.hasobject:
            flat = np.frombuffer(raw, dtype, offset=opened.tell()) if there else np.empty(0, dtype)
            return flat.reshape(shape, order="F" if by_column else "C")
    except InputError:
        raise
    except Exception as error:  # a header of hostile bytes may fail in any way
        raise InputError(f"{path}: {name} is damaged, or no array of NumPy's; {_RESAVE}") from error
    raise InputError(
        f"{path}: {name} holds pickled objects, which are never loaded; convert it to numbers, and {_RESAVE}"
    )


def tensor_of(path: Path, name: str, array: Array) -> Tensor:
    """Numbers of one's own as a tensor; InputError for anything but numbers."""
    if array.dtype.kind not in "iufb":
        raise InputError(f"{path}: array {name} of type {array.dtype}, expected numbers; convert it")
    kind = array.dtype if array.dtype.kind == "b" else np.float32 if array.dtype.kind == "f" else np.int64
    return torch.from_numpy(array.astype(np.uint8 if array.dtype == np.uint8 else kind, order="C"))
