"""Zip archives, proved to be whole and of a bounded size before anything in them is used."""

from __future__ import annotations

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
