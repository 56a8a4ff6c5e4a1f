"""Zip archives, proved to be whole and of a bounded size before anything in them is used."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from limbeck.core.errors import InputError

RATIO = 100
"""How many bytes an archive may hold for each of its own: pictures never shrink further than that."""
FLOOR = 2**26
"""Bytes that any archive may hold."""
_CHUNK = 2**20


class Archive(NamedTuple):
    """What a verified archive holds."""

    sizes: dict[str, int]
    """The bytes of each member, in the order of the archive."""
    compressed: bool
    """Whether any member is."""
    checked: bool
    """Whether it has checksums; files of torch.save may be without."""


_KINDS = {
    b"\x1f\x8b": "a gzip file; unpack it with gunzip",
    b"7z\xbc\xaf": "a 7z archive; unpack it",
    b"\xfd7zXZ": "an xz file; unpack it with unxz",
    b"BZh": "a bzip2 file; unpack it with bunzip2",
    b"\x89HDF": "an HDF5 file; save its arrays with numpy.savez(path, x=images, y=labels)",
    b"PAR1": "a parquet file; save its images and labels with numpy.savez(path, x=images, y=labels)",
    b"\x89PNG": "one picture; name the folder that holds a folder for each class",
    b"\xff\xd8\xff": "one picture; name the folder that holds a folder for each class",
    b"\x80\x04": "a pickle, which is never loaded; save its arrays with numpy.savez(path, x=images, y=labels)",
    b"\x80\x05": "a pickle, which is never loaded; save its arrays with numpy.savez(path, x=images, y=labels)",
}
"""What files that begin so are, and what to do."""
_TENSORS = re.compile(rb".{8}\{", re.DOTALL)


def expect_known(path: Path) -> None:
    """InputError for a file that begins as one of another kind does, with what to do about it."""
    with open(path, "rb") as opened:
        head = opened.read(16)
    told = next((said for mark, said in _KINDS.items() if head.startswith(mark)), "")
    if not told and _TENSORS.match(head):
        told = (
            "a safetensors file; one that limbeck wrote is a set already and is given to `limbeck evaluate` as it is, "
            "the tensors of another are saved with torch.save({'data': images, 'label': labels}, FILE)"
        )
    if told:
        raise InputError(f"{path}: found {told}")


def is_archive(path: Path) -> bool:
    """Whether a file begins as a zip archive does."""
    with open(path, "rb") as opened:
        return opened.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def verified(path: Path, again: str) -> Archive:
    """What the zip archive at `path` holds; every member was read once and has its checksum.

    Nothing is kept of it in memory. Raises InputError for one that is damaged, encrypted, compressed in an unknown
    way, holds two members of one name, or would fill far more memory than the file has bytes; `again` says how to
    make a sound one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            found = _measured(path, infos, again)
            if not found.checked:
                return found
            for info in infos:
                with archive.open(info) as member:
                    while member.read(_CHUNK):
                        pass
    except InputError:
        raise
    except Exception as error:  # hostile bytes may make a reader of archives fail in any way
        raise InputError(f"{path}: damaged or incomplete: {_reason(error)}; get the file anew, or {again}") from error
    return found


def _measured(path: Path, infos: list[zipfile.ZipInfo], again: str) -> Archive:
    before = min((info.header_offset for info in infos), default=0)
    if before:
        # Readers differ in what they make of such files, and would use other bytes than those that were verified.
        raise InputError(f"{path}: {before:,} bytes before the archive, expected none; get the file anew, or {again}")
    twice = [name for name, times in Counter(info.filename for info in infos).items() if times > 1]
    if twice:
        raise InputError(f"{path}: holds {_short(twice[0])} twice, expected each name once; {again}")
    whole, most = sum(info.file_size for info in infos), max(FLOOR, RATIO * path.stat().st_size)
    if whole > most:
        raise InputError(
            f"{path}: unpacks to {whole:,} bytes, expected at most {most:,} from {path.stat().st_size:,}; "
            f"if that is right, {again}"
        )
    return Archive(
        {info.filename: info.file_size for info in infos},
        any(info.compress_type != zipfile.ZIP_STORED for info in infos),
        any(info.CRC for info in infos),
    )


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())[:120]
    return f"{type(error).__name__}, {text}" if text else type(error).__name__


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
