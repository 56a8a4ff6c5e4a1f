"""What the site makes at each build: the help of every command, and the tables of parts."""

from __future__ import annotations

import contextlib
import io
import os
import re
import warnings
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

WIDTH = "88"
COMMAND_LINE = "reference/command-line.md"
PARTS = "reference/parts.md"
FENCE = re.compile(r"^```(\w+) (no-run|small=.*)$", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made of the code."""
    files.append(File.generated(config, COMMAND_LINE, content=command_line()))
    files.append(File.generated(config, PARTS, content=parts()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Leave out what tells a test not to run an example, or to make it small."""
    return FENCE.sub(r"```\1", markdown)


def command_line() -> str:
    """The page of the command line: what `limbeck --help` and each command's help print."""
    from limbeck.cli import COMMANDS

    sections = [
        "# Command line",
        "What `limbeck --help` and `limbeck COMMAND --help` print. `limbeck distill DATA --recipe R --help` also\n"
        "lists every option of that recipe's parts, and the accuracies that were published for it.",
        _fenced(_printed("--help")),
    ]
    for name, summary in COMMANDS.items():
        sections += [f"## limbeck {name}", f"{summary[0].upper()}{summary[1:]}.", _fenced(_printed(name, "--help"))]
    return "\n\n".join(sections) + "\n"


def parts() -> str:
    """The page of the parts: what `limbeck list` prints, and where each recipe is from."""
    from limbeck.cli.list import KINDS
    from limbeck.cli.list import parts as parts_of

    sections = [
        "# Parts",
        "What `limbeck list` prints. `limbeck list KIND` prints one table, `limbeck list recipes --published` every\n"
        "published run. A package of yours [adds parts](../how-to/own-method.md) to any of them.",
    ]
    for kind in KINDS:
        rows = parts_of(kind)
        columns = ["name", "summary", *(["source"] if any("source" in row for row in rows) else [])]
        lines = [f"| {' | '.join(columns)} |", "| --- " * len(columns) + "|"]
        for row in rows:
            cells = [f"`{row['name']}`", *(_cell(str(row.get(name, ""))) for name in columns[1:])]
            lines.append(f"| {' | '.join(cells)} |")
        sections += [f"## {kind.replace('-', ' ').capitalize()}", "\n".join(lines)]
    return "\n\n".join(sections) + "\n"


def _printed(*words: str) -> str:
    """What a command prints; the process is left as it was."""
    from limbeck.cli import main

    printed, width, show = io.StringIO(), os.environ.get("COLUMNS"), warnings.showwarning
    os.environ["COLUMNS"] = WIDTH
    try:
        with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
            main(list(words))
    finally:
        warnings.showwarning = show
        os.environ.pop("COLUMNS")
        if width is not None:
            os.environ["COLUMNS"] = width
    return printed.getvalue().strip()


def _fenced(text: str) -> str:
    return f"```text\n{text}\n```"


def _cell(text: str) -> str:
    """Text as it stands in a cell of a table of Markdown."""
    return re.sub(r"([\\|*_<>`\[\]])", r"\\\1", " ".join(text.split()))
