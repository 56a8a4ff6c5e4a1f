"""Files of torch.save, read as numbers alone: the only place where they are read."""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from limbeck.core.errors import InputError
from limbeck.imported.archives import expect_known, is_archive, verified

_RESAVE = "save it again as plain tensors: torch.save({'data': images, 'label': labels}, FILE)"
EXPANDED = 2**20
"""Numbers that a tensor may have beyond those that are stored of it."""
_KINDS = re.compile(r"[<>|=]?([fiub])([1248])")


class NumbersOfNumpy:
    """What stands for an array or a number of NumPy's in a file: it runs no code of NumPy's.

    A file says that one is made of nothing and then given its shape, type and bytes, or of its type and bytes at once.
    """

    def __init__(self, *arguments: Any) -> None:
        self.state: Any = (1, (), *arguments[:1], False, *arguments[1:]) if len(arguments) == 2 else None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def tensor(self) -> Tensor | None:
        """The numbers; None where they are none, or not as many as the shape says."""
        if not isinstance(self.state, tuple) or len(self.state) != 5:
            return None
        _, shape, kind, by_column, raw = self.state
        if not isinstance(shape, tuple) or not isinstance(kind, TypeOfNumpy) or not isinstance(raw, bytes):
            return None
        dtype = kind.dtype()
        if dtype is None or not all(type(side) is int and side >= 0 for side in shape):
            return None
        if math.prod(shape) * dtype.itemsize != len(raw):
            return None
        array = np.frombuffer(raw, dtype).reshape(shape, order="F" if by_column is True else "C")
        return torch.from_numpy(array.astype(dtype.newbyteorder("="), order="C"))


class TypeOfNumpy:
    """What stands for a type of NumPy's numbers."""

    def __init__(self, *arguments: Any) -> None:
        self.name = arguments[0] if arguments else None
        self.order: Any = "<"

    def __setstate__(self, state: Any) -> None:
        self.order = state[1] if isinstance(state, tuple) and len(state) > 1 else None

    def dtype(self) -> np.dtype[Any] | None:
        """The type, where it is one of plain numbers."""
        if not isinstance(self.name, str) or self.order not in ("<", ">", "|"):
            return None
        kind = _KINDS.fullmatch(self.name)
        return None if kind is None or kind.groups() in (("f", "1"), ("b", "2")) else np.dtype(self.order + self.name)


class SetOfTensors:
    """What stands for a torch.utils.data.TensorDataset: what was said of it, unlooked at."""

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _blank(*_arguments: object) -> NumbersOfNumpy:
    return NumbersOfNumpy()


_STANDING: list[Any] = [
    (SetOfTensors, "torch.utils.data.dataset.TensorDataset"),
    (TypeOfNumpy, "numpy.dtype"),
    (NumbersOfNumpy, "numpy.ndarray"),
    *((NumbersOfNumpy, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    *((_blank, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
]
"""What is made in place of the objects beside tensors that hold nothing but numbers."""


def read_torch(path: Path) -> Any:
    """What `torch.save` wrote to `path`: tensors, numbers, text, and lists and dicts of them, on the CPU.

    Arrays of NumPy's and sets of tensors become values of this module. Tensors may be views of the file: `plain` takes
    one out. Raises InputError for every other object, none of whose code is run, and for a file that is missing,
    truncated, damaged, or of another kind.
    """
    if not path.is_file():
        what = "a folder" if path.is_dir() else "nothing"
        raise InputError(f"{path}: found {what}, expected a file that torch.save wrote; check the path")
    expect_known(path)
    mapped = is_archive(path)
    if mapped and verified(path, _RESAVE).compressed:
        raise InputError(f"{path}: a compressed archive, and torch.save compresses nothing; unpack it, or {_RESAVE}")
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_STANDING):
            warnings.simplefilter("ignore")
            # Mapped, no tensor reads beyond the file, whatever sizes the file claims.
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # an unpickler given hostile bytes may fail in any way
        raise InputError(f"{path}: {_reason(str(error))}; {_RESAVE}") from error


def plain(value: Any) -> Tensor | None:
    """A tensor, array or number of a file as a tensor of its own; None for anything else, or an enormous view."""
    if isinstance(value, NumbersOfNumpy):
        return value.tensor()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return torch.tensor(value) if abs(value) < 2**63 else None
    if not isinstance(value, Tensor) or value.layout != torch.strided or value.device.type != "cpu":
        return None
    if value.is_complex() or value.is_quantized or is_expanded(value):
        return None
    return value.detach().clone(memory_format=torch.contiguous_format)


def is_expanded(value: Tensor) -> bool:
    """Whether a tensor shows few stored numbers so often that it would fill much more memory than they do."""
    return value.numel() > EXPANDED + value.untyped_storage().nbytes() // value.element_size()


def _reason(message: str) -> str:
    foreign = re.search(r"GLOBAL ([\w.]+)", message)
    if foreign:
        return f"holds an object of the kind {foreign.group(1)}, and only tensors and numbers are ever loaded"
    if re.search(r"[Uu]nsupported (class|operand)|unrecognized function|Can only (create|build)", message):
        return "holds an object that is no tensor, and only tensors and numbers are ever loaded"
    return "damaged, truncated or not a file of torch.save"
