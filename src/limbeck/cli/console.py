"""What every command shares: its parser, and its one JSON document or its tables."""

from __future__ import annotations

import io
import json
import re
import sys
from argparse import HelpFormatter
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from jsonargparse import ArgumentParser
from rich.console import Console
from rich.text import Text

from limbeck.cli.help import of_command
from limbeck.cli.table import FORMS, Table, drawn, piped
from limbeck.core.errors import InputError, unknown
from limbeck.terminal.safe import plain, plain_json, write
from limbeck.terminal.said import folded


class Parser(ArgumentParser):
    """A parser whose every complaint is a one-line InputError, with the nearest option suggested."""

    more_options: Sequence[str] = ()
    """Options that are taken from the words before it parses them."""
    more_help: str = ""
    """What its help ends with: among it, those options."""
    headings: Mapping[str, str] = {}
    """What each part is whose fields it has as options, --PART.FIELD, by its name."""
    documented: Mapping[str, str] = {}
    """What these are, by PART.FIELD."""

    def format_help(self, formatter: HelpFormatter | None = None) -> str:
        """The help of its own options, and of those that were taken before."""
        own = of_command(self, str(self.prog).rpartition(" ")[2], self.headings, self.documented)
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
        missing = re.search(r"(arguments are required: )([\w, ]+)", line)
        if missing:
            flags = {action.dest: action.option_strings[-1] for action in self._actions if action.option_strings}
            line = line.replace(missing[0], missing[1] + ", ".join(flags.get(n, n) for n in missing[2].split(", ")))
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
    for form, what in (("csv", "comma-separated values"), ("markdown", "Markdown"), ("latex", "LaTeX (booktabs)")):
        made.add_argument(f"--{form}", action="store_true", help=f"print the tables as {what}")
    return made


def answer(document: dict[str, Any] | list[Any], given: Any, *tables: Table | str, quiet: bool = False) -> None:
    """Print the document where JSON is asked for, else the tables unless `quiet`, where the answer is a file.

    A text is one line; it is left out where tables are asked for in a form that others read.
    """
    form = _form(given)
    if form == "json":
        write(plain_json(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)))
    elif form:
        found = [FORMS[form](part) for part in tables if isinstance(part, Table)]
        if not found:
            raise InputError(f"--{form}: there is no table to print; --json has what the command found")
        write("\n\n".join(found))
    elif not quiet:
        _print(tables)


def _print(tables: Sequence[Table | str]) -> None:
    """Print what a person reads: at a terminal to its width; whoever reads a pipe cuts lines as they like."""
    if not sys.stdout.isatty():
        write("\n".join(plain(part) if isinstance(part, str) else piped(part) for part in tables))
        return
    printed = io.StringIO()
    console = Console(file=printed, highlight=False, force_terminal=True)
    for part in tables:
        if isinstance(part, str):
            # A sentence is folded; a command is copied whole.
            text = plain(part)
            console.print(Text(folded(text, console.width) if text.endswith(".") else text), soft_wrap=True)
        else:
            console.print(drawn(part, console.width))
    write(printed.getvalue().removesuffix("\n"))


def _form(given: Any) -> str:
    """The form that is asked for: "json" or one of FORMS; "" for none. InputError for several."""
    asked = [name for name in ("json", *FORMS) if getattr(given, name)]
    if len(asked) > 1:
        raise InputError(f"{' '.join(f'--{name}' for name in asked)}: expected one of them")
    return asked[0] if asked else ""
