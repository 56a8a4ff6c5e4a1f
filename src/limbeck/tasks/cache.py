"""Decoded once: pixels in a memory-mapped .npy file and, beside it, the labels and facts that vouch for it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from limbeck.codecs import ImageCodec
from limbeck.core.errors import InputError
from limbeck.core.files import read_tensors, write_atomically, write_tensors, write_text
from limbeck.core.version import ALGORITHM
from limbeck.tasks import prepare
from limbeck.tasks.frame import Frame
from limbeck.tasks.prepare import Check, Digest, Facts, Prepared
from limbeck.tasks.readers.source import Array, Reading, Source

_VERSION = 3
_VERIFY = 4096
LARGE = 2**30
"""Bytes of pixels from which on they are read through once a day, and not by every process that begins."""
DAY = 86_400


def default_folder() -> Path:
    """LIMBECK_CACHE, or ~/.cache/limbeck where it is not set."""
    return Path(os.environ.get("LIMBECK_CACHE") or "~/.cache/limbeck").expanduser()


def fetch(source: Source, name: str, size: int | None, reading: Reading, folder: Path, check: Check) -> Prepared:
    """The decoded examples of `source`, from `folder` where they are there and whole, else decoded and kept there.

    `reading` is how they are read; `check` refuses examples before anything is decoded. Two processes that decode the
    same files at once write the same bytes, each atomically, so either may win.
    Raises InputError where the folder cannot be written or the data cannot be used.
    """
    import PIL

    address = [_VERSION, PIL.__version__, name, size, asdict(reading), [_stamp(path) for path in source.files]]
    stem = hashlib.sha256(json.dumps(address).encode()).hexdigest()[:32]
    kept = _read(folder, stem)
    if kept is not None:
        check(kept.facts)
        return kept
    parts = source.read()
    facts = prepare.facts_of(parts)
    check(facts)
    form, notes = prepare.survey(parts, size, reading.background)
    prepare.check_room(facts, form, _free(folder), f"the free space of {folder}")
    digest = _write_pixels(folder / f"{stem}.npy", prepare.pixels(parts, form), facts, form)
    # Last, because these facts are what makes the pixel file count.
    header = {
        "lengths": list(facts.lengths.items()),  # pairs, because a header sorts its names
        "classes": list(facts.classes),
        "notes": [*facts.notes, *notes],
        "examples": list(facts.examples),
        "frame": list(form),
        "fingerprint": digest,
    }
    write_tensors(folder / f"{stem}.safetensors", {"labels": torch.from_numpy(facts.labels)}, header)
    written = _read(folder, stem)
    if written is None:
        raise InputError(
            f"{folder}: what was written there does not read back, expected a sound disk; use another cache"
        )
    return written


def _free(folder: Path) -> int:
    """How many bytes there are for a folder that may have to be made."""
    there = next((each for each in (folder, *folder.parents) if os.path.isdir(each)), Path("/"))
    return shutil.disk_usage(there).free


def _stamp(path: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file") from error
    return str(path.absolute()), status.st_size, status.st_mtime_ns


def _write_pixels(path: Path, chunks: Iterable[Array], facts: Facts, form: Frame) -> str:
    """Write the .npy file and return the digest of the data."""
    digest = Digest(facts, form)
    shape = (len(facts.labels), form.channel, form.height, form.width)
    head = {"descr": np.lib.format.dtype_to_descr(np.dtype(form.dtype)), "fortran_order": False, "shape": shape}

    def write(temporary: Path) -> None:
        # Plain writes, because a full disk under a memory map kills the process instead of raising.
        with open(temporary, "wb") as opened:
            np.lib.format.write_array_header_1_0(opened, head)
            for chunk in chunks:
                digest.update(chunk)
                opened.write(chunk.data)

    write_atomically(path, write)
    return digest.text()


def _read(folder: Path, stem: str) -> Prepared | None:
    """The examples kept under `stem`, or None where they are absent or any bit of them is not as written."""
    try:
        tensors, header = read_tensors(folder / f"{stem}.safetensors")
        images = np.load(folder / f"{stem}.npy", mmap_mode="r", allow_pickle=False)
        facts = Facts(
            dict(header["lengths"]),
            tuple(header["classes"]),
            tensors["labels"].numpy(),
            tuple(header["notes"]),
            tuple(header["examples"]),
        )
        form = Frame._make([*header["frame"][:5], tuple(header["frame"][5])])
        sound = _looks_sound(images, facts, form) and _as_written(folder / stem, images, facts, form, header)
    except (InputError, OSError, ValueError, TypeError, KeyError, EOFError):
        return None
    return Prepared(images, facts, form, header["fingerprint"]) if sound else None


def _looks_sound(images: Array, facts: Facts, form: Frame) -> bool:
    return images.shape == (len(facts.labels), *form[:3]) and images.dtype == np.dtype(form.dtype)


def _as_written(stem: Path, images: Array, facts: Facts, form: Frame, header: Mapping[str, Any]) -> bool:
    """Whether every bit is as it was written: the time of reading all.

    Many processes begin within a day, and each would take minutes over data that are as large as ImageNet. So where all
    were read is noted beside them, and that holds for a day and for the file that lay there.
    """
    pixels, note = stem.with_suffix(".npy").stat(), stem.with_suffix(".read")
    seen = f"{pixels.st_size} {pixels.st_mtime_ns} {pixels.st_ino}"
    if pixels.st_size >= LARGE:
        with suppress(OSError, UnicodeDecodeError):
            if note.read_text() == seen and abs(time.time() - note.stat().st_mtime) < DAY:
                return True
    digest = Digest(facts, form)
    for start in range(0, len(images), _VERIFY):
        digest.update(images[start : start + _VERIFY])
    if digest.text() != header["fingerprint"]:
        return False
    if pixels.st_size >= LARGE:
        with suppress(InputError, OSError):
            write_text(note, seen)
    return True


def remember_zca(path: Path, make: Callable[[], ImageCodec]) -> ImageCodec:
    """The codec kept at `path`, made by `make` and kept there where it is absent or damaged."""
    expected = {"codec": "zca", "algorithm": ALGORITHM}
    try:
        tensors, header = read_tensors(path)
        if header == expected:
            return ImageCodec.from_tensors(tensors)
    except InputError:
        pass
    made = make()
    write_tensors(path, made.to_tensors(), expected)
    return made
