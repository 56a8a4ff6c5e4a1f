"""L3: sets as others use them: files and folders that need no limbeck, each with lines that show how."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from limbeck.core.documents import read_document, sealed
from limbeck.core.errors import InputError, unknown
from limbeck.core.files import check_writable, write_files, write_folder
from limbeck.distilled_set import DistilledSet
from limbeck.exported import ddranking, hub, npz, pictures, pt
from limbeck.exported.contents import contents_of
from limbeck.exported.eight_bits import Cost, cost_in_words
from limbeck.exported.readme import readme
from limbeck.exported.recognised import form_of
from limbeck.exported.written import INDEX, README, Known, Write, Written
from limbeck.exported.written import Publication as Publication


class Format(NamedTuple):
    """A form in which a set leaves."""

    summary: str
    write: Write
    suffix: str = ""
    """What the name of its one file ends with; "" where it is a folder."""
    eight_bits: bool = False
    """Whether it holds pictures, which are less than the set."""
    layout: str = ""
    """The layout by which `limbeck import` reads it; "" where it does not."""


FORMATS: dict[str, Format] = {
    "png": Format(
        "a folder of pictures for each class, CLASS/ITEM.png",
        pictures.write_flat,
        eight_bits=True,
        layout="folder",
    ),
    "folder": Format(
        "the same within train/, as torchvision's ImageFolder and limbeck's folder: read it",
        pictures.write_split,
        eight_bits=True,
        layout="folder",
    ),
    "npz": Format("a NumPy archive of every number, without pickle", npz.write, ".npz", layout="npz"),
    "pt": Format("a dict of tensors for torch.load(weights_only=True)", pt.write, ".pt", layout="pt"),
    "hf": Format(
        "a data set of the Hugging Face hub, with a card and Croissant metadata",
        hub.write,
        eight_bits=True,
    ),
    "ddranking": Format("the tensors that DD-Ranking scores", ddranking.write),
}
"""The formats by the name that `--format` takes."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    path: Path
    format: str
    files: tuple[Path, ...]
    notes: tuple[str, ...]
    """What the export does not hold."""
    cost: Cost | None
    """What 8 bits cost, where it has pictures."""
    scores: Sequence[Mapping[str, Any]] = ()
    """The rows of the set and of its pictures, where that was asked for."""

    @property
    def words(self) -> list[str]:
        """What 8 bits cost, in sentences; none where it has no pictures."""
        if self.cost is None:
            return []
        return [cost_in_words(self.cost, self.scores)]

    def document(self) -> dict[str, Any]:
        """It as JSON."""
        return {
            "export": str(self.path),
            "format": self.format,
            "files": [str(each) for each in self.files],
            "cost": None if self.cost is None else self.cost._asdict(),
            "scores": [dict(row) for row in self.scores],
            "notes": list(self.notes),
        }


def format_named(name: str) -> Format:
    """The format of that name; InputError for an unknown one."""
    if name not in FORMATS:
        raise unknown("format", name, FORMATS)
    return FORMATS[name]


def check_place(path: Path, format: str) -> None:
    """Refuse, before any work, a place that a format cannot be written to, or where something else is."""
    suffix = format_named(format).suffix
    if suffix and (path.suffix != suffix or path.is_dir()):
        raise InputError(f"--out {path}: expected a file name that ends in {suffix}, as --format {format} is one file")
    if not suffix and path.exists() and not path.is_dir():
        raise InputError(f"--out {path}: found a file, expected a folder, as --format {format} has several files")
    if suffix and path.exists() and form_of(path) not in ("npz", "pt"):
        raise InputError(f"--out {path}: found a file that `limbeck export` did not write; remove it or name another")
    stranger = _stranger(path, suffix)
    if stranger is not None:
        raise InputError(
            f"--out {path}: found {stranger.name!r}, which `limbeck export` did not write; name another "
            "place, or remove that one"
        )
    check_writable(path)


def _stranger(path: Path, suffix: str) -> Path | None:
    """Something in the way that no export wrote, or None: in the folder, or in the place of a file's README."""
    if suffix:
        beside = path.with_name(_beside(path))
        return beside if beside.exists() and not path.exists() else None
    if not path.is_dir():
        return None
    try:
        index = read_document(path / INDEX)
        listed = {path / name for name in (*index.get("files", ()), INDEX)}
    except (InputError, TypeError):
        listed = set()
    return next((each for each in sorted(path.rglob("*")) if not each.is_dir() and each not in listed), None)


def _beside(path: Path) -> str:
    """The name of the README of one file."""
    return f"{path.name}.{README}"


def export_set(distilled: DistilledSet, format: str, out: Path, known: Known | None = None) -> Exported:
    """Write a set in a format to `out`, whole or not at all; an export that is there is replaced.

    Equal sets, of which the same is known, give equal bytes. Raises InputError for items that the format cannot hold,
    and for a place that is taken or cannot be written.
    """
    chosen = format_named(format)
    check_place(out, format)
    contents = contents_of(distilled)
    name = out.name or out.resolve().name
    known = known or Known()
    written = chosen.write(contents, name, known)
    here = shlex.quote(name) if chosen.suffix else "."
    back = f"limbeck import {here} --format {chosen.layout} --data DATA --out set.safetensors" if chosen.layout else ""
    text = readme(contents, written, known.shortened, back).encode(errors="backslashreplace")
    if chosen.suffix:
        files = [out, out.with_name(_beside(out))]
        write_files({files[1]: text, out: written.files[name]})
    else:
        whole = _indexed(written, format, {**written.files, README: text}, contents.facts)
        write_folder(out, whole)
        files = [out / each for each in whole]
    return Exported(out, format, tuple(files), contents.notes, written.cost, known.in_eight_bits)


def _indexed(written: Written, format: str, files: dict[str, bytes], facts: Mapping[str, Any]) -> dict[str, bytes]:
    """The files and the index that lists them, by which the next export knows them as its own."""
    index = {"export": format, **facts, **written.index, "files": sorted(files)}
    return {**files, INDEX: sealed(index).encode(errors="backslashreplace")}
