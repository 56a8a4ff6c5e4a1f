"""Files of torch.save, read as numbers alone: the only place where they are read."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import torch

from limbeck.core.errors import InputError

_RESAVE = "save it again as plain tensors: torch.save({'data': images, 'label': labels}, FILE) and --format paper"


class _Inert:
    """What stands for a NumPy type or number in a file: it runs no code of NumPy's and holds nothing."""

    def __init__(self, *_arguments: object) -> None:
        pass

    def __setstate__(self, _state: object) -> None:
        pass


_INERT: list[Any] = [
    (_Inert, f"numpy.{name}") for name in ("dtype", "core.multiarray.scalar", "_core.multiarray.scalar")
]
"""Accuracies that the published files hold beside the images are NumPy numbers, which nobody here reads."""


def read_torch(path: Path) -> Any:
    """What `torch.save` wrote to `path`: tensors, numbers, text, and lists and dicts of them, on the CPU.

    NumPy numbers become placeholders. Raises InputError for every other object, none of whose code is run, and for a
    file that is missing, truncated or of another kind.
    """
    if not path.is_file():
        what = "a folder" if path.is_dir() else "nothing"
        raise InputError(f"{path}: found {what}, expected a file that torch.save wrote; check the path")
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_INERT):
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # an unpickler given hostile bytes may fail in any way
        raise InputError(f"{path}: {_reason(str(error))}; {_RESAVE}") from error


def _reason(message: str) -> str:
    foreign = re.search(r"GLOBAL ([\w.]+)|(?:unsupported|Unsupported) (?:class|global|operand)\S* ?([\w.]*)", message)
    if foreign:
        name = foreign.group(1) or foreign.group(2) or "unknown"
        return f"holds an object of the kind {name}, and only tensors and numbers are ever loaded"
    return "damaged, truncated or not a file of torch.save"
