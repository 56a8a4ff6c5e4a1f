"""Options that more than one command has, each declared once, and what their values mean."""

from __future__ import annotations

import inspect
from argparse import ArgumentError
from argparse import ArgumentParser as PlainParser
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from limbeck.cli.console import Parser
from limbeck.cli.help import documentation
from limbeck.cli.working import add_root
from limbeck.core.contracts import AbstractTask
from limbeck.core.errors import InputError, unknown
from limbeck.core.family import part_name
from limbeck.core.files import check_writable
from limbeck.explanation import EFFORTS
from limbeck.probes.contract import AbstractProbe
from limbeck.protocols import protocols
from limbeck.recipes.baselines import ALL, BASELINES


def add_data(made: Parser, needed: bool = True) -> None:
    """Add the data, the options of reading it, and where it is."""
    about = "a task of `limbeck list tasks`, or a way to name others there, as folder:PATH, table:PATH or hf:NAME"
    if needed:
        made.add_argument("data", type=str, help=about)
    else:
        made.add_argument("data", type=str, nargs="?", default="", help=about)
    made.add_argument("--zca", action="store_true", help="whiten the data (ZCA)")
    made.add_argument("--size", type=int | None, default=None, help="resize and crop images to this side, in pixels")
    add_own(made)
    add_root(made)


def add_sizes(made: Parser) -> None:
    """Add how large a set is to be, either way."""
    made.add_argument(
        "--ipc",
        type=int | None,
        default=None,
        help="the storage of so many items of each class as 32-bit numbers, labels free; by default of one",
    )
    made.add_argument(
        "--bytes",
        type=int | None,
        default=None,
        help="in place of --ipc: at most so many bytes as the set is stored, labels and decoder included",
    )


OF_KINDS = (
    "environment",
    "horizon",
    "length",
    "lookback",
    "mels",
    "numbers",
    "rate",
    "seconds",
    "target",
    "text_column",
)
"""Options of single kinds of data, which are handed on where they say something."""
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
        help="what validates: a share of the training examples such as 0.1, none, or validation for the split of that "
        "name; by default that split where it is there, else a tenth",
    )
    made.add_argument(
        "--environment",
        type=str,
        default="",
        help="of npz: with transitions, the control task (cartpole, gym:NAME) in whose episodes policies are judged; "
        "by default they are judged by held-out transitions",
    )
    _add_of_kinds(made)


def _add_of_kinds(made: Parser) -> None:
    """Add what is said of data that are no images."""
    made.add_argument(
        "--text-column", type=str, default="", help="the column of a table that has the texts; by default by its name"
    )
    made.add_argument(
        "--seconds",
        type=float | None,
        default=None,
        help="of sounds, how much of each is taken; by default what nine in ten training clips fit in, at most 2",
    )
    made.add_argument("--mels", type=int | None, default=None, help="of sounds, how many pitches are seen; default 32")
    made.add_argument(
        "--rate",
        type=int | None,
        default=None,
        help="of sounds, samples in a second; by default as most have, at most 16000",
    )
    made.add_argument(
        "--numbers",
        type=Literal["", "standard", "quantiles"],
        default="",
        help="of tables, how numbers are seen: by standard deviations (the default), or by quantiles",
    )
    made.add_argument(
        "--length",
        type=int | None,
        default=None,
        help="of series: to how many times all are resampled, by linear interpolation; by default all must be as long",
    )
    made.add_argument(
        "--target", type=str, default="", help="of forecasts: the one column that is forecast; by default all are"
    )
    made.add_argument(
        "--lookback", type=int | None, default=None, help="of forecasts: how many times are seen; by default 96"
    )
    made.add_argument(
        "--horizon", type=int | None, default=None, help="of forecasts: how many times are forecast; by default 96"
    )


def task_of(given: Any) -> AbstractTask:
    """The task that the options of `add_data` name."""
    from limbeck.tasks import load

    own = {name: getattr(given, name) for name in ("layout", "label_column", "background", "max_pixels")}
    validation = given.validation or None
    mirror = MIRROR[given.mirror]
    said = {name: getattr(given, name) for name in OF_KINDS}
    return load(
        given.data,
        root=given.data_root,
        zca=given.zca,
        size=given.size,
        mirror=mirror,
        validation=validation,
        **own,
        **{name: value for name, value in said.items() if value not in (None, "")},
    )


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


def add_scoring(made: Parser, seeds: int = 1) -> None:
    """Add how sets are scored, and beside what; over so many distillations by default."""
    made.add_argument("--repeats", type=int, default=5, help="fresh learners for each score")
    made.add_argument(
        "--seeds",
        type=int,
        default=seeds,
        help="distillations that the score of a set is over: its recipe with seeds 0, 1, ..., those that were not done "
        "are done first. 1: the set itself alone; from 3 on the score is of the recipe, with an interval over them",
    )
    made.add_argument(
        "--protocol",
        type=str,
        default="",
        help=f"one of {', '.join(protocols())}; by default yang2024, and own where all sets are meant for that alone",
    )
    made.add_argument(
        "--baselines",
        type=str,
        default=",".join(BASELINES),
        help="by commas; none leaves them out. NAME has as many items per class as the set, NAME:bytes as many real "
        f"ones as fit in its bytes (by default where these are not as many); {ALL} is every selection, both ways",
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
    asked = {part_name(type(probe)): probe for probe in EFFORTS[effort].probes}
    for name, probe in asked.items():
        made.add_class_arguments(type(probe), name, default=defaults_of(probe))
    made.headings = {name: str(probe.question) for name, probe in asked.items()}
    made.documented = {
        f"{name}.{field}": text for name, probe in asked.items() for field, text in documentation(type(probe)).items()
    }


def add_tables(made: Parser) -> None:
    """Add whether the numbers behind verdicts are printed."""
    made.add_argument(
        "--tables", action="store_true", help="print verdicts whole, with the numbers behind each of them"
    )


def probes_of(made: Parser, given: Any) -> tuple[str | AbstractProbe, ...]:
    """The probes that --probe names, or all, each with its own options."""
    built = made.instantiate(given)
    own: dict[str, AbstractProbe] = {}
    for probe in EFFORTS[given.effort].probes:
        name = part_name(type(probe))
        own[name] = getattr(built, name.replace("-", "_"))
    names = tuple(own) if given.probe == "all" else names_of(given.probe)
    return tuple(own.get(name, name) for name in names)
