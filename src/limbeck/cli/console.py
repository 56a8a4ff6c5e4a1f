"""What every command shares: its parser, and its one JSON document or its tables."""

from __future__ import annotations

import io
import json
import re
import sys
from argparse import HelpFormatter
from collections.abc import Sequence
from typing import Any, NoReturn

from jsonargparse import ArgumentParser
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from limbeck.core.errors import InputError, unknown
from limbeck.terminal.safe import plain, plain_json, write

WIDE = 240
"""Columns of a table that goes to a file or a pipe."""


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
        # Of an option that may be left out, that nothing was said is no other type of it.
        line = re.sub(
            r"Does not validate against any of the Union subtypes .*?(Expected an? \w+) .* Given value: ",
            r"\1. Got value: ",
            line,
        )
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
