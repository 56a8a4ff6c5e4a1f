"""What every command shares: its parser, its one JSON document or its tables, and its progress bar."""

from __future__ import annotations

import io
import json
import re
import sys
import time
import warnings
from argparse import HelpFormatter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from jsonargparse import ArgumentParser
from rich.console import Console, Group
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from limbeck.cli.terminal import plain, plain_json, write
from limbeck.core.errors import InputError, unknown
from limbeck.core.progress import AbstractProgress, Silent
from limbeck.core.units import duration

WIDE = 240
"""Columns of a table that goes to a file or a pipe."""

ERRORS = Console(stderr=True, highlight=False, force_terminal=None if sys.stderr.isatty() else False)
"""Where news go. Control codes are for terminals alone, whatever FORCE_COLOR says."""


class Parser(ArgumentParser):
    """A parser whose every complaint is a one-line InputError, with the nearest option suggested."""

    more_options: Sequence[str] = ()
    """Options that are taken from the words before it parses them."""
    more_help: str = ""
    """What its help ends with: among it, those options."""

    def format_help(self, formatter: HelpFormatter | None = None) -> str:
        """The help of its own options, and of those that were taken before."""
        own: str = super().format_help(formatter)
        return f"{own}\n{self.more_help}" if self.more_help else own

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise the complaint as a InputError."""
        line = re.sub(r'Parser key "([\w.]+)":', r"--\1:", " ".join(message.split()))
        line = re.sub(r"<class '([\w.]+)'>", r"\1", line)
        strange = re.search(r"[Uu]nrecognized arguments: (--[\w.\-]+)", line)
        if strange:
            options = [
                option for action in self._actions for option in action.option_strings if option.startswith("--")
            ]
            options += self.more_options
            raise unknown("option", strange.group(1), options)
        raise InputError(f"{line}; see `{self.prog} --help`")


def parser(command: str, summary: str) -> Parser:
    """A parser with the options of every command."""
    made = Parser(prog=f"limbeck {command}", description=summary, exit_on_error=False, allow_abbrev=False)
    made.add_argument("--json", action="store_true", help="print one JSON document on standard output")
    return made


def answer(document: dict[str, Any] | list[Any], as_json: bool, *tables: Group | str, quiet: bool = False) -> None:
    """Print the document where JSON is asked for, else the tables unless `quiet`, where the answer is a file.

    A text is one line.
    """
    if as_json:
        write(plain_json(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)))
    if as_json or quiet:
        return
    # Whoever reads a file or a pipe cuts lines as they like; only a terminal has a width.
    seen = sys.stdout.isatty()
    printed = io.StringIO()
    console = Console(file=printed, highlight=False, width=None if seen else WIDE, force_terminal=seen)
    for part in tables:
        console.print(Text(plain(part)) if isinstance(part, str) else part, soft_wrap=isinstance(part, str))
    write(printed.getvalue().removesuffix("\n"))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()) -> Group:
    """A titled table whose cells are shown as plain text; the columns named in `right` are set flush right."""
    made = Table(box=None, pad_edge=False, show_header=any(columns))
    for column in columns:
        made.add_column(Text(plain(column)), justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(plain(str(cell))) for cell in row))
    # Not the table's own title, which would be folded to the width of its columns.
    return Group(Text(plain(title), style="bold"), made)


class Rate(ProgressColumn):
    """Steps per second."""

    def render(self, task: Task) -> Text:
        """The rate, once it is known."""
        return Text(f"{task.speed:.2f}/s" if task.speed else "")


class Bar(AbstractProgress):
    """Progress on standard error: a live bar on a terminal, else a line now and then."""

    LINES = 20
    """How many lines a whole phase prints where there is no terminal."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None, news="") if progress else None
        self._phase = ""
        self._printed = -1
        self._first: tuple[float, float] | None = None

    def phase(self, name: str) -> None:
        """Say that another phase begins; its name goes before what is being done."""
        self._phase, self._printed, self._first = name, -1, None
        if self._progress is not None and self._task is not None:
            self._progress.reset(self._task, description=escape(plain(name)))
        else:
            say(name)

    def estimate(self, seconds: float) -> None:
        """Say about how long the phase will take."""
        say(f"about {duration(seconds)} of work")

    def update(self, done: float | int, total: float | int, doing: str, news: str = "") -> None:
        """Say that `done` of `total` are done, what is being done, and what is new."""
        if self._progress is not None and self._task is not None:
            text = escape(plain(f"{self._phase}: {doing}" if self._phase else doing))
            self._progress.update(
                self._task, completed=round(done), total=round(total), description=text, news=escape(news)
            )
            return
        now = time.monotonic()
        self._first = self._first or (now, done)
        if total and int(done * self.LINES / total) > self._printed:
            self._printed = int(done * self.LINES / total)
            began, before = self._first
            pace = (now - began) / (done - before) if done > before else None
            left = "" if pace is None or done >= total else f", {duration(pace * (total - done))} left"
            said = ", ".join(filter(None, [f"{doing}: {round(done)} of {round(total)}{left}", news]))
            say(said)


def say(line: str) -> None:
    """Tell something on standard error that stays to be read."""
    ERRORS.print(plain(line), markup=False, soft_wrap=True)


@contextmanager
def bar(quiet: bool = False) -> Iterator[AbstractProgress]:
    """A progress bar with rate, time gone and time left, for as long as the block lasts; silent, warnings too, if so.

    Errors are still told.
    """
    if quiet:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield Silent()
        return
    if not ERRORS.is_terminal:
        yield Bar(None)
        return
    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"),
        Rate(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[news]}"),
    )  # fmt: skip
    with Progress(*columns, console=ERRORS, transient=True) as progress:
        yield Bar(progress)
