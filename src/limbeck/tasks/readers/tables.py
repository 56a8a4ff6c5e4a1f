"""Tables of labels beside images: CSV and tab-separated files, lists with or without a header, and names of files."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from limbeck.core.errors import InputError
from limbeck.tasks.readers.labels import class_name
from limbeck.tasks.readers.names import LABELS, first_named

ENDINGS = frozenset({".csv", ".tsv", ".txt", ".lst"})
_LARGEST = 2**28
_CAMERAS = frozenset({"img", "image", "dsc", "dscn", "pict", "picture", "photo", "frame", "scan", "screenshot", "pic"})
_NUMBERED = re.compile(r"(?P<name>.*?[^\W\d_])[\s._\-]*\(?\d+\)?")


@dataclass(frozen=True)
class Listed:
    """What a table says of images."""

    path: Path
    labels: dict[Path, str] | None
    """The label of each image that the table names; None where it names images and labels none of them."""
    missing: tuple[str, ...]
    """Names in it that are no image's."""


def is_table(path: Path) -> bool:
    """Whether a file may be a table of labels; submissions to a contest are not, as their labels are made up."""
    return path.suffix.lower() in ENDINGS and "submission" not in path.name.lower()


def names_of(images: Sequence[Path]) -> frozenset[str]:
    """What tables may call images: their names, with and without their endings."""
    return frozenset(name for image in images for name in (image.name, image.stem))


def read_table(path: Path, images: Sequence[Path], label_column: str, elsewhere: Collection[str] = ()) -> Listed | None:
    """What the table at `path` says of `images`; None where it names few of them, or is no table.

    It may also name images that are `elsewhere`. Raises InputError where it names images and which of its columns are
    the labels is not plain.
    """
    rows = _rows(path)
    if not rows:
        return None
    found = _Names(images)
    body = rows[1:] or rows
    width = max(map(len, rows))
    hits = [sum(found.image(path, _cell(row, at)) is not None for row in body) for at in range(width)]
    column = hits.index(max(hits))
    missing = [
        name
        for row in body
        if found.image(path, name := _cell(row, column)) is None and _last(name).name not in elsewhere
    ]
    if len(missing) * 2 > len(body) or max(hits) < 2:
        return None
    header = rows[0] if found.image(path, _cell(rows[0], column)) is None else None
    rows = rows if header is None else rows[1:]
    labels = _labels(path, header, rows, column, label_column)
    if labels is None:
        return Listed(path, None, ())
    by_image: dict[Path, str] = {}
    for number, (row, label) in enumerate(zip(rows, labels, strict=True), 2 if header else 1):
        image = found.image(path, _cell(row, column))
        if image is not None and by_image.setdefault(image, label) != label:
            raise InputError(
                f"{path} line {number}: {_cell(row, column)!r} has the labels {by_image[image]!r} and {label!r}, "
                "expected one; each image has one class: remove the other"
            )
    return Listed(path, by_image, tuple(missing))


def labels_in_names(images: Sequence[Path]) -> dict[Path, str] | None:
    """The class of each image where all are called CLASS.NUMBER, CLASS_NUMBER and the like; None where they are not.

    There must be two classes or more, of three images or more each, and none called as cameras call all pictures.
    """
    matches = {path: _NUMBERED.fullmatch(path.stem) for path in images}
    names = {path: class_name(match["name"]) for path, match in matches.items() if match}
    counts = Counter(names.values())
    plain = len(names) == len(images) and len(counts) > 1 and min(counts.values()) > 2
    return names if plain and not any(name.lower() in _CAMERAS for name in counts) else None


class _Names:
    """Images by what a table may call them: a path, a name, or a name without its ending."""

    def __init__(self, images: Sequence[Path]) -> None:
        self._whole = set(images)
        self._named: dict[str, Path | None] = {}
        for image in images:
            for name in {image.name, image.stem}:
                # A name that several images share names none.
                self._named[name] = None if name in self._named else image

    def image(self, table: Path, said: str) -> Path | None:
        """The image that a table calls so."""
        if not said:
            return None
        name = _last(said)
        whole = table.parent / name
        return whole if whole in self._whole else self._named.get(name.name)


def _last(said: str) -> PurePosixPath:
    """A path as a table has it."""
    return PurePosixPath(said.replace("\\", "/"))


def _cell(row: Sequence[str], at: int) -> str:
    return row[at].strip() if at < len(row) else ""


def _rows(path: Path) -> list[list[str]]:
    """The rows of a table with two columns or more; none where it is something else."""
    if path.stat().st_size > _LARGEST:
        return []
    try:
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
        first = text.lstrip().partition("\n")[0]
        counts = {mark: first.count(mark) for mark in ("\t", ",", ";")}
        mark = max(counts, key=lambda each: counts[each])
        parted = csv.reader(io.StringIO(text), delimiter=mark) if counts[mark] else map(str.split, text.splitlines())
        rows = [row for row in parted if any(cell.strip() for cell in row)]
    except (OSError, csv.Error):
        return []
    return rows if rows and max(map(len, rows)) > 1 else []


def _labels(
    path: Path, header: Sequence[str] | None, rows: Sequence[Sequence[str]], images: int, wanted: str
) -> list[str] | None:
    """The label of each row, whose cell `images` names an image; None where there are no further columns."""
    if header is None:
        # A list of images and classes, as validation sets have them: the class comes next, boxes may follow.
        return [_cell(row, images + 1 if images == 0 else 0) for row in rows]
    names = {name.strip(): at for at, name in enumerate(header) if at != images and name.strip()}
    if wanted and wanted not in names:
        raise InputError(f"{path}: no column {wanted!r}, found {', '.join(names) or 'none'}; name one of these")
    named = wanted or first_named(LABELS, names)
    if named is None and len(names) > 1:
        rows_of_ones = [[_cell(row, at) for at in names.values()] for row in rows]
        titles = list(names)
        if all(_one(row) is not None for row in rows_of_ones):
            return [titles[_one(row) or 0] for row in rows_of_ones]
        raise InputError(
            f"{path}: found columns {', '.join(names)} beside the names of images, expected one called label; pass "
            "--label-column NAME (label_column= in Python)"
        )
    if named is None and not names:
        return None
    at = names[named or next(iter(names))]
    return [_cell(row, at) for row in rows]


def _one(row: Sequence[str]) -> int | None:
    """Where the only 1 among zeros is."""
    try:
        numbers = [float(cell) for cell in row]
    except ValueError:
        return None
    return numbers.index(1) if sorted(numbers) == [0.0] * (len(row) - 1) + [1.0] else None
