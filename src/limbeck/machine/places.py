"""Disks that limbeck writes to, and the named data that it finds."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from limbeck.core.errors import InputError
from limbeck.core.files import check_writable
from limbeck.core.units import size
from limbeck.machine.line import Line
from limbeck.tasks.cache import default_folder
from limbeck.tasks.catalog import NAMED
from limbeck.tasks.readers.source import Source

MOUNTS = Path("/proc/self/mounts")
FULL, LITTLE = 10**8, 10**9
"""Bytes of free disk below which nothing can be kept, and below which little can."""
LOOKED_AT = 5
"""Images of each part of a data set that are decoded, at even distances."""


def disks(runs: Path | None = None) -> Iterator[Line]:
    """Where runs, temporary files and decoded data are kept."""
    places = {
        "runs": (runs or Path(os.environ.get("LIMBECK_RUNS") or "runs"), "--runs or LIMBECK_RUNS"),
        "temp": (Path(tempfile.gettempdir()), "TMPDIR"),
        "decoded data": (default_folder(), "LIMBECK_CACHE"),
    }
    for name, (place, option) in places.items():
        yield _disk(name, place.absolute(), option)


def _disk(name: str, place: Path, option: str) -> Line:
    elsewhere = f"name another place by {option}"
    there = next((each for each in (place, *place.parents) if each.is_dir()), Path("/"))
    kind, free = file_system(there), shutil.disk_usage(there).free
    said = f"{place}: {size(free)} free{f' ({kind})' if kind else ''}"
    facts = {"place": str(place), "free": free, "kind": kind}
    try:
        check_writable(place / "tried", option)
    except InputError:
        return Line(name, f"{place}: cannot be written to", elsewhere, True, facts)
    if free < FULL:
        return Line(name, said, f"it is full: free some space, or {elsewhere}", True, facts)
    return Line(name, said, f"little is free: free some, or {elsewhere}" if free < LITTLE else "", False, facts)


def file_system(place: Path) -> str:
    """The kind of file system that a folder lies on, as Linux names it; "" where it does not tell."""
    try:
        mounts = [line.split() for line in MOUNTS.read_text().splitlines()]
    except OSError:
        return ""
    whole = place.resolve()
    over = [(len(each[1]), each[2]) for each in mounts if whole.is_relative_to(each[1].replace("\\040", " "))]
    # Of those at one place, the last lies on top.
    return max(reversed(over), key=lambda each: each[0])[1] if over else ""


def data(root: Path | None = None) -> Line:
    """Which named data sets lie where they are looked for, and which files of theirs are damaged."""
    given = root or (Path(os.environ["LIMBECK_DATA"]) if os.environ.get("LIMBECK_DATA") else None)
    if given is None:
        return Line(
            "data", "LIMBECK_DATA is not set: of named sets digits alone is there; name your own by folder:PATH"
        )
    if not given.is_dir():
        return Line("data", f"{given}: no such folder", "set LIMBECK_DATA to the folder that holds the data sets")
    found = list[str]()
    damaged = [fault for name in NAMED for fault in _looked(name, given, found)]
    said = f"{given}: {', '.join(found) or 'none of the named sets'}"
    advice = f"damaged: {'; '.join(damaged)}; copy them again" if damaged else ""
    return Line("data", said, advice, facts={"root": str(given), "found": found, "damaged": damaged})


def _looked(name: str, root: Path, found: list[str]) -> Iterator[str]:
    """What is wrong with a named set, where it is there; it is put among those `found` where nothing is."""
    for layout in NAMED[name].layouts:
        try:
            source = layout.find(root / layout.place)
            if source is None:
                continue
            _read(source)
        except InputError as error:
            yield str(error).partition(", expected")[0].partition(";")[0]
            return
        found.append(name)
        return


def _read(source: Source) -> None:
    """Read what a source has, and decode some of it; InputError where it is damaged."""
    for part in source.read():
        count = len(part.images)
        for place in range(min(LOOKED_AT, count)):
            part.images.decode(place * (count - 1) // max(1, LOOKED_AT - 1))
