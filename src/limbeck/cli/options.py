"""Options that more than one command has, each declared once, and what their values mean."""

from __future__ import annotations

import inspect
import shlex
from argparse import ArgumentError
from argparse import ArgumentParser as PlainParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from limbeck.cli.bar import bar
from limbeck.cli.console import Parser, ask, at_terminal
from limbeck.cli.terminal import write
from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError, unknown
from limbeck.core.family import part_name
from limbeck.core.files import check_writable
from limbeck.core.progress import AbstractProgress
from limbeck.evaluation import BASELINES
from limbeck.explanation import EFFORTS
from limbeck.probes.contract import AbstractProbe
from limbeck.protocols import protocols
from limbeck.runs.allowance import TimeIsUp
from limbeck.runs.executors import EXECUTORS
from limbeck.runs.session import Session


def add_data(made: Parser) -> None:
    """Add the data, the options of reading it, and where it is."""
    made.add_argument(
        "data", type=str, help="a task of `limbeck list tasks`, or folder:PATH, parquet:PATH, npz:PATH, hf:NAME"
    )
    made.add_argument("--zca", action="store_true", help="whiten the data (ZCA)")
    made.add_argument("--size", type=int | None, default=None, help="resize and crop images to this side, in pixels")
    add_own(made)
    add_root(made)


MIRROR = {"": None, "yes": True, "no": False}


def add_own(made: Parser) -> None:
    """Add what only whoever brings the data knows of them."""
    made.add_argument(
        "--mirror",
        type=Literal["", "yes", "no"],
        default="",
        help="whether mirrored images keep their class; by default as known of named data, else no image is mirrored",
    )
    made.add_argument(
        "--layout",
        type=str,
        default="",
        help="of folder:, what its levels are from the outside in: class, split-class, class-split, domain-class, ...; "
        "by default found out where it is plain",
    )
    made.add_argument(
        "--label-column", type=str, default="", help="the column of a table that has the labels; by default by its name"
    )
    made.add_argument(
        "--background", type=str, default="", help="the colour that transparent pixels are laid on; by default white"
    )
    made.add_argument(
        "--max-pixels", type=int | None, default=None, help="refuse larger images as hostile; by default Pillow's limit"
    )
    made.add_argument(
        "--validation",
        type=str,
        default="",
        help="what validates: a share of the training images such as 0.1, none, or validation for the split of that "
        "name; by default that split where it is there, else a tenth",
    )


def task_of(given: Any) -> AbstractTask:
    """The task that the options of `add_data` name."""
    from limbeck.tasks import load

    own = {name: getattr(given, name) for name in ("layout", "label_column", "background", "max_pixels")}
    validation = given.validation or None
    mirror = MIRROR[given.mirror]
    return load(
        given.data, root=given.data_root, zca=given.zca, size=given.size, mirror=mirror, validation=validation, **own
    )


def add_quiet(made: Parser) -> None:
    """Add whether to be silent."""
    made.add_argument(
        "--quiet", action="store_true", help="no progress and no notes: what was asked for, and errors, alone"
    )


def add_root(made: Parser) -> None:
    """Add where data are."""
    made.add_argument(
        "--data-root", type=Path | None, default=None, help="where named data sets lie (else LIMBECK_DATA)"
    )


def add_device(made: Parser) -> None:
    """Add where the work is done."""
    made.add_argument("--device", type=str, default="", help="cpu, cuda, ...; by default cuda where there is one")


COMPILE = {"auto": None, "always": True, "never": False}


def add_compile(made: Parser) -> None:
    """Add whether the work runs as compiled code: a name of `COMPILE`."""
    made.add_argument(
        "--compile",
        type=Literal["auto", "always", "never"],
        default="auto",
        help="run as compiled code, equal but for rounding; auto: where that saves time",
    )


def add_time(made: Parser, minutes: str = "stop after about so many minutes; the same command goes on") -> None:
    """Add how long the work may take."""
    made.add_argument("--minutes", type=float | None, default=None, help=minutes)
    made.add_argument("--yes", action="store_true", help="work for more than an hour without asking")


def add_checks(made: Parser) -> None:
    """Add how often a set is checked while it is distilled."""
    made.add_argument(
        "--checks",
        type=int | None,
        default=None,
        help="how often to measure validation accuracy on the way; by default 4 times where that is cheap, else never",
    )


def check_out(out: Path) -> None:
    """Refuse, before any work, a place that no set can be written to."""
    if out.suffix != ".safetensors" or out.is_dir():
        raise InputError(f"--out {out}: expected a file name that ends in .safetensors")
    check_writable(out)


def add_runs(made: Parser) -> None:
    """Add where runs are."""
    made.add_argument(
        "--runs", type=Path | None, default=None, help="where runs are kept (else LIMBECK_RUNS, else ./runs)"
    )


def defaults_of(part: Any) -> dict[str, Any]:
    """The fields of a part; where a contract is asked for, the class that stands there is named with its own."""
    asked = get_type_hints(type(part))
    found = {}
    for field in fields(part):
        value = getattr(part, field.name)
        if is_dataclass(value):
            kind, value = type(value), defaults_of(value)
            if any(inspect.isabstract(each) for each in (asked[field.name], *get_args(asked[field.name]))):
                value = {"class_path": f"{kind.__module__}.{kind.__qualname__}", "init_args": value}
        found[field.name] = value
    return found


def add_session(made: Parser, compiles: bool = False, data_root: bool = True, time: bool = True) -> None:
    """Add where and how work is done, and whether progress is shown; `session` reads them."""
    made.add_argument("--workers", type=int | None, default=None, help="processes side by side; by default one a core")
    made.add_argument(
        "--executor",
        type=str,
        default="local",
        help=f"one of {', '.join(EXECUTORS)}: processes of this machine, or commands to run anywhere",
    )
    if compiles:
        add_compile(made)
    if time:
        add_time(made)
    add_device(made)
    add_quiet(made)
    if data_root:
        add_root(made)
    add_runs(made)


@contextmanager
def session(command: str, words: Sequence[str], given: Any) -> Iterator[Session]:
    """The session that the options say, for as long as the block lasts; an interruption names how to go on."""
    options = vars(given)
    again = f"limbeck {command} {shlex.join(words)}"
    try:
        with (
            bar(options.get("quiet", False)) as progress,
            Session(
                given.runs,
                device=options.get("device", ""),
                workers=options.get("workers"),
                compile=COMPILE[options.get("compile", "auto")],
                data_root=options.get("data_root"),
                executor=options.get("executor", "local"),
                progress=progress,
                tell=write,
                minutes=None if options.get("until_decided") else options.get("minutes"),
                confirm=None if options.get("yes") or options.get("minutes") else _asking(again, progress),
            ) as made,
        ):
            yield made
    except KeyboardInterrupt as interrupt:
        why = str(interrupt) if isinstance(interrupt, TimeIsUp) else "interrupted"
        raise KeyboardInterrupt(f"{why}; go on with: {again}") from interrupt


def _asking(command: str, progress: AbstractProgress) -> Callable[[str], None]:
    """Who agrees to long work: whoever sits at the terminal; InputError where nobody does, or the answer is no."""

    def confirm(said: str) -> None:
        if not at_terminal():
            raise InputError(
                f"{said}. To do it, add --yes; to do part of it now and go on later, add --minutes 60: {command} --yes"
            )
        with progress.paused():
            agreed = ask(f"{said}; it can be interrupted, and the same command goes on", "Begin?")
        if not agreed:
            raise InputError("not begun; to do part of it now and go on later, add --minutes 60")

    return confirm


def add_scoring(made: Parser) -> None:
    """Add how sets are scored, and beside what."""
    made.add_argument("--repeats", type=int, default=5, help="fresh learners for each score")
    made.add_argument(
        "--seeds",
        type=int,
        default=1,
        help="distillations that the score of a set is over: its recipe with seeds 0, 1, ..., those that were not done "
        "are done first. 1: the set itself alone; from 3 on the score is of the recipe, with an interval over them",
    )
    made.add_argument("--protocol", type=str, default="yang2024", help=f"one of {', '.join(protocols())}")
    made.add_argument(
        "--baselines",
        type=str,
        default=",".join(BASELINES),
        help="by commas; none leaves them out. NAME has as many items per class as the set, NAME:bytes as many real "
        "ones as fit in its bytes (by default where these are not as many)",
    )


def baselines_of(text: str) -> tuple[str, ...]:
    """The names that --baselines lists; none of them for "none"."""
    return () if text == "none" else names_of(text)


def names_of(text: str) -> tuple[str, ...]:
    """The names that a text lists by commas."""
    return tuple(name for name in text.split(",") if name)


def effort_in(words: list[str], command: str) -> str:
    """The effort that --effort names. It comes first since it says what the options of each probe are by default."""
    first = PlainParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first.add_argument("--effort", default="standard")
    try:
        name: str = first.parse_known_args(words)[0].effort
    except ArgumentError as error:
        raise InputError(f"{error}; see `limbeck {command} --help`") from error
    if name not in EFFORTS:
        raise unknown("effort", name, EFFORTS)
    return name


def add_probes(made: Parser, effort: str) -> None:
    """Add which probes are asked and how thoroughly: --PROBE.FIELD for every probe, as at that effort by default."""
    made.add_argument(
        "--probe", type=str, default="all", help="one or more of `limbeck list probes`, by commas; or all"
    )
    made.add_argument("--effort", type=str, default="standard", help=f"how thoroughly: {', '.join(EFFORTS)}")
    for probe in EFFORTS[effort].probes:
        made.add_class_arguments(type(probe), part_name(type(probe)), default=defaults_of(probe))


def probes_of(made: Parser, given: Any) -> tuple[str | AbstractProbe, ...]:
    """The probes that --probe names, or all, each with its own options."""
    built = made.instantiate(given)
    own: dict[str, AbstractProbe] = {}
    for probe in EFFORTS[given.effort].probes:
        name = part_name(type(probe))
        own[name] = getattr(built, name.replace("-", "_"))
    names = tuple(own) if given.probe == "all" else names_of(given.probe)
    return tuple(own.get(name, name) for name in names)
