"""`limbeck import`: a set that others published, as one of limbeck's.

`import` itself cannot be the name of a module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from limbeck.cli.console import Parser, answer, parser
from limbeck.cli.options import add_own, check_out, names_of, task_of
from limbeck.cli.table import Table
from limbeck.cli.working import add_quiet, add_root
from limbeck.core.units import percent
from limbeck.exported import FORMATS
from limbeck.imported import AUTO, LAYOUTS, import_set
from limbeck.imported.texts import FORMAT, SUMMARY
from limbeck.terminal.said import ask, at_terminal, say

_RATES = {"usual": "limbeck's usual, as the file has none; --learning-rate sets another"}


def run(words: list[str]) -> None:
    """Read a published set, ask about its units, and write it."""
    given = _parser().parse_args(words)
    check_out(given.out)
    distilled = import_set(
        given.file,
        task=task_of(given),
        format=given.format,
        which=given.which,
        entries=names_of(given.entries),
        folders=given.folders,
        labels=given.labels,
        factor=given.factor,
        learning_rate=given.learning_rate,
        network=given.network,
        normalisation=given.normalisation,
        confirm=_asking(given.yes, given.quiet),
    )
    distilled.save(given.out)
    origin = distilled.spec["imported"]
    found = distilled.batch.classes.bincount(minlength=len(distilled.classes)).tolist()
    learning_rate = float(distilled.schedule.learning_rates[0])
    document = {
        "set": str(given.out),
        "items": len(distilled),
        "labels": distilled.label_mode,
        "learning rate": learning_rate,
        "classes": dict(zip(distilled.classes, found, strict=True)),
        "network": distilled.spec["network"],
        "imported": origin,
    }
    rows = [
        ("layout", f"{origin['format']}: {_summary(origin['format'])}"),
        ("items", f"{len(distilled)}, {distilled.label_kind} labels, {_each(found)} a class"),
        ("units", f"{origin['units']}{_spread(origin)}"),
        ("learning rate", f"{learning_rate:g} ({_RATES.get(origin['learning rate'], origin['learning rate'])})"),
        ("digest", origin["digest"]),
        *(("note", note) for note in origin["notes"]),
    ]
    answer(document, given, Table(str(given.out), ("", ""), rows), quiet=given.quiet)


def _spread(origin: Mapping[str, Any]) -> str:
    """The values of pixels, where there are some."""
    if "pixels" not in origin:
        return ""
    pixels = origin["pixels"]
    return (
        f": pixels {min(pixels['low']):.2f} to {max(pixels['high']):.2f}, {percent(pixels['outside'])} outside [0, 1]"
    )


def _each(counts: Sequence[int]) -> str:
    """How many items there are of each class."""
    return f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def _summary(layout: str) -> str:
    """What a layout is; that of an export of our own where others have none of its name."""
    known = {FORMAT: SUMMARY, **{name: each.summary for table in (FORMATS, LAYOUTS) for name, each in table.items()}}
    return known[layout]


def _parser() -> Parser:
    made = parser("import", "Make a set of limbeck's of one that others distilled and published.")
    formats = "; ".join(f"{name}: {layout.summary}" for name, layout in LAYOUTS.items())
    made.add_argument("file", type=Path, help="the file or folder; no code from it is run")
    made.add_argument("--format", type=str, default=AUTO, help=f"{AUTO}: told from the file; {formats}")
    made.add_argument("--data", type=str, required=True, help="the data that it was distilled from")
    made.add_argument("--out", type=Path, required=True, help="where to write the set (.safetensors)")
    _add_readings(made)
    made.add_argument("--which", type=int | None, default=None, help="which set of several in the file, from 0")
    made.add_argument(
        "--normalisation",
        type=str,
        default="",
        help="the units of its numbers: normalised (those of the data), raw (pixels in [0, 1]), 8-bit (in 0..255), "
        "symmetric (in [-1, 1]), standardised (as the data but for ZCA), whitened (raw, by ZCA), kernel-whitened (as "
        "kernel methods have it), a data set whose constants are meant, or MEAN,.../STD,...; by default guessed from "
        "the numbers",
    )
    made.add_argument(
        "--yes", action="store_true", help="take the units that are guessed from the numbers, without asking"
    )
    made.add_argument(
        "--learning-rate",
        type=float | None,
        default=None,
        help="of training on it; by default the published one, else 0.01",
    )
    made.add_argument(
        "--network", type=str, default="", help="the network that it is scored with by default; its own, or convnet"
    )
    made.add_argument("--zca", action="store_true", help="the set is to be used with whitened data (ZCA)")
    made.add_argument("--size", type=int | None, default=None, help="resize and crop the data to this side, in pixels")
    add_own(made)
    add_quiet(made)
    add_root(made)
    return made


def _add_readings(made: Parser) -> None:
    """Add what chooses where a file can be read in several ways."""
    made.add_argument(
        "--entries",
        type=str,
        default="",
        help="IMAGES,LABELS: what they are called in the file, where that is not usual",
    )
    made.add_argument(
        "--folders",
        type=Literal["", "names", "numbers"],
        default="",
        help="whether folders of classes are called by names or by numbers from 0; by default told from all of them",
    )
    made.add_argument(
        "--labels",
        type=Literal["", "weights", "logits", "centred"],
        default="",
        help="how rows of labels are written: weights that add up to 1, such less 1/C (centred), or logits; by "
        "default told from their numbers",
    )
    made.add_argument(
        "--factor",
        type=int | None,
        default=None,
        help="each image is cut into so many times as many, each enlarged (multi-formation, as IDC has it)",
    )


def _asking(yes: bool, quiet: bool) -> Callable[[str], bool] | None:
    """How to ask whether units are right: not at all, on the terminal, or nobody where there is none."""
    if yes:
        return (lambda _text: True) if quiet else _told
    return _ask if at_terminal() else None


def _told(text: str) -> bool:
    say(text)
    return True


def _ask(text: str) -> bool:
    return ask(text, "Is that right?")
