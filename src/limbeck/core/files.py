"""Files that are whole or absent: atomic writes, and tensors with a JSON header in safetensors."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from limbeck.core.errors import InputError

HEADER = "limbeck"


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` on a temporary file beside `path`, then put it in place; on any failure `path` is untouched.

    Raises InputError where the place cannot be written (no such folder allowed, no space, a folder of that name).
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        temporary = Path(name)
        os.close(handle)
        os.chmod(temporary, 0o666 & ~_umask())
        write(temporary)
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"cannot write {path}: {reason}; choose another place or free some space") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Refuse, before any work, an --out that no file can be written to."""
    above = next(folder for folder in path.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise InputError(f"--out {path}: {above} is not a folder that can be written to; choose another place")


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def write_text(path: Path, text: str) -> None:
    """Write `text` atomically."""
    write_atomically(path, lambda temporary: temporary.write_bytes(text.encode()))


def write_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Write named tensors and a JSON header as one safetensors file, atomically and with fixed bytes.

    The header is the single metadata entry `limbeck`: with one entry the file's bytes depend on its
    contents alone.
    """
    # Clones, because the format refuses tensors that share memory, as an unchanged part of two states may.
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    text = json.dumps(header, sort_keys=True, ensure_ascii=False, allow_nan=False)
    blob = save(whole, metadata={HEADER: text})
    write_atomically(path, lambda temporary: temporary.write_bytes(blob))


def read_tensors(path: Path, branch: str = "") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the header of a file of `write_tensors`.

    Where a `branch` is named, only the tensor of that name and those whose names begin with it and "/" are read.
    Raises InputError where there is no such file, or it is damaged, or another program wrote it.
    """
    with _opened(path) as (opened, header):
        names = [name for name in opened.keys() if not branch or f"{name}/".startswith(f"{branch}/")]  # noqa: SIM118
        return {name: opened.get_tensor(name) for name in names}, header


def read_header(path: Path) -> dict[str, Any]:
    """The header of a file of `write_tensors`, which is as long as it should be; InputError as in `read_tensors`."""
    with _opened(path) as (_, header):
        return header


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    """A file of `write_tensors` and its header; what goes wrong within the block means that it is damaged."""
    if not path.is_file():
        what = "a folder" if path.is_dir() else "nothing"
        raise InputError(f"{path}: found {what}, expected a limbeck .safetensors file; check the path")
    try:
        with safe_open(path, framework="pt") as opened:
            header = json.loads((opened.metadata() or {}).get(HEADER, "null"))
            if isinstance(header, dict):
                yield opened, header
                return
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{path}: damaged or not a safetensors file ({str(error).splitlines()[0]}); "
            "expected a file that limbeck wrote; copy or make it again"
        ) from error
    raise InputError(f"{path}: a safetensors file without limbeck's header; expected a file that limbeck wrote")
