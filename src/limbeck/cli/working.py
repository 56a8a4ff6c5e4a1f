"""Options of where and how work is done, each declared once, and the session that they come to."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from limbeck.cli.console import Parser
from limbeck.core import ranks
from limbeck.core.deferred import Deferred
from limbeck.core.errors import InputError
from limbeck.core.progress import AbstractProgress
from limbeck.runs.executors import EXECUTORS
from limbeck.terminal.bar import bar
from limbeck.terminal.safe import write
from limbeck.terminal.said import ask, at_terminal

if TYPE_CHECKING:
    from limbeck.runs.session import Session


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


def add_moved(made: Parser) -> None:
    """Add where the data of a set or a spec are now."""
    made.add_argument("--data", type=str, default="", help="the data, where they are no longer where the set says")


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


STOP = "stop after about so many minutes; the same command goes on"
PART = "to do part of it now and go on later"
"""What --minutes does, and what it is for."""


def add_time(made: Parser, minutes: str = STOP) -> None:
    """Add how long the work may take."""
    made.add_argument("--minutes", type=float | None, default=None, help=minutes)
    made.add_argument("--yes", action="store_true", help="work for more than an hour without asking")


def add_runs(made: Parser) -> None:
    """Add where runs are."""
    made.add_argument(
        "--runs", type=Path | None, default=None, help="where runs are kept (else LIMBECK_RUNS, else ./runs)"
    )


def add_log(made: Parser) -> None:
    """Add where distillations are logged."""
    made.add_argument(
        "--log",
        type=str,
        default="",
        help="tell loss, validation and pictures to tensorboard:DIR, csv:FILE, wandb[:PROJECT] or mlflow[:ADDRESS]",
    )


def add_since(made: Parser) -> None:
    """Add from when on what was computed is used."""
    made.add_argument("--fresh", action="store_true", help="compute all of it anew, though it was computed before")
    made.add_argument(
        "--since", type=str, default="", help="use nothing that was computed before that time, such as 2026-01-31T23:59"
    )


def _since(options: Mapping[str, Any]) -> datetime | None:
    """From when on what was computed is used; None: always. InputError for what is no time."""
    if "since" not in options:
        return None
    written = options["since"]
    if options["fresh"]:
        if written:
            raise InputError(f"--fresh --since {written}: expected one of them; --fresh is --since with the time now")
        return datetime.now()
    try:
        return datetime.fromisoformat(written) if written else None
    except ValueError as error:
        raise InputError(f"--since {written}: expected a time such as 2026-01-31T23:59") from error


def add_session(made: Parser, compiles: bool = False, data_root: bool = True, time: bool = True) -> None:
    """Add where and how work is done, and whether progress is shown; `session` reads them."""
    made.add_argument("--workers", type=int | None, default=None, help="processes side by side; by default one a core")
    made.add_argument(
        "--executor",
        type=str,
        default="local",
        help=f"one of {', '.join(EXECUTORS)}: processes of this machine, commands to run anywhere, or a cluster, where "
        "slurm:FILE.yaml says what is asked of it",
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
def session(
    command: str, words: Sequence[str], given: Any, bounded: bool = True, less: str = PART
) -> Iterator[Session]:
    """The session that the options say, for as long as the block lasts; an interruption names how to go on.

    Where it is `bounded`, --minutes stop it. Whoever asks for much is told what --minutes is for (`less`).
    """
    from limbeck.runs.session import Session

    options = vars(given)
    since = _since(options)
    # Whoever began anew goes on with what was done from then on.
    onwards = ["--since", since.isoformat()] if since and options["fresh"] else []
    begun = "torchrun ... -m " if ranks.processes() > 1 else ""
    again = f"{begun}limbeck {command} {shlex.join([*(each for each in words if each != '--fresh'), *onwards])}"
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
                minutes=options.get("minutes") if bounded else None,
                confirm=None if options.get("yes") or options.get("minutes") else _asking(again, progress, less),
                since=since,
                log=options.get("log") or None,
            ) as made,
        ):
            yield made
            if "since" in options and made.found:
                progress.notes([f"found: computed on {made.found:%Y-%m-%d at %H:%M}; --fresh computes it again"])
    except Deferred as deferred:
        raise Deferred(f"{deferred}; then: {again}") from deferred
    except KeyboardInterrupt as interrupt:
        why = str(interrupt) or "interrupted"
        raise KeyboardInterrupt(f"{why}; go on with: {again}") from interrupt


def _asking(command: str, progress: AbstractProgress, less: str) -> Callable[[str], None]:
    """Who agrees to long work: whoever sits at the terminal; InputError where nobody does, or the answer is no."""

    def confirm(said: str) -> None:
        if not at_terminal():
            raise InputError(f"{said}. To do it, add --yes; {less}, add --minutes 60: {command} --yes")
        with progress.paused():
            agreed = ask(f"{said}; it can be interrupted, and the same command goes on", "Begin?")
        if not agreed:
            raise InputError(f"not begun; {less}, add --minutes 60")

    return confirm
