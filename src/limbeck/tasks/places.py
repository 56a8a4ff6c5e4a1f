"""Where data of one's own lie: what is shared names them without their place, which is looked up here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from limbeck.core.documents import read_document, sealed
from limbeck.core.errors import InputError
from limbeck.core.files import write_text
from limbeck.tasks.cache import default_folder

BY_PATH = ("folder", "parquet", "npz", "graph", "text", "series", "forecast", "table", "audio", "pairs")
"""The kinds of names that end in a path."""


def roots(root: Path | None) -> tuple[Path, ...]:
    """The folder of named data that is given, else that of the environment, if there is one."""
    given = root if root is not None else os.environ.get("LIMBECK_DATA") or None
    return () if given is None else (Path(given).expanduser(),)


def root_of(name: str, root: Path | None) -> Path:
    """The folder in which the data of a name are looked for; InputError where none is given."""
    found = next(iter(roots(root)), None)
    if found is None:
        raise InputError(
            f"{name} is read from a folder and none was given; "
            "name one with --data-root (root= in Python), or set LIMBECK_DATA"
        )
    return found


def not_found(name: str, looked: str, what: str = "files") -> InputError:
    """The error for data of a name that are not there; `looked` says where was looked and for what."""
    return InputError(
        f"{name}: not found; looked {looked}; put the {what} there, or name another folder with --data-root "
        "(root= in Python)"
    )


def without_place(data: str) -> str:
    """The name of data without the folders that they lie in.

    >>> without_place("parquet:/home/me/scans"), without_place("mnist")
    ('parquet:scans', 'mnist')
    """
    kind, colon, path = data.partition(":")
    return f"{kind}:{Path(path).expanduser().absolute().name}" if colon and kind in BY_PATH else data


def remember(data: str, fingerprint: str) -> None:
    """Keep the place of data of one's own, where that can be kept."""
    kind, _, path = data.partition(":")
    if kind in BY_PATH:
        text = sealed({"data": f"{kind}:{Path(path).expanduser().absolute()}"})
        file = _file(fingerprint)
        with suppress(InputError, OSError):
            if not file.is_file() or file.read_text() != text:
                write_text(file, text)


def located(data: str, fingerprint: str, roots: tuple[Path, ...]) -> str:
    """The name of data with their place: where they were last, else beside the named data, else in this folder.

    Raises InputError where they are in none of these.
    """
    kind, colon, path = data.partition(":")
    if not colon or kind not in BY_PATH:
        return data
    for place in _places(kind, path, fingerprint, roots):
        if place.exists():
            return f"{kind}:{place}"
    looked = ", ".join(dict.fromkeys(map(str, (*roots, Path.cwd()))))
    raise InputError(
        f"{data}: not found; looked where these data were last and in {looked}; name their place with "
        f"--data {kind}:PATH (data= in Python), or that of their folder with --data-root"
    )


def _places(kind: str, path: str, fingerprint: str, roots: tuple[Path, ...]) -> Iterator[Path]:
    with suppress(InputError):
        last, _, place = str(read_document(_file(fingerprint)).get("data")).partition(":")
        if last == kind:
            yield Path(place)
    # An absolute path, which older sets have, is itself whatever stands before it.
    yield from (folder / Path(path).expanduser() for folder in (*roots, Path.cwd()))


def _file(fingerprint: str) -> Path:
    return default_folder() / "places" / f"{fingerprint[:32]}.json"
