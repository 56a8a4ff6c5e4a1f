"""Files that are whole or absent, and that prove their contents: atomic writes, and tensors with a JSON header."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from limbeck.core.errors import DamagedError, InputError, refused
from limbeck.core.layout import LARGEST, LENGTH, NAMES, Entry, head_of, parse

CHUNK = 2**20
"""Bytes that are read at once where tensors are verified and not kept."""


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` on a temporary file beside `path`, then put it in place; on any failure `path` is untouched.

    Raises InputError where the place cannot be written (no such folder allowed, no space, a folder of that name).
    """
    _write_together({path: write})


def write_files(files: Mapping[Path, bytes]) -> None:
    """Write several files, each of which is put in place when all are written; errors as in `write_atomically`."""
    _write_together({path: partial(_fill_file, content) for path, content in files.items()})


def _fill_file(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _write_together(writes: Mapping[Path, Callable[[Path], object]]) -> None:
    temporary: dict[Path, Path] = {}
    path = Path()
    try:
        for path, write in writes.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary[path] = _beside(path)
            os.close(os.open(temporary[path], os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            write(temporary[path])
            with open(temporary[path], "rb") as written:
                os.fsync(written.fileno())
        for path, made in temporary.items():
            os.replace(made, path)
    except OSError as error:
        raise refused(f"cannot write {path}", error) from error
    finally:
        for made in temporary.values():
            with suppress(OSError):  # It may not be there, or have a name that cannot be.
                made.unlink()


def _beside(path: Path) -> Path:
    """The place of a temporary file or folder beside a place.

    It is known before anything is there, so that whoever is interrupted while it is made can remove it.
    """
    return path.parent / f".{path.name}.{secrets.token_hex(4)}.part"


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write files, by their names below the folder `path`, all or none: they are made beside it and put in place.

    A folder that is there is replaced, with all that is in it. Errors as in `write_atomically`.
    """
    whole = path.resolve()
    temporary: Path | None = None
    try:
        whole.parent.mkdir(parents=True, exist_ok=True)
        temporary = _beside(whole)
        temporary.mkdir(mode=0o700)
        made = temporary / "new"
        made.mkdir()
        for name, content in files.items():
            file = made / name
            file.parent.mkdir(parents=True, exist_ok=True)
            with open(file, "xb") as opened:
                opened.write(content)
                opened.flush()
                os.fsync(opened.fileno())
        _exchange(made, whole, temporary / "old")
    except OSError as error:
        raise refused(f"cannot write {path}", error) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _exchange(made: Path, path: Path, aside: Path) -> None:
    """Put a folder in its place; what is there is put aside first, and back again where that fails."""
    try:
        if path.exists():
            os.rename(path, aside)
        os.rename(made, path)
    except BaseException:
        # Also where an interruption came right after the first of them.
        if aside.exists() and not path.exists():
            os.rename(aside, path)
        raise


def check_writable(path: Path, option: str = "--out") -> None:
    """Refuse, before any work, an `option` that no file can be written to; a file beside it is made and removed."""
    above = path.absolute().parent
    try:
        above = next(folder for folder in path.absolute().parents if folder.exists())
        tried = _beside(above / path.name)
        try:
            tried.write_bytes(b"\n")
        finally:
            tried.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(
            f"{option} {path}: {above} is not a folder that can be written to ({reason}); choose another place"
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write `text` atomically."""
    write_atomically(path, lambda temporary: temporary.write_bytes(text.encode()))


def write_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Write named tensors and a JSON header as one safetensors file, atomically and with fixed bytes.

    The file carries a digest of its head and of every tensor (`core/layout.py`). Its bytes depend on its contents
    alone.
    """
    whole = {name: tensor.detach().cpu().resolve_conj().resolve_neg().contiguous() for name, tensor in tensors.items()}
    entries: dict[str, Entry] = {}
    start = 0
    # The widest first, so that each begins where numbers of its type may.
    for name in sorted(whole, key=lambda name: (-whole[name].element_size(), name)):
        dtype = str(whole[name].dtype).removeprefix("torch.")
        if name == "__metadata__" or dtype not in NAMES:
            raise TypeError(f"a tensor {name!r} of {whole[name].dtype} cannot be written")
        numbers = _bytes(whole[name])
        digest = hashlib.sha256(numbers).hexdigest()
        entries[name] = Entry(dtype, tuple(whole[name].shape), start, len(numbers), digest)
        start += len(numbers)
    head = head_of(entries, header)

    def write(temporary: Path) -> None:
        with open(temporary, "wb") as opened:
            opened.write(head)
            for name in entries:
                opened.write(_bytes(whole[name]))

    write_atomically(path, write)


def _bytes(tensor: Tensor) -> memoryview:
    """The memory of a contiguous tensor on the CPU."""
    return tensor.reshape(-1).view(torch.uint8).numpy().data


def read_tensors(path: Path, branch: str = "") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the header of a file of `write_tensors`, verified by their digests.

    Where a `branch` is named, only the tensor of that name and those whose names begin with it and "/" are read.
    Raises InputError where there is no such file, and DamagedError where any bit of what is read is not as written.
    """
    with _opened(path) as opened:
        names = [name for name in opened.entries if not branch or f"{name}/".startswith(f"{branch}/")]
        return {name: opened.tensor(name) for name in names}, opened.header


def read_header(path: Path) -> dict[str, Any]:
    """The header of a file of `write_tensors`, which is as long as it should be; errors as in `read_tensors`."""
    with _opened(path) as opened:
        return opened.header


def verify_tensors(path: Path) -> dict[str, Any]:
    """The header of a file of which every bit is as written; errors as in `read_tensors`. No tensor is kept."""
    with _opened(path) as opened:
        for name in opened.entries:
            opened.verify(name)
        return opened.header


@dataclass(frozen=True)
class _Opened:
    """A file of `write_tensors` that is open: whoever replaces it meanwhile replaces another."""

    handle: int
    entries: dict[str, Entry]
    header: dict[str, Any]
    numbers: int
    """Where the numbers begin."""

    def tensor(self, name: str) -> Tensor:
        """A tensor, verified; ValueError where it is damaged."""
        entry = self.entries[name]
        tensor = torch.empty(entry.shape, dtype=getattr(torch, entry.dtype))
        memory = _bytes(tensor)
        _fill(self.handle, memory, self.numbers + entry.start)
        self._expect(name, hashlib.sha256(memory).hexdigest())
        return tensor

    def verify(self, name: str) -> None:
        """Read a tensor piece by piece; ValueError where it is damaged."""
        entry, digest = self.entries[name], hashlib.sha256()
        memory = memoryview(bytearray(min(CHUNK, entry.length)))
        for start in range(0, entry.length, CHUNK):
            piece = memory[: entry.length - start]
            _fill(self.handle, piece, self.numbers + entry.start + start)
            digest.update(piece)
        self._expect(name, digest.hexdigest())

    def _expect(self, name: str, digest: str) -> None:
        if digest != self.entries[name].digest:
            raise ValueError(f"the numbers of {name!r} are not what their digest says")


def _fill(handle: int, memory: memoryview, start: int) -> None:
    """Read as many bytes as `memory` holds; ValueError where the file ends before."""
    done = 0
    while done < len(memory):
        count = os.preadv(handle, [memory[done:]], start + done)
        if not count:
            raise ValueError(f"it ends after {start + done} bytes")
        done += count


@contextmanager
def _opened(path: Path) -> Iterator[_Opened]:
    """A file of `write_tensors`, opened once; what goes wrong within the block means that it is damaged."""
    handle = _open(path)
    try:
        size = os.fstat(handle).st_size
        length = memoryview(bytearray(LENGTH))
        _fill(handle, length, 0)
        count = int.from_bytes(length, "little")
        if count > min(size - LENGTH, LARGEST):
            raise ValueError(f"it has {size} bytes, its head alone would have {count}")
        head = memoryview(bytearray(LENGTH + count))
        _fill(handle, head, 0)
        entries, header = parse(bytes(head), size)
        yield _Opened(handle, entries, header, len(head))
    except (OSError, ValueError, RuntimeError) as error:
        raise DamagedError(
            f"{path}: damaged, or not written by this limbeck ({error}); "
            "expected a limbeck .safetensors file; copy or make it again"
        ) from error
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    """A handle of a plain file to read; InputError where there is none."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        reason = "found nothing" if missing else f"it cannot be read ({error.strerror})"
        raise InputError(f"{path}: {reason}, expected a limbeck .safetensors file; check the path") from error
    kind = os.fstat(handle).st_mode
    if stat.S_ISREG(kind):
        return handle
    os.close(handle)
    what = "a folder" if stat.S_ISDIR(kind) else "no plain file"
    raise InputError(f"{path}: found {what}, expected a limbeck .safetensors file; check the path")
